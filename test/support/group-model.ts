/**
 * The slow twin of gather.ts: calls to all callees as lists of values, and what each step sends to whom. Texts for people are "*".
 */
import { Message } from "../../src/protocol/messages.ts";

export type Yields = "gather" | "first" | "progressive";
export const timeout_ms = 500;
const canceled = "wamp.error.canceled";

export interface ModelPeer {
  readonly name: string;
  readonly canInterrupt: boolean;
  readonly takesProgress: boolean;
  /** Number of its last INVOCATION, and how many it has yet to answer. */
  invocations: number;
  outstanding: number;
}

interface Part {
  readonly callee: ModelPeer;
  readonly place: number;
  readonly invocation: number;
}

interface Call {
  readonly caller: ModelPeer;
  readonly request: number;
  readonly yields: Yields;
  readonly timed: boolean;
  open: Part[];
  killed: boolean;
  results: number;
  /** Entries by place; for `first` whole tails of ERROR in order of arrival. */
  readonly entries: unknown[];
  readonly errors: { readonly place: number; readonly tail: readonly unknown[] }[];
}

/** What a callee says to an invocation. */
export type Answer =
  | { readonly kind: "result" | "progress"; readonly payload: readonly unknown[] }
  | { readonly kind: "error"; readonly uri: string; readonly payload: readonly unknown[] };

export class GroupModel {
  readonly calls: Call[] = [];
  /** Members in order of registration. */
  members: ModelPeer[] = [];
  /** What the last step sent, by the receiver's name. */
  sent = new Map<string, unknown[][]>();
  readonly #invocations_max: number;

  constructor(invocations_max: number) {
    this.#invocations_max = invocations_max;
  }

  #send(to: ModelPeer, ...message: unknown[]): void {
    const list = this.sent.get(to.name);
    if (list === undefined) this.sent.set(to.name, [message]);
    else list.push(message);
  }

  call(
    caller: ModelPeer,
    request: number,
    yields: Yields,
    timed: boolean,
    payload: readonly unknown[],
  ): void {
    if (this.members.length === 0)
      return this.#send(caller, Message.error, Message.call, request, {}, "wamp.error.no_such_procedure", [
        "*",
      ]);
    const call: Call = {
      caller,
      request,
      yields,
      timed,
      open: [],
      killed: false,
      results: 0,
      entries: [],
      errors: [],
    };
    this.calls.push(call);
    for (const [place, callee] of this.members.entries()) {
      if (callee.outstanding >= this.#invocations_max) {
        this.#failed(call, place, ["wamp.error.unavailable", ["*"]]);
        continue;
      }
      callee.outstanding++;
      const invocation = ++callee.invocations;
      const details = yields === "progressive" && callee.takesProgress ? { receive_progress: true } : {};
      this.#send(callee, Message.invocation, invocation, "registration", details, ...payload);
      call.open.push({ callee, place, invocation });
    }
    this.#finish(call);
  }

  answer(callee: ModelPeer, invocation: number, answer: Answer): void {
    const found = this.#find(callee, invocation);
    if (found === null) return;
    const { call, part } = found;
    const { caller, request, yields } = call;
    if (answer.kind === "progress") {
      if (yields === "progressive")
        this.#send(caller, Message.result, request, { progress: true }, ...answer.payload);
      return;
    }
    this.#close(call, part);
    if (answer.kind === "error") this.#failed(call, part.place, [answer.uri, ...answer.payload]);
    else if (yields === "first") {
      this.#send(caller, Message.result, request, {}, ...answer.payload);
      return this.#end(call, true);
    } else {
      call.results++;
      if (yields === "gather") call.entries[part.place] = entry({}, answer.payload);
      else this.#send(caller, Message.result, request, { progress: true }, ...answer.payload);
    }
    this.#finish(call);
  }

  cancel(caller: ModelPeer, request: number, mode: "skip" | "kill" | "killnowait"): void {
    const call = this.calls.find((other) => other.caller === caller && other.request === request);
    if (call === undefined) return;
    const hearing = call.open.filter(({ callee }) => callee.canInterrupt);
    if (mode === "kill" && call.killed) return;
    if (mode === "kill" && hearing.length > 0) {
      call.killed = true;
      for (const { callee, invocation } of hearing)
        this.#send(callee, Message.interrupt, invocation, { mode: "kill" });
      for (const part of call.open.filter((other) => !hearing.includes(other))) this.#lost(call, part);
      return;
    }
    this.#end(call, mode === "killnowait");
    this.#send(caller, Message.error, Message.call, request, {}, canceled, ["*"]);
  }

  /** More time passes than any call has. */
  timeOut(): void {
    for (const call of this.calls.filter(({ timed }) => timed)) {
      this.#end(call, true);
      this.#send(call.caller, Message.error, Message.call, call.request, {}, "wamp.error.timeout", ["*"]);
    }
  }

  leave(peer: ModelPeer): void {
    for (const call of [...this.calls])
      for (const part of call.open.filter(({ callee }) => callee === peer)) {
        this.#lost(call, part);
        this.#finish(call);
      }
    for (const call of this.calls.filter(({ caller }) => caller === peer)) this.#end(call, true);
    this.members = this.members.filter((member) => member !== peer);
    this.sent.delete(peer.name);
  }

  #find(callee: ModelPeer, invocation: number): { call: Call; part: Part } | null {
    for (const call of this.calls)
      for (const part of call.open)
        if (part.callee === callee && part.invocation === invocation) return { call, part };
    return null;
  }

  #close(call: Call, part: Part): void {
    part.callee.outstanding--;
    call.open = call.open.filter((other) => other !== part);
  }

  #lost(call: Call, part: Part): void {
    this.#close(call, part);
    this.#failed(call, part.place, [canceled, ["*"]]);
  }

  #failed(call: Call, place: number, tail: readonly unknown[]): void {
    const [error, ...payload] = tail;
    call.errors.push({ place, tail });
    call.entries[place] = entry({ error }, payload);
  }

  #finish(call: Call): void {
    if (call.open.length > 0 || !this.calls.includes(call)) return;
    const { caller, request, yields, results, errors } = call;
    this.#end(call, false);
    const entries = call.entries.filter((item) => item !== undefined);
    if (results === 0) {
      const inOrder = [...errors].sort((a, b) => a.place - b.place);
      const tail = yields === "first" ? errors[0]!.tail : [inOrder[0]!.tail[0], entries];
      return this.#send(caller, Message.error, Message.call, request, {}, ...tail);
    }
    const counts = [[results, errors.length], ...(errors.length > 0 ? [{ errors: entries }] : [])];
    this.#send(caller, Message.result, request, {}, ...(yields === "gather" ? [entries] : counts));
  }

  #end(call: Call, tell: boolean): void {
    for (const part of [...call.open]) {
      if (tell && !call.killed && part.callee.canInterrupt)
        this.#send(part.callee, Message.interrupt, part.invocation, { mode: "killnowait" });
      this.#close(call, part);
    }
    this.calls.splice(this.calls.indexOf(call), 1);
  }
}

/** As the router writes an answer into a list. */
function entry(start: object, [args, kwargs]: readonly unknown[]): object {
  return { ...start, args: args ?? [], ...(kwargs === undefined ? {} : { kwargs }) };
}
