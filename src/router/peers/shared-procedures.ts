/**
 * The router's own procedures where several routers must answer as one: each knows its own sessions only. What is the same
 * everywhere (subscriptions, registrations, retained events) is answered by any of them and is not here. Control path.
 */
import type { Limits } from "../../base/limits.ts";
import { errors, WampError } from "../../protocol/errors.ts";
import type { MetaProcedure } from "../meta/meta-catalogue.ts";
import { requireListable } from "../meta/pattern-queries.ts";
import type { ProcedureCall, ProcedureHandler, RouterProcedures } from "../procedures.ts";
import type { Realms } from "../realms.ts";
import { home, type Peers } from "./peers.ts";
import type { Questions } from "./questions.ts";
import { type AskerFacts, askerFacts, RemoteAsker } from "./remote-asker.ts";

/** Puts the answers of all routers together, the asker's own first; null: a router had none. */
type Together = (answers: readonly (readonly unknown[] | null)[], limits: Limits) => readonly unknown[];

const firsts = (answers: readonly (readonly unknown[] | null)[]): unknown[] =>
  answers.map((answer) => answer?.[0]);

const sum: Together = (answers) => [
  firsts(answers).reduce<number>((total, count) => total + (typeof count === "number" ? count : 0), 0),
];
const concatenated: Together = (answers, limits) => {
  const all = firsts(answers).flatMap((list) => (Array.isArray(list) ? list : []));
  requireListable(all.length, limits);
  return [all];
};
const united: Together = (answers, limits) => {
  const all = new Set(firsts(answers).flatMap((list) => (Array.isArray(list) ? (list as string[]) : [])));
  let length = 0;
  for (const uri of all) length += uri.length;
  requireListable(all.size, limits, length);
  return [[...all].sort()];
};
const firstKnown: Together = (answers) => [firsts(answers).find((answer) => answer != null) ?? null];
const gathered: Partial<Record<MetaProcedure, Together>> = {
  "wamp.session.count": sum,
  "wamp.session.list": concatenated,
  "wamp.session.kill_by_authid": concatenated,
  "wamp.session.kill_by_authrole": sum,
  "wamp.session.kill_all": sum,
  "wamp.subscription.list_subscribers": concatenated,
  "wamp.subscription.count_subscribers": sum,
  "wamp.subscription.count_suscribers": sum,
  "wamp.reflection.procedure.list": united,
  "wamp.reflection.topic.list": united,
  "wamp.reflection.error.list": united,
  "wamp.reflection.procedure.describe": firstKnown,
  "wamp.reflection.topic.describe": firstKnown,
  "wamp.reflection.error.describe": firstKnown,
  "wamp.reflect.describe": firstKnown,
};

/** Those that concern one session, and where its id stands among the arguments: its router answers. */
const owned: Partial<Record<MetaProcedure, number>> = {
  "wamp.session.get": 0,
  "wamp.session.kill": 0,
  "wamp.registration.remove_callee": 1,
  "wamp.subscription.remove_subscriber": 1,
};

/** Those of which only home has the answer. */
const homely: readonly string[] = ["wamp.subscription.get_events"];

const question = "procedure";

export interface SharedProceduresParts {
  readonly peers: Peers;
  readonly questions: Questions;
  readonly procedures: RouterProcedures;
  readonly realms: Realms;
  readonly limits: Limits;
}

/** Has the procedures answered by all routers, by the session's, or by home. They must be there already. */
export function shareProcedures(parts: SharedProceduresParts): void {
  const { peers, questions, procedures, realms } = parts;
  const local = new Map<string, ProcedureHandler>();
  const share = (uri: string, make: (own: ProcedureHandler) => ProcedureHandler): void => {
    procedures.wrap(uri, (own) => {
      local.set(uri, own);
      return make(own);
    });
  };
  const askAt = async (peer: number, call: ProcedureCall): Promise<readonly unknown[]> => {
    const answer = await questions.ask(peer, question, asked(call));
    if (Array.isArray(answer)) return answer;
    throw new WampError(errors.unavailable.uri, "the worker that has the answer is being restarted");
  };
  for (const [uri, together] of Object.entries(gathered)) share(uri, (own) => gather(parts, own, together));
  for (const [uri, position] of Object.entries(owned))
    share(uri, (own) => (call) => {
      const owner = routerOf(call.args[position], peers);
      return owner === peers.self ? own(call) : askAt(owner, call);
    });
  for (const uri of homely) share(uri, (own) => (peers.isHome ? own : (call) => askAt(home, call)));
  questions.answer(question, async ([uri, realmUri, facts, args, kwargs]) => {
    const realm = realms.get(realmUri as string);
    const handler = local.get(uri as string);
    // Nobody has joined it here.
    if (realm === undefined || handler === undefined) return null;
    const caller = new RemoteAsker(realm, facts as AskerFacts);
    try {
      return await handler({ uri, realm, caller, args, kwargs } as ProcedureCall);
    } catch (cause) {
      // It is on its way here, or gone already: there are no subscribers of it.
      if (cause instanceof WampError && cause.uri === errors.noSuchSubscription.uri) return null;
      throw cause;
    }
  });
}

/** The caller's own router first: it looks at the arguments, and at what the caller may. */
function gather(
  { questions, limits }: SharedProceduresParts,
  own: ProcedureHandler,
  together: Together,
): ProcedureHandler {
  return async (call) => {
    const first = await own(call);
    const others = await questions.askAll(question, asked(call));
    return together([first, ...others.map((answer) => (Array.isArray(answer) ? answer : null))], limits);
  };
}

const asked = ({ uri, realm, caller, args, kwargs }: ProcedureCall): readonly unknown[] => [
  uri,
  realm.uri,
  askerFacts(caller),
  args,
  kwargs,
];

/** The router of the session with this id; the own one says what is wrong with one that is none. */
const routerOf = (id: unknown, { self, count }: Peers): number =>
  typeof id === "number" && Number.isSafeInteger(id) && id > 0 ? (id - 1) % count : self;
