/**
 * Child processes of the benches: routers pinned to one core, the load generator to another, and the compiler for it.
 * Pinning needs `taskset` and two cores; without them the figures are still right, only noisier, and the harness says so.
 */
import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  execFileSync,
  spawn,
} from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { familyOf } from "./processes.ts";

export type RuntimeName = "node" | "bun";

const here = dirname(fileURLToPath(import.meta.url));
/** The project's root; this file runs from build/bench. */
export const root = resolve(here, "../..");

export const found = (command: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Bun's binary lies in its own package where the install script ran, and in the platform package where it did not. */
export const bunPath = (): string | undefined =>
  ["bun/bin/bun.exe", "@oven/bun-linux-x64/bin/bun", "@oven/bun-linux-aarch64/bin/bun"]
    .map((path) => resolve(root, "node_modules", path))
    .find((path) => existsSync(path) && statSync(path).size > 1 << 20);

export const runtimePath = (runtime: RuntimeName): string => {
  if (runtime === "node") return process.versions.bun === undefined ? process.execPath : "node";
  const path = bunPath();
  if (path === undefined) throw new Error("Bun is not installed: npm install");
  return path;
};

export const runtimes = (): readonly RuntimeName[] => (bunPath() === undefined ? ["node"] : ["node", "bun"]);

export const canPin = availableParallelism() >= 2 && found("taskset");

const pinned = (core: number, command: readonly string[]): readonly string[] =>
  canPin ? ["taskset", "-c", String(core), ...command] : command;

export const routerCore = 0;
export const loadCore = 1;

const compilers = ["cc", "gcc", "clang"];

/**
 * Compiles bench/load/*.c into build/bench/load unless that is newer than all of them. Throws with the remedy where no C compiler
 * is. The new program takes its place whole, since another run may be using the old one.
 */
export const compileLoad = (): string => {
  const folder = resolve(root, "bench/load");
  const sources = readdirSync(folder).map((name) => resolve(folder, name));
  const target = resolve(root, "build/bench/load");
  const newest = Math.max(...sources.map((source) => statSync(source).mtimeMs));
  if (existsSync(target) && statSync(target).mtimeMs > newest) return target;
  const compiler = compilers.find(found);
  if (compiler === undefined) {
    throw new Error(
      "the load generator needs a C compiler: install one (Debian, Ubuntu: apt-get install gcc libc6-dev)",
    );
  }
  mkdirSync(dirname(target), { recursive: true });
  const made = `${target}.${process.pid}`;
  const units = sources.filter((source) => source.endsWith(".c"));
  execFileSync(compiler, ["-O2", "-std=gnu11", "-o", made, ...units, "-lm"], { stdio: "inherit" });
  renameSync(made, target);
  return target;
};

export const freePort = (): Promise<number> =>
  new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        address !== null && typeof address === "object" ? done(address.port) : failed(new Error("no port")),
      );
    });
  });

export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it printed until it was ready, and on stderr since. */
  output(): string;
  /** Writes a line to its stdin and gives the next line that it prints. Rejects when it ends instead. */
  ask(line: string): Promise<string>;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The process counts as started once its output matches. */
  readonly ready: RegExp;
  readonly core?: number;
  readonly startWait_ms?: number;
  readonly cwd?: string;
}

const startWait_ms = 15_000;
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

const killHard = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself meanwhile.
    }
  }
};

/** Asks it to end; what it has started itself is ended too, should it not see to that. */
const stop = (child: ChildProcess): Promise<void> =>
  new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    const family = familyOf(child.pid!);
    const hard = setTimeout(() => killHard(family), 5_000);
    child.once("exit", () => {
      clearTimeout(hard);
      running.delete(child);
      killHard(family.slice(1).filter((pid) => familyOf(pid).length > 0));
      done();
    });
    child.kill("SIGTERM");
  });

/** One question at a time: the answer is the next whole line on stdout. */
const asker =
  (child: ChildProcessWithoutNullStreams): Started["ask"] =>
  (line) =>
    new Promise((done, failed) => {
      let text = "";
      const read = (chunk: Buffer): void => {
        text += chunk.toString();
        const end = text.indexOf("\n");
        if (end < 0) return;
        child.stdout.off("data", read);
        child.off("exit", ended);
        done(text.slice(0, end));
      };
      const ended = (code: number | null): void =>
        failed(new Error(`it ended with ${code} instead of answering`));
      if (child.exitCode !== null || child.signalCode !== null) return ended(child.exitCode);
      child.stdout.on("data", read);
      child.once("exit", ended);
      child.stdin.write(`${line}\n`);
    });

/** Starts a process and waits until it says that it is ready. Rejects with its output if it ends or stays silent. */
export const start = (options: StartOptions): Promise<Started> =>
  new Promise((done, failed) => {
    const [file, ...rest] =
      options.core === undefined ? options.command : pinned(options.core, options.command);
    const child = spawn(file!, rest, {
      env: { ...process.env, ...options.env },
      cwd: options.cwd ?? root,
      stdio: "pipe",
    });
    running.add(child);
    let output = "";
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      failed(new Error(`${options.command.join(" ")} ${why}:\n${output}`));
    };
    const timer = setTimeout(() => fail("did not get ready"), options.startWait_ms ?? startWait_ms);
    const ended = (code: number | null): void => fail(`ended with ${code}`);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!options.ready.test(output)) return;
      clearTimeout(timer);
      child.off("exit", ended);
      child.stdout.off("data", read);
      child.stderr.off("data", read);
      child.stdout.resume();
      child.stderr.on("data", (more: Buffer) => {
        output += more.toString();
      });
      done({ pid: child.pid!, child, output: () => output, ask: asker(child), stop: () => stop(child) });
    };
    child.once("error", (cause) => fail(cause.message));
    child.once("exit", ended);
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.stdin.on("error", () => undefined); // A process that is gone is noticed by its exit.
  });

export interface RunOptions {
  readonly core?: number;
  /** After this long it is killed, and has failed. */
  readonly patience_ms?: number;
}

/** Runs a command to its end and gives its stdout. Rejects with its stderr when it fails. */
export const run = (command: readonly string[], options: RunOptions = {}): Promise<string> =>
  new Promise((done, failed) => {
    const { core, patience_ms } = options;
    const [file, ...rest] = core === undefined ? command : pinned(core, command);
    const child = spawn(file!, rest, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let out = "";
    let complaint = "";
    const timer =
      patience_ms === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), patience_ms);
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.once("error", failed);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      if (code === 0) return done(out);
      const end =
        signal === "SIGKILL" ? `was ended after ${(patience_ms ?? 0) / 1000} s` : `ended with ${code}`;
      failed(new Error(`${command.join(" ")} ${end}: ${complaint.trim() || out.trim()}`));
    });
  });
