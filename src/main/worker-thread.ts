/**
 * A thread of a router with several: the module that it runs. It makes a router of its own, serves the same places as the others, and
 * ends alone: what nothing caught ends its sessions and it, and the first thread starts another in its place.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Log } from "../base/log.ts";
import { fixedLimits, limitsFrom } from "../base/limits.ts";
import { hostScheduler } from "../host.ts";
import { SharedLoads } from "../router/peers/shared-loads.ts";
import { RingLinks } from "../workers/ring-links.ts";
import { assemble } from "./assemble.ts";
import { Bus, type BusPort, faultOf } from "./bus.ts";
import { Channel } from "./channel.ts";
import { SharedCount } from "./connection-count.ts";
import { layFoundation } from "./core.ts";
import type { RouterHost, SharedListener } from "./host.ts";
import type { RouterOptions } from "./options.ts";
import {
  type LogLine,
  type MainCalls,
  SharedWords,
  type ThreadCalls,
  type ThreadGiven,
  type ThreadOptions,
} from "./worker-calls.ts";

class RouterThread {
  readonly #given: ThreadGiven;
  readonly #words: SharedWords;
  readonly #bus: Bus<MainCalls, ThreadCalls>;
  readonly #channel = new Channel(false, (question) =>
    this.#bus.call("ask", question, { timeout_ms: fixedLimits.workerHome_ms }),
  );
  #links: RingLinks | null = null;
  #host: RouterHost | null = null;
  #isEnding = false;

  constructor(port: BusPort, given: ThreadGiven) {
    this.#given = given;
    this.#words = new SharedWords(given.count, given.memory);
    this.#bus = new Bus<MainCalls, ThreadCalls>(
      port,
      {
        build: (options) => this.#build(options),
        attach: ({ peer, end }) => this.#links?.attach(peer, end),
        detach: ({ peer }) => this.#links?.detach(peer),
        listen: (listeners) => this.#listen(listeners),
        unlisten: (url) => this.#router.unlisten(url),
        ask: (question) => this.#channel.asked(question),
        stats: () => this.#router.stats(),
        close: () => this.#close(),
        exit: () => this.#exit(),
      },
      (_, cause) => this.#fail(cause),
    );
    // A promise that nobody waits for is no better than an exception.
    process.on("uncaughtException", (cause) => this.#fail(cause));
    process.on("unhandledRejection", (cause) => this.#fail(cause));
  }

  get #router(): RouterHost {
    if (this.#host === null) throw new Error("this thread has no router");
    return this.#host;
  }

  async #build({ isSecured, ...options }: ThreadOptions): Promise<void> {
    const { place, count, logins } = this.#given;
    const { linkBytes_max } = limitsFrom(options.limits ?? {});
    const links = new RingLinks({ self: place, count, linkBytes_max, scheduler: hostScheduler });
    this.#links = links;
    const connections = new SharedCount(this.#words.connections, place);
    const spread = {
      loads: new SharedLoads(this.#given.loads, count, place),
      preferLocal: options.preferLocal ?? false,
    };
    const all: RouterOptions = { ...options, ...(isSecured && { security: {} }), log: this.#log() };
    this.#host = await assemble(
      all,
      layFoundation(all, { links, channel: this.#channel, connections, spread, logins }),
    );
  }

  #log(): Log {
    const write =
      (level: LogLine["level"]): Log["error"] =>
      (part, message, fields = {}) =>
        this.#bus.tell("log", { level, part, message, fields: copiable(fields) });
    return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
  }

  /** Clients are let in when what the others have can be reached from here. */
  async #listen(listeners: readonly SharedListener[]): Promise<void> {
    const host = this.#router;
    const giveUp_ms = performance.now() + fixedLimits.workerStart_ms;
    while (!host.isJoined) {
      if (performance.now() > giveUp_ms) throw new Error("the other workers are not heard of");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await host.listenToo(listeners);
  }

  async #close(): Promise<void> {
    this.#isEnding = true;
    try {
      await this.#host?.close();
    } finally {
      this.#links?.close();
      // Not before the answer has gone out.
      setImmediate(() => this.#release(0));
    }
  }

  /** The process ends, and does not wait: whatever the system holds for this thread must go before it. */
  #exit(): void {
    this.#isEnding = true;
    void this.#host?.abandon().catch(() => {});
    this.#release(0);
  }

  #fail(cause: unknown): void {
    if (this.#isEnding) return this.#log().warn("workers", "an exception while a worker ends", { cause });
    this.#isEnding = true;
    this.#bus.tell("failed", faultOf(cause));
    // The others are told by the first thread; nothing more is said to them from here.
    this.#links?.close();
    const end = (): void => this.#release(1);
    // While it waits, no exception counts: whatever comes now comes of what is broken.
    setTimeout(end, fixedLimits.workerExit_ms);
    (this.#host?.abandon() ?? Promise.resolve()).then(end, end);
  }

  #release(code: number): void {
    Atomics.store(this.#words.released, this.#given.place, 1);
    Atomics.notify(this.#words.released, this.#given.place);
    process.exit(code);
  }
}

/** The fields without what cannot be copied to another thread: that is told as text. */
function copiable(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const plain = ([name, value]: [string, unknown]): [string, unknown] => {
    try {
      return [name, structuredClone(value)];
    } catch {
      return [name, String(value)];
    }
  };
  return Object.fromEntries(Object.entries(fields).map(plain));
}

if (parentPort !== null) new RouterThread(parentPort, workerData as ThreadGiven);
