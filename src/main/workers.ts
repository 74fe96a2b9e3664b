/**
 * A router of several threads, seen from the first: it starts the others, joins them, starts one anew when it has ended, and stops
 * them. Loaded only by routers that have more than one. Control path.
 */
import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import type { SharedLogins } from "../auth/shared-login-counts.ts";
import { fixedLimits, type Limits, limitsFrom } from "../base/limits.ts";
import { type Log, silentLog } from "../base/log.ts";
import { fillRandom, hostScheduler } from "../host.ts";
import { newLink } from "../workers/link.ts";
import { SharedLoads } from "../router/peers/shared-loads.ts";
import { RingLinks } from "../workers/ring-links.ts";
import { assemble } from "./assemble.ts";
import { Bus, errorOf } from "./bus.ts";
import { Channel, type Question } from "./channel.ts";
import { SharedCount } from "./connection-count.ts";
import { layFoundation } from "./core.ts";
import type { OtherWorkers, RouterHost, SharedListener } from "./host.ts";
import type { RouterOptions, RouterStats } from "./options.ts";
import {
  type MainCalls,
  ringBytes,
  SharedWords,
  type ThreadCalls,
  type ThreadGiven,
  type ThreadOptions,
} from "./worker-calls.ts";
import type { Thread } from "./thread.ts";

const threadModule = new URL("./worker-thread.js", import.meta.url);

/** `module`: what a thread runs; a test's own does something beside. */
export async function startWorkers(
  options: RouterOptions,
  count: number,
  module: URL = threadModule,
): Promise<RouterHost> {
  const words = new SharedWords(count);
  const limits = limitsFrom(options.limits ?? {});
  const { linkBytes_max, goodbye_ms } = limits;
  const links = new RingLinks({ self: 0, count, linkBytes_max, scheduler: hostScheduler });
  const log = options.log ?? silentLog;
  const threadOptions = threadOptionsOf(options);
  const loads = new SharedArrayBuffer(SharedLoads.bytesFor(count));
  const logins = options.security === undefined ? null : await sharedLogins(limits, count);
  const parts = { count, module, words, loads, logins, links, log, goodbye_ms, threadOptions };
  const workers = new Workers(parts);
  const thread: Thread = {
    links,
    channel: workers.channel,
    connections: new SharedCount(words.connections, 0),
    spread: { loads: new SharedLoads(loads, count, 0), preferLocal: options.preferLocal ?? false },
    logins: logins?.memory ?? null,
  };
  const host = await assemble(options, layFoundation(options, thread));
  host.join(workers);
  try {
    await host.listen(options);
    await workers.start(host.shared);
  } catch (cause) {
    await host.close();
    throw cause;
  }
  return host;
}

/** A router without security does not load it. */
async function sharedLogins(limits: Limits, count: number): Promise<SharedLogins> {
  const { SharedLogins: Logins } = await import("../auth/shared-login-counts.ts");
  return Logins.make(limits, count, fillRandom);
}

const threadOptionsOf = ({
  realms,
  slowConsumer,
  limits,
  preferLocal,
  security,
}: RouterOptions): ThreadOptions => ({
  ...(realms !== undefined && { realms }),
  ...(slowConsumer !== undefined && { slowConsumer }),
  ...(limits !== undefined && { limits }),
  ...(preferLocal !== undefined && { preferLocal }),
  isSecured: security !== undefined,
});

const answering = { timeout_ms: fixedLimits.workerAnswer_ms };

interface WorkersParts {
  readonly count: number;
  readonly module: URL;
  readonly words: SharedWords;
  readonly loads: SharedArrayBuffer;
  readonly logins: SharedLogins | null;
  readonly links: RingLinks;
  readonly log: Log;
  readonly goodbye_ms: number;
  readonly threadOptions: ThreadOptions;
}

/** One life of a thread. */
interface Life {
  readonly place: number;
  readonly worker: Worker;
  readonly bus: Bus<ThreadCalls, MainCalls>;
  readonly began_ms: number;
  /** The others know it. */
  isJoined: boolean;
  /** It serves: when it ends now, another takes its place. */
  isServing: boolean;
}

export class Workers implements OtherWorkers {
  readonly channel = new Channel(true, (question) => this.#askAll(question));
  readonly #parts: WorkersParts;
  readonly #lives: (Life | null)[];
  /** Deaths in a row, by place: how long to wait before the next start. */
  readonly #deaths: number[];
  readonly #restarts = new Map<number, NodeJS.Timeout>();
  #listeners: readonly SharedListener[] = [];
  #closing: Promise<void> | null = null;
  readonly #onExit = (): void => this.#releaseAll();

  constructor(parts: WorkersParts) {
    this.#parts = parts;
    this.#lives = Array.from({ length: parts.count }, () => null);
    this.#deaths = Array.from({ length: parts.count }, () => 0);
  }

  /** Resolves when all threads serve these places. */
  async start(listeners: readonly SharedListener[]): Promise<void> {
    this.#listeners = listeners;
    // A thread that still has a server when the process ends would abort it.
    process.on("exit", this.#onExit);
    const places = Array.from({ length: this.#parts.count - 1 }, (_, index) => index + 1);
    await Promise.all(places.map((place) => this.#begin(place)));
  }

  async stats(): Promise<readonly RouterStats[]> {
    const asked = this.#joined().map(({ bus }) => bus.call("stats", null, answering));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  async unlisten(url: string): Promise<void> {
    this.#listeners = this.#listeners.filter((listener) => listener.url !== url);
    await Promise.allSettled(this.#joined().map(({ bus }) => bus.call("unlisten", url, answering)));
  }

  /** Resolves when each has answered, those that are being made too, or is gone. */
  async #askAll(question: Question): Promise<void> {
    const asked = this.#lives.map((life) => life?.bus.call("ask", question, answering));
    for (const answer of await Promise.allSettled(asked))
      if (answer.status === "rejected")
        this.#log().debug("workers", `no answer to ${question.name}`, { cause: answer.reason });
  }

  /** Never rejects: what does not end by itself is ended. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#restarts.values()) clearTimeout(timer);
    this.#restarts.clear();
    await Promise.all(this.#lives.map((life) => life && this.#end(life)));
    this.#parts.links.close();
    process.off("exit", this.#onExit);
  }

  #joined(): Life[] {
    return this.#lives.filter((life): life is Life => life?.isJoined === true);
  }

  // ---- the life of one

  /** Starts the thread of a place. Resolves when it serves; rejects, and it is gone, where it cannot. */
  async #begin(place: number): Promise<void> {
    const { count, words, loads, logins, module } = this.#parts;
    this.#countAnew(place);
    Atomics.store(words.released, place, 0);
    const given: ThreadGiven = { place, count, memory: words.memory, loads, logins: logins?.memory ?? null };
    // Not with the flags of the process: some of them do not apply to a thread.
    const worker = new Worker(module, { workerData: given, execArgv: [] });
    const bus: Life["bus"] = new Bus(
      worker,
      {
        log: ({ level, part, message, fields }) =>
          this.#log()[level](part, message, { ...fields, worker: place }),
        ask: (question) => this.channel.asked(question),
        failed: (fault) => this.#onFault(life, errorOf(fault)),
      },
      (name, cause) => this.#log().error("workers", `${name} of a worker failed`, { worker: place, cause }),
    );
    const life: Life = { place, worker, bus, began_ms: performance.now(), isJoined: false, isServing: false };
    this.#lives[place] = life;
    // What the thread could not say itself: it is out of memory, or its module does not load.
    worker.on("error", (cause) => this.#onFault(life, cause));
    worker.on("exit", () => this.#onEnd(life));
    const timeout_ms = fixedLimits.workerStart_ms;
    try {
      await bus.call("build", this.#parts.threadOptions, { timeout_ms });
      if (this.#closing !== null) throw new Error("the router is closing");
      this.#join(life);
      await bus.call("listen", this.#listeners, { timeout_ms });
      life.isServing = true;
    } catch (cause) {
      await this.#end(life);
      throw cause;
    }
  }

  /** Connections and logins under way of a thread ended with it. Failed logins did not. */
  #countAnew(place: number): void {
    Atomics.store(this.#parts.words.connections, place, 0);
    this.#parts.logins?.onLife(place);
  }

  /** An exception that nothing caught. The thread ends itself, or has. */
  #onFault({ place, bus }: Life, cause: unknown): void {
    this.#log().error("workers", "a worker has failed: it ends, with its sessions", { worker: place, cause });
    bus.close(cause instanceof Error ? cause : new Error(String(cause)));
  }

  /** Joins a thread that is built to all that are there. */
  #join(life: Life): void {
    for (const other of this.#joined()) {
      const [there, here] = newLink(ringBytes, new MessageChannel());
      other.bus.tell("attach", { peer: life.place, end: there }, [there.port]);
      life.bus.tell("attach", { peer: other.place, end: here }, [here.port]);
    }
    const [mine, its] = newLink(ringBytes, new MessageChannel());
    life.bus.tell("attach", { peer: 0, end: its }, [its.port]);
    this.#parts.links.attach(life.place, mine);
    life.isJoined = true;
  }

  /** A thread has ended, by itself or because it was asked to. */
  #onEnd(life: Life): void {
    const { place } = life;
    if (this.#lives[place] !== life) return;
    this.#lives[place] = null;
    life.bus.close(new Error("the worker has ended"));
    this.#countAnew(place);
    // A fault of ours in what this thread does about it, which comes last, leaves no other thread waiting for one that is gone.
    if (life.isJoined) for (const other of this.#joined()) other.bus.tell("detach", { peer: place });
    if (life.isServing) this.#restart(place, performance.now() - life.began_ms);
    if (life.isJoined) this.#parts.links.detach(place);
  }

  /** In place of one that has lived so long. */
  #restart(place: number, lived_ms: number): void {
    if (this.#closing !== null) return;
    const { workerRestart_ms, workerRestartLongest_ms, workerWell_ms } = fixedLimits;
    const deaths = lived_ms > workerWell_ms ? 0 : this.#deaths[place]!;
    this.#deaths[place] = deaths + 1;
    const delay_ms = Math.min(workerRestart_ms * 2 ** deaths, workerRestartLongest_ms);
    this.#log().warn("workers", "a worker has ended; another takes its place", { worker: place, delay_ms });
    const begin = (): void => {
      this.#restarts.delete(place);
      this.#begin(place).catch((cause: unknown) => {
        if (this.#closing === null)
          this.#log().error("workers", "a worker could not be started", { worker: place, cause });
        this.#restart(place, 0);
      });
    };
    this.#restarts.set(place, setTimeout(begin, delay_ms));
  }

  /** Closes a thread's router, and ends it. Never rejects. */
  async #end(life: Life): Promise<void> {
    if (this.#lives[life.place] !== life) return;
    const ended = once(life.worker, "exit");
    const timeout_ms = this.#parts.goodbye_ms + fixedLimits.workerEnd_ms;
    const timer = setTimeout(() => {
      this.#log().error("workers", "a worker does not end; it is stopped", { worker: life.place });
      void life.worker.terminate();
    }, timeout_ms);
    // Whatever it answers: it ends behind it, and that is what counts.
    life.bus.call("close", null, { timeout_ms }).catch(() => {});
    await ended;
    clearTimeout(timer);
  }

  /** The process ends now: no event is handled any more. */
  #releaseAll(): void {
    const lives = this.#lives.filter((life) => life !== null);
    for (const { bus } of lives) bus.tell("exit", null);
    const until_ms = performance.now() + fixedLimits.workerExit_ms;
    for (const { place } of lives)
      Atomics.wait(this.#parts.words.released, place, 0, Math.max(0, until_ms - performance.now()));
  }

  #log(): Log {
    return this.#parts.log;
  }
}
