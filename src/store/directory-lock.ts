/**
 * A data directory belongs to one process. The lock is a file that names it: number, start and namespace, so that a lock which `kill -9`
 * left behind is known as stale, also when another process has the number now.
 *
 * A stale lock is never deleted first: of two that start at once, one could delete the other's new one. Who wants it makes the successor
 * of exactly that lock, `lock.<digest of it>`, which only one can (link(2) fails if it exists), and then moves it into place.
 *
 * Processes of other machines, and of other containers, that share the directory cannot be seen: LmdbStore refuses to go on when
 * somebody else has written.
 */
import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import {
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { StoreError, storeErrorOf } from "./store-error.ts";

const lockName = "lock";
/** Files of the lock, among others in the directory. */
export const isLockFile = (name: string): boolean => /^(draft-of-)?lock\b/.test(name);
const attempts_max = 100;

interface Holder {
  readonly pid: number;
  /** When the process started, in whatever words the system has for it. Empty: unknown. */
  readonly started: string;
  /** Where its number means something. */
  readonly namespace: string;
  readonly since: string;
}

export interface DirectoryLock {
  release(): void;
}

/** Throws StoreError `locked` where a process that is alive has the directory. */
export function lockDirectory(dir: string): DirectoryLock {
  const path = join(dir, lockName);
  const own = `${JSON.stringify({ ...holderOf(process.pid), since: new Date().toISOString(), nonce: randomUUID() })}\n`;
  const draft = join(dir, `draft-of-${lockName}-${randomUUID()}`);
  try {
    writeFileSync(draft, own, { flag: "wx", mode: 0o600 });
    for (let attempt = 0; attempt < attempts_max; attempt++)
      if (tryLock(dir, path, draft)) return { release: () => release(path, own) };
  } catch (error) {
    throw storeErrorOf(error, `The data directory ${dir} cannot be locked`);
  } finally {
    rmSync(draft, { force: true });
  }
  throw new StoreError("locked", `The data directory ${dir} is being taken by other processes all the time.`);
}

/** Throws where it is held; false: it has just changed, look again. */
function tryLock(dir: string, path: string, draft: string): boolean {
  const base = readOrNull(path);
  if (base === null) return linked(draft, path);
  let tail = base;
  for (let next = readOrNull(successor(path, tail)); next !== null; next = readOrNull(successor(path, tail)))
    tail = next;
  const holder = parseHolder(tail);
  if (holder !== null && isAlive(holder)) throw inUse(dir, holder);
  const claim = successor(path, tail);
  if (!linked(draft, claim)) return false;
  // Somebody may have moved the successor of what was read into place meanwhile: then this claim is of a lock that is gone.
  if (readOrNull(path) !== base) {
    rmSync(claim, { force: true });
    return false;
  }
  renameSync(claim, path);
  for (const name of readdirSync(dir))
    if (name.startsWith(`${lockName}.`)) rmSync(join(dir, name), { force: true });
  return true;
}

function release(path: string, own: string): void {
  if (readOrNull(path) === own) rmSync(path, { force: true });
}

const successor = (path: string, text: string): string =>
  `${path}.${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;

const inUse = (dir: string, { pid, since }: Holder): StoreError =>
  new StoreError(
    "locked",
    pid === process.pid
      ? `The data directory ${dir} is already open in this process.`
      : `The data directory ${dir} is used by process ${pid} since ${since}. Stop that process, or give this one a directory of its own.`,
  );

function isAlive(holder: Holder): boolean {
  const now = holderOf(holder.pid);
  if (now === null || now.namespace !== holder.namespace) return false;
  return now.started === "" || holder.started === "" || now.started === holder.started;
}

/** Null: there is no such process. */
function holderOf(pid: number): Omit<Holder, "since"> | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is one, of another user.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return null;
  }
  return { pid, started: startOf(pid), namespace: namespaceOf() };
}

/** Two processes of one number differ in it. */
function startOf(pid: number): string {
  if (process.platform === "linux") {
    // The 22nd field: ticks since boot. The second is the program's name in brackets, and may have anything in it.
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    } catch {
      return "";
    }
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}

/** The boot and the container: a number of another one says nothing here. */
function namespaceOf(): string {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, started, namespace, since } = JSON.parse(text) as Partial<Holder>;
    if (!Number.isInteger(pid) || (pid ?? 0) <= 0) return null;
    return { pid: pid!, started: String(started), namespace: String(namespace), since: String(since) };
  } catch {
    // A power failure can leave a file without its contents.
    return null;
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
