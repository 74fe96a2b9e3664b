/** What clients do, drawn at random: each command finds its subject in the model when its turn comes. */
import fc from "fast-check";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { Actor, ModelWorld, Step } from "./model-world.ts";
import {
  isFor,
  type Membership,
  type ModelCall,
  type ModelSession,
  type Ref,
  type RouterModel,
  type Symbolic,
} from "./router-model.ts";

/** Numbers that choose: each is taken modulo whatever there is to choose from. */
type Choices = readonly [who: number, what: number, how: number, more: number];
/** What a plan may look at. */
type View = Pick<RouterModel, "sessions" | "subscriptions" | "registrations" | "calls" | "published">;
type Plan = (model: View, choices: Choices) => Step | null;

const pick = <T>(from: readonly T[], choice: number): T | undefined => from[choice % from.length];

class Act implements fc.AsyncCommand<RouterModel, ModelWorld> {
  readonly #name: string;
  readonly #plan: Plan;
  readonly #choices: Choices;
  #done = "";
  constructor(name: string, plan: Plan, choices: Choices) {
    this.#name = name;
    this.#plan = plan;
    this.#choices = choices;
  }
  check(model: View): boolean {
    return this.#plan(model, this.#choices) !== null;
  }
  async run(model: RouterModel, world: ModelWorld): Promise<void> {
    const step = this.#plan(model, this.#choices)!;
    this.#done = typeof step === "object" ? JSON.stringify(step) : "";
    await world.take(step, model);
  }
  toString(): string {
    return `${this.#name} ${this.#done}`;
  }
}

// Few names, so that they meet; some of them are no URIs under one policy or another.
const topics = ["com.a", "com.b", "com.a.b", "com.a.b.c", "org.a", "com"];
const odd = ["com..a", "a b", "", "com.", "wamp.a", "wamp.a.b"];
const patterns = {
  exact: [...topics, ...topics, ...odd],
  prefix: ["com", "com.", "com.a", "com.a.", "", "c", "org", "com..a", "wam", "a#b"],
  wildcard: ["com.", ".a", "com..b", "..", "com.a", "...", "", "com..b.c", "wampx..a", "a b."],
} as const;
const policies = ["single", "roundrobin", "first", "last"] as const;
const modes = ["skip", "kill", "killnowait", undefined] as const;

const joined = (model: View, choice: number): ModelSession | undefined =>
  pick(
    model.sessions.filter((session) => session !== null),
    choice,
  );

/** A message with a request id of its own. The model counts it when it is sent: a plan that is only looked at changes nothing. */
function request({ slot, lastRequest }: ModelSession, type: number, ...rest: Symbolic): Step {
  return { slot, sends: [type, lastRequest + 1, ...rest] };
}

/** A plan of a session that has joined. */
const by =
  (plan: (session: ModelSession, choices: Choices, model: View) => Step | null): Plan =>
  (model, choices) => {
    const session = joined(model, choices[0]);
    return session === undefined ? null : plan(session, choices, model);
  };

const where = (how: number, what: number): { readonly match: string; readonly uri: string } => {
  const match = pick(Object.keys(patterns), how)!;
  return { match, uri: pick(patterns[match as keyof typeof patterns], what)! };
};
/** As a rule a pattern that others have already, so that there are many on each. */
const shared = (all: readonly Membership[], session: ModelSession, [, what, , more]: Choices) =>
  more % 4 === 0
    ? undefined
    : pick(
        all.filter(({ realm }) => realm === session.realm),
        what,
      );
const matchName = ({ match }: Membership): string => pick(Object.keys(patterns), match)!;

const subscribe = by((session, choices, { subscriptions }) => {
  const [, what, how] = choices;
  const known = shared(subscriptions, session, choices);
  const { match, uri } = known === undefined ? where(how, what) : { match: matchName(known), uri: known.uri };
  return request(session, Message.subscribe, match === "exact" ? {} : { match }, uri);
});

const register = by((session, choices, { registrations }) => {
  const [, what, how, more] = choices;
  const known = shared(registrations, session, choices);
  const { match, uri } = known === undefined ? where(how, what) : { match: matchName(known), uri: known.uri };
  const invoke = how % 8 > 0 ? known?.invoke : undefined;
  return request(session, Message.register, { match, invoke: invoke ?? pick(policies, more >> 2)! }, uri);
});

/** Ends a membership of its own, or tries to end another's. */
const end = (type: number, all: (model: View) => readonly Membership[]): Plan =>
  by((session, [, what, how], model) => {
    const mine = all(model).filter(({ members }) => how % 8 === 0 || members.includes(session.slot));
    const one = pick(mine, what);
    return one === undefined ? null : request(session, type, one.id);
  });

/** The sessions whose bits are set. */
const some = (model: View, bits: number): ModelSession[] =>
  model.sessions.filter((session) => session !== null && (bits >> session.slot) & 1) as ModelSession[];

function lists(model: View, how: number, more: number): object {
  const named = some(model, more);
  const ids: Ref[] = named.map(({ id }) => id);
  switch (how % 9) {
    case 0:
      return { exclude: ids };
    case 1:
      return { eligible: ids };
    case 2:
      return { eligible_authid: named.map(({ authid }) => authid) };
    case 3:
      return { exclude_authid: named.map(({ authid }) => authid) };
    case 4:
      return { eligible_authrole: ["staff"], exclude: ids };
    default:
      return {};
  }
}

/** A URI to publish to or to call: as a rule one that somebody is there for. */
function target(all: readonly Membership[], realm: string, what: number): string {
  if (what % 16 === 0) return pick(odd, what >> 4)!;
  const heard = topics.filter((uri) => all.some((one) => one.realm === realm && isFor(one, uri)));
  return (what % 16 < 4 ? undefined : pick(heard, what >> 4)) ?? pick(topics, what >> 4)!;
}

const publish = by((session, [, what, how, more], model) => {
  const options = {
    ...(how % 2 === 0 ? { acknowledge: true } : {}),
    ...(more % 3 === 0 ? { exclude_me: false } : {}),
    ...(more % 7 === 0 ? { disclose_me: true } : {}),
    ...lists(model, how, more),
  };
  const topic = target(model.subscriptions, session.realm, what);
  return request(session, Message.publish, options, topic, [session.authid, model.published + 1]);
});

const call = by((session, [, what, how, more], model) => {
  const options = {
    ...(how % 3 === 0 ? { receive_progress: true } : {}),
    ...(how % 5 === 0 ? { timeout: 3_600_000 } : {}),
    ...(more % 7 === 0 ? { disclose_me: true } : {}),
  };
  const procedure = target(model.registrations, session.realm, what);
  return request(session, Message.call, options, procedure, [session.authid, what], { k: more });
});

/** Something about a call in flight. */
const about =
  (plan: (call: ModelCall, choices: Choices) => Step): Plan =>
  (model, choices) => {
    const found = pick(model.calls, choices[0]);
    return found === undefined ? null : plan(found, choices);
  };

const progress = about(({ callee, invocation }, [, what]) => ({
  slot: callee,
  sends: [Message.yield, invocation, { progress: true }, [what]],
}));
const answer = about(({ callee, invocation }, [, what]) => ({
  slot: callee,
  sends: [Message.yield, invocation, {}, [what], { k: what }],
}));
const fail = about(({ callee, invocation }, [, what]) => ({
  slot: callee,
  sends: [Message.error, Message.invocation, invocation, {}, "com.my.error", [what]],
}));
const cancel = about(({ caller, request: id }, [, , how]) => {
  const mode = pick(modes, how);
  return { slot: caller, sends: [Message.cancel, id, mode === undefined ? {} : { mode }] };
});

/** CANCEL of any request, and an answer to any invocation: finished, foreign, or – seldom – never issued. */
const cancelAny = by((session, [, what, how]) => ({
  slot: session.slot,
  sends: [Message.cancel, 1 + (what % (session.lastRequest + 2)), { mode: pick(modes, how) ?? "skip" }],
}));
const answerAny = by((session, [, what, how]) => {
  const ahead = how % 16 === 0 ? 1 : 0;
  const last = session.lastInvocation + ahead;
  if (last === 0) return null;
  const invocation = ahead === 1 ? last : 1 + (what % last);
  return { slot: session.slot, sends: [Message.yield, invocation, {}, ["any"]] };
});

const join: Plan = ({ sessions }, [who]) => {
  const slot = who % sessions.length;
  return sessions[slot] === null ? { slot, does: "join" } : null;
};
const goodbye = by(({ slot }) => ({ slot, sends: [Message.goodbye, {}, "wamp.close.normal"] }));
const abort = by(({ slot }) => ({ slot, sends: [Message.abort, {}, "com.enough"] }));
const lose = by(({ slot }) => ({ slot, does: "lose" }));

const weights: readonly (readonly [name: string, weight: number, plan: Plan])[] = [
  ["join", 5, join],
  ["turn", 8, () => "turn"],
  ["subscribe", 10, subscribe],
  ["unsubscribe", 4, end(Message.unsubscribe, ({ subscriptions }) => subscriptions)],
  ["register", 10, register],
  ["unregister", 4, end(Message.unregister, ({ registrations }) => registrations)],
  ["publish", 16, publish],
  ["call", 20, call],
  ["progress", 6, progress],
  ["answer", 6, answer],
  ["fail", 2, fail],
  ["cancel", 6, cancel],
  ["cancel any", 1, cancelAny],
  ["answer any", 2, answerAny],
  ["goodbye", 1, goodbye],
  ["abort", 1, abort],
  ["lose", 1, lose],
];

const number = fc.nat({ max: 5_039 });
export const acts = weights.flatMap(([name, weight, plan]) =>
  Array.from({ length: weight }, () =>
    fc.tuple(number, number, number, number).map((choices) => new Act(name, plan, choices)),
  ),
);

const actor = fc.record({
  serializer: fc.constantFrom(...Object.values(Serializer)),
  // Sessions of two realms share the router's tables and must not meet.
  realm: fc.constantFrom("compatible", "compatible", "compatible", "strict"),
  authrole: fc.constantFrom("staff", "guest"),
  progress: fc.boolean(),
  canceling: fc.boolean(),
});
/** Six clients. */
export const casts: fc.Arbitrary<Actor[]> = fc
  .array(actor, { minLength: 6, maxLength: 6 })
  .map((actors) => actors.map((one, slot) => ({ ...one, authid: `client${slot}` })));
