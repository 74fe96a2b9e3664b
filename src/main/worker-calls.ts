/** What the first thread of a router and the others ask of each other, and the memory that they share. Control path. */
import type { LogLevel } from "../base/log.ts";
import type { LinkEnd } from "../workers/link.ts";
import type { FaultReport } from "./bus.ts";
import type { Question } from "./channel.ts";
import type { SharedListener } from "./host.ts";
import type { RouterOptions, RouterStats } from "./options.ts";

/** A new thread's `workerData`. */
export interface ThreadGiven {
  readonly place: number;
  readonly count: number;
  readonly memory: SharedArrayBuffer;
  /** Of `SharedLoads`. */
  readonly loads: SharedArrayBuffer;
  /** Of `SharedLogins`; null: nobody logs in. */
  readonly logins: SharedArrayBuffer | null;
}

/** What a thread is to be: what can be copied of the router's options, and matters in all threads. */
export interface ThreadOptions
  extends Pick<RouterOptions, "realms" | "slowConsumer" | "limits" | "preferLocal"> {
  /** There is a security model, and the first thread has it. */
  readonly isSecured: boolean;
}

/** What the first thread asks of another. */
export type ThreadCalls = {
  /** To make its router, which does not listen yet. */
  readonly build: { readonly request: ThreadOptions; readonly answer: void };
  readonly attach: {
    readonly request: { readonly peer: number; readonly end: LinkEnd };
    readonly answer: void;
  };
  readonly detach: { readonly request: { readonly peer: number }; readonly answer: void };
  readonly listen: { readonly request: readonly SharedListener[]; readonly answer: void };
  readonly unlisten: { readonly request: string; readonly answer: void };
  /** A question of a part that all threads have. */
  readonly ask: { readonly request: Question; readonly answer: unknown };
  readonly stats: { readonly request: null; readonly answer: RouterStats };
  /** To close its router as `Router.close` does. */
  readonly close: { readonly request: null; readonly answer: void };
  /** To end at once: the process ends. */
  readonly exit: { readonly request: null; readonly answer: void };
};

/** What a thread asks of the first one. */
export type MainCalls = {
  readonly ask: { readonly request: Question; readonly answer: unknown };
  readonly log: { readonly request: LogLine; readonly answer: void };
  /** It ends, because of an exception that nothing caught. */
  readonly failed: { readonly request: FaultReport; readonly answer: void };
};

export interface LogLine {
  readonly level: Exclude<LogLevel, "silent">;
  readonly part: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Words of shared memory: connections of each thread, and whether it has let go of everything that the system holds for it. */
export class SharedWords {
  readonly memory: SharedArrayBuffer;
  readonly connections: Int32Array;
  readonly released: Int32Array;

  constructor(count: number, memory = new SharedArrayBuffer(8 * count)) {
    this.memory = memory;
    this.connections = new Int32Array(memory, 0, count);
    this.released = new Int32Array(memory, 4 * count, count);
  }
}

/** Bytes of one ring. */
export const ringBytes = 256 << 10;
