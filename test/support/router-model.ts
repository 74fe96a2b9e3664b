/**
 * Broker and dealer on paper: what a router must send, and to whom, for each message of a client. Lists and loops over symbols,
 * without a byte, a table or a clock; the twin that the router is compared with.
 */
import { errors } from "../../src/protocol/errors.ts";
import { Match, Message } from "../../src/protocol/messages.ts";
import { UriStatus } from "../../src/wasm/abi.ts";
import { matchesOne, type Pattern, precedenceModel } from "./pattern-model.ts";
import { uriStatusModel } from "./uri-model.ts";

/** An id that the router chooses: known by this name, and by its number once the router has said it. */
export interface Ref {
  readonly ref: string;
}
/** Anything at all: text for people, details that other tests look at. */
export const anything = Symbol("anything");
/** A message in which ids of the router's own are `Ref`s. */
export type Symbolic = readonly unknown[];
/** What must be sent: to whom, and what. Messages to one receiver may come in any order. */
export type Outcome = readonly (readonly [slot: number, message: Symbolic])[];
type Options = Readonly<Record<string, unknown>>;

/** Who may join: fixed for a slot in one run. */
export interface Character {
  /** "strict" has that profile. */
  readonly realm: string;
  readonly authid: string;
  readonly authrole: string;
  /** What it announces as a callee. */
  readonly progress: boolean;
  readonly canceling: boolean;
}

export interface ModelSession extends Character {
  readonly slot: number;
  readonly id: Ref;
  lastRequest: number;
  lastInvocation: number;
}

/** A subscription or a registration: one per realm, URI and match policy, while it has members. */
export interface Membership {
  readonly id: Ref;
  readonly realm: string;
  readonly uri: string;
  readonly match: Match;
  readonly invoke: string;
  /** Slots, in order of joining. */
  readonly members: number[];
  /** Whose turn it is in a rotation; null: the first one's. */
  next: number | null;
}

export interface ModelCall {
  readonly caller: number;
  readonly request: number;
  readonly callee: number;
  readonly invocation: number;
  readonly progress: boolean;
  killing: boolean;
}

/** Messages with a request id of the session's own. */
const counted: readonly unknown[] = [
  Message.subscribe,
  Message.unsubscribe,
  Message.publish,
  Message.register,
  Message.unregister,
  Message.call,
];
const matchOf = (options: Options): Match => Match[(options["match"] ?? "exact") as keyof typeof Match];
const error = (type: number, request: unknown, uri: string): Symbolic => [
  Message.error,
  type,
  request,
  {},
  uri,
  [anything],
];
const has = (list: unknown, value: unknown): boolean => (list as readonly unknown[]).includes(value);

export class RouterModel {
  /** By slot; null where nobody has joined. */
  readonly sessions: (ModelSession | null)[];
  subscriptions: Membership[] = [];
  registrations: Membership[] = [];
  calls: ModelCall[] = [];
  /** PUBLISH messages seen. */
  published = 0;
  readonly #cast: readonly Character[];
  #refs = 0;

  constructor(cast: readonly Character[]) {
    this.#cast = cast;
    this.sessions = cast.map(() => null);
  }

  #ref(kind: string): Ref {
    return { ref: `${kind} ${++this.#refs}` };
  }

  /** HELLO. */
  join(slot: number): Outcome {
    const id = this.#ref("session");
    this.sessions[slot] = { ...this.#cast[slot]!, slot, id, lastRequest: 0, lastInvocation: 0 };
    return [[slot, [Message.welcome, id, anything]]];
  }

  /** Any other message of a session that has joined. */
  receive(session: ModelSession, message: Symbolic): Outcome {
    const [type, request] = message;
    if (counted.includes(type)) session.lastRequest = request as number;
    switch (type) {
      case Message.subscribe:
        return this.#subscribe(session, message);
      case Message.unsubscribe:
      case Message.unregister:
        return this.#end(session, message);
      case Message.publish:
        return this.#publish(session, message);
      case Message.register:
        return this.#register(session, message);
      case Message.call:
        return this.#call(session, message);
      case Message.yield:
      case Message.error:
        return this.#answer(session, message);
      case Message.cancel:
        return this.#cancel(session, message);
      case Message.goodbye:
        return [[session.slot, [Message.goodbye, {}, "wamp.close.goodbye_and_out"]], ...this.leave(session)];
      case Message.abort:
        return this.leave(session);
      default:
        throw new Error(`the model does not know message ${String(type)}`);
    }
  }

  /** The session is over, however that came: its calls end, its callees are told, its memberships are gone. */
  leave({ slot }: ModelSession): Outcome {
    this.sessions[slot] = null;
    const mine = this.calls.filter(({ caller, callee }) => caller === slot || callee === slot);
    this.calls = this.calls.filter((call) => !mine.includes(call));
    for (const one of [...this.subscriptions, ...this.registrations]) withdraw(one, slot);
    this.#forget();
    return mine.flatMap((call) => {
      if (call.caller === call.callee) return [];
      if (call.callee === slot) return [canceled(call)];
      return call.killing ? [] : this.#interrupt(call, "killnowait");
    });
  }

  #forget(): void {
    this.subscriptions = this.subscriptions.filter(({ members }) => members.length > 0);
    this.registrations = this.registrations.filter(({ members }) => members.length > 0);
  }

  // ---- broker

  #subscribe({ slot, realm }: ModelSession, [type, request, given, topic]: Symbolic): Outcome {
    const uri = topic as string;
    const match = matchOf(given as Options);
    // Names of the router's own are for everybody to hear.
    if (uriStatusModel(uri, match, false) === UriStatus.invalid)
      return [[slot, error(type as number, request, errors.invalidUri.uri)]];
    let one = this.subscriptions.find((s) => s.realm === realm && s.uri === uri && s.match === match);
    if (one === undefined) {
      one = { id: this.#ref("subscription"), realm, uri, match, invoke: "", members: [], next: null };
      this.subscriptions.push(one);
    }
    if (!one.members.includes(slot)) one.members.push(slot);
    return [[slot, [Message.subscribed, request, one.id]]];
  }

  /** UNSUBSCRIBE and UNREGISTER. */
  #end({ slot }: ModelSession, [type, request, id]: Symbolic): Outcome {
    const isTopic = type === Message.unsubscribe;
    const all = isTopic ? this.subscriptions : this.registrations;
    const one = all.find((s) => s.id === id && s.members.includes(slot));
    const unknown = isTopic ? errors.noSuchSubscription : errors.noSuchRegistration;
    if (one === undefined) return [[slot, error(type as number, request, unknown.uri)]];
    withdraw(one, slot);
    this.#forget();
    return [[slot, [isTopic ? Message.unsubscribed : Message.unregistered, request]]];
  }

  #publish(session: ModelSession, [, request, given, topic, ...payload]: Symbolic): Outcome {
    const { slot, realm } = session;
    const options = given as Options;
    this.published++;
    const acknowledged = options["acknowledge"] === true;
    if (uriStatusModel(topic as string, Match.exact, false) !== UriStatus.ok)
      return acknowledged ? [[slot, error(Message.publish, request, errors.invalidUri.uri)]] : [];
    const publication = this.#ref("publication");
    const who = {
      publisher: session.id,
      publisher_authid: session.authid,
      publisher_authrole: session.authrole,
    };
    const outcome: [number, Symbolic][] = [];
    for (const one of this.subscriptions.filter((s) => s.realm === realm && isFor(s, topic as string))) {
      const details = {
        ...(one.match === Match.exact ? {} : { topic }),
        ...(options["disclose_me"] === true ? who : {}),
      };
      for (const member of one.members)
        if ((member !== slot || options["exclude_me"] === false) && admits(options, this.sessions[member]!))
          outcome.push([member, [Message.event, one.id, publication, details, ...payload]]);
    }
    if (acknowledged) outcome.push([slot, [Message.published, request, publication]]);
    return outcome;
  }

  // ---- dealer

  #register({ slot, realm }: ModelSession, [type, request, given, procedure]: Symbolic): Outcome {
    const uri = procedure as string;
    const match = matchOf(given as Options);
    const invoke = String((given as Options)["invoke"] ?? "single");
    const refuse = (reason: string): Outcome => [[slot, error(type as number, request, reason)]];
    if (uriStatusModel(uri, match, false) !== UriStatus.ok) return refuse(errors.invalidUri.uri);
    let one = this.registrations.find((r) => r.realm === realm && r.uri === uri && r.match === match);
    if (one === undefined) {
      one = { id: this.#ref("registration"), realm, uri, match, invoke, members: [], next: null };
      this.registrations.push(one);
    } else if (one.members.includes(slot) || one.invoke === "single" || one.invoke !== invoke)
      return refuse(errors.procedureAlreadyExists.uri);
    one.members.push(slot);
    return [[slot, [Message.registered, request, one.id]]];
  }

  #call(session: ModelSession, [, request, given, procedure, ...payload]: Symbolic): Outcome {
    const { slot, realm } = session;
    const options = given as Options;
    const refuse = (reason: string): Outcome => [[slot, error(Message.call, request, reason)]];
    const status = uriStatusModel(procedure as string, Match.exact, false);
    if (status === UriStatus.invalid) return refuse(errors.invalidUri.uri);
    const candidates = this.registrations.filter((r) => r.realm === realm);
    const [best] = precedenceModel(candidates.map(patternOf), procedure as string);
    if (best === undefined || status === UriStatus.reserved) return refuse(errors.noSuchProcedure.uri);
    const one = candidates[best]!;
    const callee = this.sessions[choose(one)]!;
    const progress = options["receive_progress"] === true;
    const who = { caller: session.id, caller_authid: session.authid, caller_authrole: session.authrole };
    const details = {
      ...(one.match === Match.exact ? {} : { procedure }),
      ...(progress && knowsProgress(callee) ? { receive_progress: true } : {}),
      ...(options["disclose_me"] === true ? who : {}),
    };
    const invocation = ++callee.lastInvocation;
    const call = { caller: slot, request: request as number, callee: callee.slot, invocation, progress };
    this.calls.push({ ...call, killing: false });
    return [[callee.slot, [Message.invocation, invocation, one.id, details, ...payload]]];
  }

  /** YIELD, and ERROR of an INVOCATION. */
  #answer(session: ModelSession, message: Symbolic): Outcome {
    const isError = message[0] === Message.error;
    const invocation = message[isError ? 2 : 1] as number;
    const { slot } = session;
    const call = this.calls.find((c) => c.callee === slot && c.invocation === invocation);
    if (call === undefined) {
      if (invocation <= session.lastInvocation) return [];
      const abort = [Message.abort, { message: anything }, errors.protocolViolation.uri];
      return [[slot, abort], ...this.leave(session)];
    }
    const { caller, request } = call;
    if (isError) {
      this.#close(call);
      return [[caller, [Message.error, Message.call, request, {}, ...message.slice(4)]]];
    }
    const [, , options, ...payload] = message;
    const progress = (options as Options)["progress"] === true;
    if (progress && !call.progress) return [];
    if (!progress) this.#close(call);
    return [[caller, [Message.result, request, progress ? { progress } : {}, ...payload]]];
  }

  #cancel({ slot }: ModelSession, [, request, given]: Symbolic): Outcome {
    const call = this.calls.find((c) => c.caller === slot && c.request === request);
    if (call === undefined) return [];
    const wanted = String((given as Options)["mode"] ?? "killnowait");
    const mode = this.sessions[call.callee]!.canceling ? wanted : "skip";
    const told = call.killing;
    if (mode === "kill") {
      call.killing = true;
      return told ? [] : this.#interrupt(call, mode);
    }
    this.#close(call);
    return [...(mode === "killnowait" && !told ? this.#interrupt(call, mode) : []), canceled(call)];
  }

  #interrupt({ callee, invocation }: ModelCall, mode: string): Outcome {
    const able = this.sessions[callee]!.canceling;
    return able ? [[callee, [Message.interrupt, invocation, { mode }]]] : [];
  }

  #close(call: ModelCall): void {
    this.calls = this.calls.filter((other) => other !== call);
  }
}

const canceled = ({ caller, request }: ModelCall): readonly [number, Symbolic] => [
  caller,
  error(Message.call, request, errors.canceled.uri),
];

/** By the letter progress is for callees that can be canceled. */
const knowsProgress = ({ realm, progress, canceling }: Character): boolean =>
  progress && (canceling || realm !== "strict");

const patternOf = ({ match, uri }: Membership, id: number): Pattern => ({ id, match, uri });
/** Whether the membership's pattern matches. */
export const isFor = (one: Membership, uri: string): boolean => matchesOne(patternOf(one, 0), uri);

/** In every list of the eligible that is given, and in none of the excluded. */
function admits(options: Options, { id, authid, authrole }: ModelSession): boolean {
  const lists = { "": id, _authid: authid, _authrole: authrole };
  return Object.entries(lists).every(([ending, value]) => {
    const { [`eligible${ending}`]: eligible, [`exclude${ending}`]: excluded } = options;
    return (
      (eligible === undefined || has(eligible, value)) && (excluded === undefined || !has(excluded, value))
    );
  });
}

/** Whose turn it is; moves a rotation on. */
function choose(one: Membership): number {
  const { members, invoke } = one;
  if (invoke === "last") return members.at(-1)!;
  if (invoke !== "roundrobin") return members[0]!;
  const at = one.next === null ? 0 : members.indexOf(one.next);
  one.next = members[at + 1] ?? null;
  return members[at]!;
}

function withdraw(one: Membership, slot: number): void {
  const at = one.members.indexOf(slot);
  if (at < 0) return;
  if (one.next === slot) one.next = one.members[at + 1] ?? null;
  one.members.splice(at, 1);
}
