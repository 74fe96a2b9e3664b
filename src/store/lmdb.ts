/**
 * Durable state in LMDB, in one data directory. The directory is locked, checked and, where it is of an older format, brought up to date
 * before the store is used.
 *
 * Commits are LMDB's own synchronous transactions, in its plain mode (`overlappingSync: false`): mdb_txn_commit writes the pages, waits
 * for fdatasync, then writes the root through a descriptor that is synced too. What returned is on the disk, and what did not has
 * changed nothing. The asynchronous writes of the package are not used: where one fails, as on a full disk, they reject promises that
 * nobody can reach, and end the process. Commits of one loop turn share one transaction, so that many cost one wait for the disk.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { assert } from "../base/assert.ts";
import type { Store, StoreChange } from "../ports.ts";
import { type BackupEntry, writeBackup } from "./backup.ts";
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
import { keyBytes } from "./keys.ts";
import {
  buildingDir,
  createPrivateFile,
  dataFile,
  howToRestore,
  makeDirectory,
  markerFile,
  readersFile,
  renameDurably,
} from "./layout.ts";
import { seal, Tally, unseal } from "./sealed.ts";
import { StoreError, storeErrorOf } from "./store-error.ts";
import {
  currentFormat,
  keyText,
  metaKey,
  readMeta,
  type StoreMeta,
  storedKey,
  writeMeta,
} from "./store-meta.ts";
import { type Verified, verifyDirectory } from "./verify.ts";

type Database = RootDatabase<Buffer, Buffer>;
type Records = Pick<Store, "get" | "entries">;

/** Brings a store from format `to - 1` to `to`. */
export interface Migration {
  readonly to: number;
  /** What is to be changed; reads what the migrations before it made. */
  migrate(records: Records): readonly StoreChange[];
}

/** One for each format beyond the first, in order. */
const migrations: readonly Migration[] = [];

export interface LmdbStoreOptions {
  /** Name and version of the program, for people. */
  readonly wrote: string;
  /** Milliseconds since 1970. */
  wall_ms(): number;
  /** Instead of those of this version: tests. */
  readonly migrations?: readonly Migration[];
}

/**
 * Opens the store of a directory, and makes both where they are not there. Rejects with StoreError: `locked`, `damaged`, `newer_format`,
 * `system`. A store of an older format is copied to `before-format-N.backup` in the directory and then migrated, in one commit.
 */
export async function openLmdbStore(dir: string, options: LmdbStoreOptions): Promise<Store> {
  const steps = options.migrations ?? migrations;
  const format = steps.at(-1)?.to ?? currentFormat;
  makeDirectory(dir);
  const lock = lockDirectory(dir);
  let store: LmdbStore | null = null;
  try {
    let verified = verifyDirectory(dir, format);
    if (verified === null) {
      const meta = { format, wrote: options.wrote, created_ms: options.wall_ms(), commit: 0 };
      await buildDataFile(dir, meta, noEntries());
      verified = verifyDirectory(dir, format);
      assert(verified !== null, "a data file was just made");
    }
    if (!existsSync(markerFile(dir))) writeMarker(dir);
    store = new LmdbStore(dir, { lock, verified, options });
    if (verified.meta.format < format) await store.migrate(steps);
    return store;
  } catch (error) {
    await store?.close();
    lock.release();
    throw storeErrorOf(error, `The data directory ${dir} cannot be used`);
  }
}

class LmdbStore implements Store {
  readonly #dir: string;
  readonly #lock: DirectoryLock;
  readonly #options: LmdbStoreOptions;
  readonly #db: Database;
  #meta: StoreMeta;
  #tally: Tally;
  #waiting: Commit[] = [];
  #backups = new Set<Promise<void>>();
  #open = true;

  constructor(dir: string, parts: { lock: DirectoryLock; verified: Verified; options: LmdbStoreOptions }) {
    this.#dir = dir;
    this.#lock = parts.lock;
    this.#options = parts.options;
    this.#meta = parts.verified.meta;
    this.#tally = parts.verified.tally;
    this.#db = openDatabase(dataFile(dir));
  }

  get(key: string): Uint8Array | undefined {
    assert(this.#open, "the store is closed");
    const stored = storedKey(keyBytes(key));
    const sealed = this.#db.get(stored);
    return sealed === undefined ? undefined : this.#unseal(stored, sealed);
  }

  *entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    assert(this.#open, "the store is closed");
    for (const [stored, value] of this.#range(prefix)) yield [keyText(stored), value];
  }

  commit(changes: readonly StoreChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      assert(this.#open, "the store is closed");
      // Sealing copies: the caller may use its bytes for something else.
      const writes = changes.map(({ key, value }) => writeOf(key, value));
      this.#waiting.push({ writes, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  backup(path: string): Promise<void> {
    const work = this.#backup(path).finally(() => this.#backups.delete(work));
    this.#backups.add(work);
    return work;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#flush();
    this.#open = false;
    await Promise.allSettled(this.#backups);
    await this.#db.close();
    this.#lock.release();
  }

  /** Copies, then takes all steps in one transaction: a crash leaves the old format or the new one. */
  async migrate(steps: readonly Migration[]): Promise<void> {
    const from = this.#meta.format;
    const format = steps.at(-1)!.to;
    const copy = join(this.#dir, `before-format-${format}.backup`);
    // An earlier attempt that was ended may have made it already, of the same records.
    rmSync(copy, { force: true });
    await this.backup(copy);
    const records: Records = { get: (key) => this.get(key), entries: (prefix) => this.entries(prefix) };
    try {
      this.#transaction({ ...this.#meta, format, wrote: this.#options.wrote }, (apply) => {
        for (const step of steps.filter(({ to }) => to > from))
          for (const { key, value } of step.migrate(records)) apply(writeOf(key, value));
      });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError(
        "migration",
        `The store in ${this.#dir} cannot be brought from format ${from} to ${format}: ${why}. Nothing was changed.`,
        cause,
      );
    }
  }

  #flush(): void {
    const commits = this.#waiting;
    this.#waiting = [];
    if (commits.length === 0) return;
    try {
      this.#transaction(this.#meta, (apply) => {
        for (const { writes } of commits) for (const write of writes) apply(write);
      });
    } catch (cause) {
      const error = storeErrorOf(cause, `${dataFile(this.#dir)} cannot be written`);
      for (const { reject } of commits) reject(error);
      return;
    }
    for (const { resolve } of commits) resolve();
  }

  /** All writes and the store's own record, or nothing. */
  #transaction(meta: StoreMeta, work: (apply: (write: Write) => void) => void): void {
    const tally = this.#tally.copy();
    const next = { ...meta, commit: this.#meta.commit + 1 };
    const apply = ({ stored, sealed }: Write): void => {
      const before = this.#db.get(stored);
      if (before !== undefined) tally.count(before, -1);
      if (sealed === null) {
        if (before !== undefined) this.#db.remove(stored);
        return;
      }
      tally.count(sealed, 1);
      this.#db.put(stored, sealed);
    };
    this.#db.transactionSync(() => {
      if (this.#storedMeta()?.commit !== this.#meta.commit)
        throw new StoreError(
          "locked",
          `Another process has written to ${this.#dir}, of another machine or container: nothing is written any more. Stop one of the two.`,
        );
      work(apply);
      this.#db.put(metaKey, seal(metaKey, writeMeta(next, tally)));
    });
    this.#tally = tally;
    this.#meta = { ...next, records: tally.records, digest: tally.digest };
  }

  async #backup(path: string): Promise<void> {
    assert(this.#open, "the store is closed");
    // One snapshot for all of it, however many commits come meanwhile.
    const transaction = this.#db.useReadTransaction();
    try {
      const { format, wrote, records } = this.#meta;
      const header = { format, wrote, taken_ms: this.#options.wall_ms(), node_id: this.#nodeId(), records };
      await writeBackup(path, header, this.#range("", transaction));
    } finally {
      transaction.done();
    }
  }

  /** Where RecordStore keeps it. */
  #nodeId(): string | null {
    const id = this.get("node_id");
    return id === undefined ? null : Buffer.from(id).toString("latin1");
  }

  *#range(prefix: string, transaction?: ReturnType<Database["useReadTransaction"]>): Iterable<BackupEntry> {
    const start = storedKey(Buffer.from(prefix, "utf8"));
    // No byte of UTF-8 is 0xff.
    const end = Buffer.concat([start, Uint8Array.of(0xff)]);
    const options = transaction === undefined ? { start, end } : { start, end, transaction };
    for (const { key, value } of this.#db.getRange(options)) yield [key, this.#unseal(key, value).slice()];
  }

  #storedMeta(): StoreMeta | null {
    const sealed = this.#db.get(metaKey);
    const value = sealed === undefined ? null : unseal(metaKey, sealed);
    return value === null ? null : readMeta(value, this.#meta.format);
  }

  #unseal(stored: Uint8Array, sealed: Uint8Array): Uint8Array {
    const value = unseal(stored, sealed);
    if (value !== null) return value;
    const path = dataFile(this.#dir);
    throw new StoreError(
      "damaged",
      `A record in ${path} has changed on the disk. ${howToRestore(this.#dir)}`,
    );
  }
}

interface Write {
  readonly stored: Buffer;
  /** Null: the record goes. */
  readonly sealed: Buffer | null;
}

interface Commit {
  readonly writes: readonly Write[];
  resolve(): void;
  reject(error: StoreError): void;
}

function writeOf(key: string, value: Uint8Array | null): Write {
  const stored = storedKey(keyBytes(key));
  return { stored, sealed: value === null ? null : seal(stored, value) };
}

/** Keys are bytes and ordered as such; values are bytes. One file, and one for its readers. */
const openDatabase = (path: string): Database =>
  open<Buffer, Buffer>({
    path,
    noSubdir: true,
    maxDbs: 1,
    encoding: "binary",
    keyEncoding: "binary",
    cache: false,
    overlappingSync: false,
  });

async function* noEntries(): AsyncIterable<BackupEntry> {}

/**
 * Builds a data file beside the one that is in use, if any, and then puts it in its place: there is always a whole one. The directory is
 * locked by the caller. Entries have the keys of stored records. `replacing` is called when the new one is whole, just before.
 */
export async function buildDataFile(
  dir: string,
  meta: Omit<StoreMeta, "records" | "digest">,
  entries: AsyncIterable<BackupEntry>,
  replacing: () => void = () => {},
): Promise<void> {
  const folder = buildingDir(dir);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  const path = dataFile(folder);
  createPrivateFile(path);
  createPrivateFile(readersFile(path));
  const db = openDatabase(path);
  try {
    const tally = new Tally();
    for await (const batch of inBatches(entries, 1_000))
      db.transactionSync(() => {
        for (const [stored, value] of batch) {
          const sealed = seal(stored, value);
          tally.count(sealed, 1);
          db.put(Buffer.from(stored), sealed);
        }
      });
    db.transactionSync(() => void db.put(metaKey, seal(metaKey, writeMeta(meta, tally))));
  } finally {
    await db.close();
  }
  replacing();
  rmSync(readersFile(dataFile(dir)), { force: true });
  createPrivateFile(readersFile(dataFile(dir)));
  renameDurably(path, dataFile(dir));
  rmSync(folder, { recursive: true, force: true });
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncIterable<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

export function writeMarker(dir: string): void {
  const text = {
    about: "A data directory of Spanwire. Its records are in store.mdb; one process at a time uses it.",
  };
  const draft = join(dirname(markerFile(dir)), "store.json.draft");
  writeFileSync(draft, `${JSON.stringify(text)}\n`, { mode: 0o600 });
  renameDurably(draft, markerFile(dir));
}
