/** A router of several threads under a test, with what its log says, and faults on demand. */
import { BroadcastChannel } from "node:worker_threads";
import type { Log, LogLevel } from "../../src/base/log.ts";
import { connectTransport } from "../../src/client/connect.ts";
import type { RouterHost } from "../../src/main/host.ts";
import { startWorkers } from "../../src/main/workers.ts";
import type { RouterOptions } from "../../src/main.ts";
import type { Fault } from "./faulty-thread.ts";
import { placeOfSession } from "./place-of-session.ts";
import { Wire } from "./wire.ts";

const module = new URL("./faulty-thread.js", import.meta.url);

/** Until every worker has a session, one that is being started too. */
const patience_ms = 60_000;

export interface LogEntry {
  readonly level: LogLevel;
  readonly part: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class WorkersRig {
  readonly router: RouterHost;
  readonly lines: readonly LogEntry[];
  readonly #channel = new BroadcastChannel("spanwire-faults");
  readonly #wires: Wire[] = [];

  static async open(count: number, options: RouterOptions): Promise<WorkersRig> {
    const lines: LogEntry[] = [];
    const write =
      (level: LogLevel): Log["error"] =>
      (part, message, fields = {}) =>
        void lines.push({ level, part, message, fields });
    const log: Log = {
      error: write("error"),
      warn: write("warn"),
      info: write("info"),
      debug: write("debug"),
    };
    return new WorkersRig(await startWorkers({ log, ...options }, count, module), lines);
  }

  private constructor(router: RouterHost, lines: readonly LogEntry[]) {
    this.router = router;
    this.lines = lines;
  }

  /** A connection, wherever the system has put it. */
  async connect(listener = 0): Promise<Wire> {
    const { url } = this.router.listeners[listener]!;
    const wire = new Wire(await connectTransport({ url, serializer: "msgpack" }));
    this.#wires.push(wire);
    return wire;
  }
  /** A session that has joined. */
  async join(listener = 0): Promise<Wire> {
    return (await this.connect(listener)).join();
  }

  placeOf(wire: Wire): number {
    return placeOfSession(wire.id, this.router.workerCount);
  }

  /** Sessions until every worker has one; the first of each. */
  async joinAll(listener = 0): Promise<readonly Wire[]> {
    const first: Wire[] = [];
    for (const giveUp_ms = performance.now() + patience_ms; performance.now() < giveUp_ms; ) {
      const wire = await this.join(listener);
      const place = this.placeOf(wire);
      if (first[place] === undefined) first[place] = wire;
      else wire.close();
      if (Object.keys(first).length === this.router.workerCount) return first;
      // One that is being started may need the processor.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error(`no session at some of ${this.router.workerCount} workers`);
  }

  commit(fault: Fault): void {
    this.#channel.postMessage(fault);
  }

  logged(text: RegExp): LogEntry | undefined {
    return this.lines.find(({ message }) => text.test(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
  async close(): Promise<void> {
    this.#channel.close();
    for (const wire of this.#wires) wire.close();
    await this.router.close();
  }
}
