/** Starts the real command as a child process, on free ports, on the runtime that runs the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface RunningRouter {
  /** ws://… */
  readonly url: string;
  /** tcp://… of RawSocket. */
  readonly rawsocketUrl: string;
  readonly realm: string;
  /** Everything printed so far. */
  output(): string;
  /** Ends it as Ctrl-C would, and gives its exit code. */
  stop(): Promise<number | null>;
}

const command = fileURLToPath(new URL("../../src/cli/spanwire.js", import.meta.url));
/** A router on a busy machine; it says so long before if it fails. */
const start_ms = 20_000;

export async function startRouter(
  options: {
    readonly args?: readonly string[];
    /** Its arguments say where it keeps its state. */
    readonly keeps?: boolean;
  } = {},
): Promise<RunningRouter> {
  const ports = ["--port", "0", "--rawsocket-port", "0"];
  const args = [
    command,
    "start",
    ...(options.keeps === true ? [] : ["--ephemeral"]),
    ...ports,
    ...(options.args ?? []),
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const printed: string[] = [];
  const text = (): string => printed.join("");
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => printed.push(chunk));
  }
  await listening(child, text);
  const found = (pattern: RegExp): string => pattern.exec(text())?.[0] ?? "";
  return {
    url: found(/ws:\/\/[^\s"',]+/),
    rawsocketUrl: found(/tcp:\/\/[^\s"',]+/),
    realm: "realm1",
    output: text,
    stop: () => {
      child.kill("SIGINT");
      return exited;
    },
  };
}

/** Resolves when a whole line with a WebSocket URL has been printed. */
function listening(child: ChildProcess, text: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill("SIGKILL");
      reject(new Error(`the router did not start: ${why}\n${text()}`));
    };
    const timer = setTimeout(() => fail(`silent for ${start_ms} ms`), start_ms);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    child.once("error", (cause) => fail(cause.message));
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`it exited with ${code}`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", () => {
        if (/ws:\/\/[^\s"',]+\s/.test(text()) && /\n/.test(text())) done();
      });
    }
  });
}
