/**
 * Key derivation off the router's thread: in worker threads that are started when they are needed, and that keep the process alive only
 * while they have work. Not in the runtime's own thread pool: its threads compete with the router's for cores, and cannot be told to step back.
 * Control path.
 */
import { Worker } from "node:worker_threads";
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { KdfParameters, KeyDerivation } from "../ports.ts";
import { errors, WampError } from "../protocol/errors.ts";
import type { DerivationAnswer, DerivationOrder } from "./kdf-worker.ts";

/** Bytes of every derived key: the length of SHA-256. */
export const keyBytes = 32;

export type DerivationLimits = Pick<Limits, "derivations_max" | "derivationsRunning_max">;

interface Waiting {
  readonly order: Omit<DerivationOrder, "id">;
  resolve(key: Uint8Array): void;
  reject(cause: unknown): void;
}

/** What is wrong with these parameters; undefined: nothing. */
export function kdfProblem(parameters: KdfParameters): string | undefined {
  const { kdf, iterations } = parameters;
  if (kdf !== "pbkdf2" && kdf !== "argon2id13") return "kdf is pbkdf2 or argon2id13";
  const most = kdf === "pbkdf2" ? fixedLimits.pbkdf2Iterations_max : fixedLimits.argon2Iterations_max;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > most) {
    return `iterations is 1 to ${most} for ${kdf}`;
  }
  if (kdf === "pbkdf2") return undefined;
  const { memory } = parameters;
  const fits = Number.isInteger(memory) && memory >= 8 && memory <= fixedLimits.argon2MemoryKiB_max;
  return fits ? undefined : `memory is 8 to ${fixedLimits.argon2MemoryKiB_max} KiB`;
}

/** Makes no thread yet. Beyond `derivations_max`, running and waiting, derive() rejects with wamp.error.unavailable. */
export function createKeyDerivation(limits: DerivationLimits): KeyDerivation {
  return new Derivations(limits);
}

class Derivations implements KeyDerivation {
  readonly #limits: DerivationLimits;
  readonly #threads: DerivationThread[] = [];
  readonly #idle: DerivationThread[] = [];
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #count = 0;
  #closed = false;

  constructor(limits: DerivationLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  derive(password: string, salt: Uint8Array, parameters: KdfParameters): Promise<Uint8Array> {
    const problem = kdfProblem(parameters);
    if (problem !== undefined) return Promise.reject(new WampError(errors.invalidArgument.uri, problem));
    if (this.#closed) return Promise.reject(unavailable("key derivation has been closed"));
    if (this.#running + this.#waiting.length >= this.#limits.derivations_max) {
      return Promise.reject(unavailable("too many logins at once, try again later"));
    }
    this.#count++;
    const order = { password, salt, parameters };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ order, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(unavailable("the router is closing"));
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #next(): void {
    if (this.#running >= this.#limits.derivationsRunning_max) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#running++;
    const thread = this.#idle.pop() ?? this.#newThread();
    const done = (): void => {
      this.#running--;
      this.#idle.push(thread);
      this.#next();
    };
    thread.derive(job.order).then(job.resolve, job.reject).finally(done);
  }

  #newThread(): DerivationThread {
    const thread = new DerivationThread();
    this.#threads.push(thread);
    return thread;
  }
}

const unavailable = (message: string): WampError => new WampError(errors.unavailable.uri, message);

type Job = Pick<Waiting, "resolve" | "reject">;

/** One worker thread; it derives one key after the other. Should it die, its jobs fail and the next one starts another. */
class DerivationThread {
  #worker: Worker | null = null;
  readonly #jobs = new Map<number, Job>();
  #lastId = 0;

  derive(order: Omit<DerivationOrder, "id">): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const worker = this.#worker ?? this.#start();
      const id = ++this.#lastId;
      this.#jobs.set(id, { resolve, reject });
      // Alive while it has work: a process that only waits for a key must not end before it.
      worker.ref();
      worker.postMessage({ id, ...order } satisfies DerivationOrder);
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#failed(worker, unavailable("the router is closing"));
    await worker.terminate();
  }

  #start(): Worker {
    // Not with the flags of the process: some of them do not apply to a thread.
    const worker = new Worker(new URL("./kdf-worker.js", import.meta.url), { execArgv: [] });
    worker.on("message", (answer: DerivationAnswer) => this.#answered(worker, answer));
    worker.on("error", (cause) => this.#failed(worker, cause));
    worker.on("exit", () => this.#failed(worker, new Error("the thread for key derivation has ended")));
    this.#worker = worker;
    return worker;
  }

  #answered(worker: Worker, answer: DerivationAnswer): void {
    const job = this.#jobs.get(answer.id);
    this.#jobs.delete(answer.id);
    if (this.#jobs.size === 0) worker.unref();
    if (answer.key === undefined)
      job?.reject(new Error("a key derivation failed", { cause: answer.problem }));
    else job?.resolve(answer.key);
  }

  #failed(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#jobs.values()) reject(cause);
    this.#jobs.clear();
  }
}
