/** The router's own procedures where several routers answer as one: each knows its own sessions only. Control path. */
import type { Limits } from "../../base/limits.ts";
import { errors, WampError } from "../../protocol/errors.ts";
import { requireListable } from "../meta/pattern-queries.ts";
import type { ProcedureCall, ProcedureHandler, RouterProcedures } from "../procedures.ts";
import type { Realms } from "../realms.ts";
import { mergeInSteps } from "../sort-steps.ts";
import type { Steps, TurnShare } from "../turn-share.ts";
import { home, type Peers } from "./peers.ts";
import type { Questions } from "./questions.ts";
import { type AskerFacts, askerFacts, RemoteAsker } from "./remote-asker.ts";

/** Results of a procedure; null: that router has none. */
export type Answer = readonly unknown[] | null;
/** The steps that put the answers of all routers together, the asker's own first. */
export type Together = (answers: readonly Answer[], limits: Limits) => Steps<readonly unknown[]>;

/** What it costs to compare what an entry says, in steps. */
const entryCost = 12;

const firsts = (answers: readonly Answer[]): unknown[] => answers.map((answer) => answer?.[0]);
const lists = (answers: readonly Answer[]): unknown[][] =>
  firsts(answers).filter((list): list is unknown[] => Array.isArray(list));

export function* sum(answers: readonly Answer[]): Steps<readonly unknown[]> {
  const add = (total: number, count: unknown): number => total + (typeof count === "number" ? count : 0);
  return [firsts(answers).reduce(add, 0)];
}

export function* concatenated(answers: readonly Answer[], limits: Limits): Steps<readonly unknown[]> {
  const all: unknown[] = [];
  for (const list of lists(answers)) {
    requireListable(all.length + list.length, limits);
    for (const entry of list) {
      all.push(entry);
      yield 1;
    }
  }
  return [all];
}

/** URIs, each once, in order, of lists that are so. */
export function* united(answers: readonly Answer[], limits: Limits): Steps<readonly unknown[]> {
  const all: string[] = [];
  let length = 0;
  for (const uri of yield* mergeInSteps(lists(answers) as string[][])) {
    yield 1;
    if (uri === all.at(-1)) continue;
    all.push(uri);
    length += uri.length;
    requireListable(all.length, limits, length);
  }
  return [all];
}

/** Entries that say the same are one. */
export function* merged(answers: readonly Answer[], limits: Limits): Steps<readonly unknown[]> {
  const all: unknown[] = [];
  const seen = new Set<string>();
  for (const list of lists(answers))
    for (const entry of list) {
      yield entryCost;
      const text = JSON.stringify(entry);
      if (seen.has(text)) continue;
      seen.add(text);
      all.push(entry);
      requireListable(all.length, limits);
    }
  return [all];
}

export function* firstKnown(answers: readonly Answer[]): Steps<readonly unknown[]> {
  return [firsts(answers).find((answer) => answer != null) ?? null];
}

const question = "procedure";
/** A subscription or registration may be on its way to a router, or gone there already. */
const absent: readonly string[] = [errors.noSuchSubscription.uri, errors.noSuchRegistration.uri];

export interface SharedProceduresParts {
  readonly peers: Peers;
  readonly questions: Questions;
  readonly procedures: RouterProcedures;
  readonly realms: Realms;
  readonly limits: Limits;
  readonly turnShare: TurnShare;
}

export class SharedProcedures {
  readonly #parts: SharedProceduresParts;
  /** As this router alone answers. */
  readonly #own = new Map<string, ProcedureHandler>();

  constructor(parts: SharedProceduresParts) {
    this.#parts = parts;
    parts.questions.answer(question, (args) => this.#answer(args));
  }

  /** All answer; the caller's own router first, which looks at the arguments and at what the caller may. */
  gather(uri: string, together: Together): void {
    const { questions, limits, turnShare } = this.#parts;
    this.#share(uri, (own) => async (call) => {
      const first = await own(call);
      const others = await questions.askAll(question, asked(call, absent));
      return turnShare.goOn(call.caller.id, together([first, ...others.map(answerOf)], limits));
    });
  }

  /** One of them has what is asked for; the others answer with one of these errors. */
  whoHasIt(uri: string, missing: readonly string[]): void {
    const { questions } = this.#parts;
    this.#share(uri, (own) => async (call) => {
      try {
        return await own(call);
      } catch (cause) {
        if (!(cause instanceof WampError) || !missing.includes(cause.uri)) throw cause;
        const others = (await questions.askAll(question, asked(call, [...absent, ...missing]))).map(answerOf);
        const found = others.find((answer) => answer !== null);
        if (found === undefined || found === null) throw cause;
        return found;
      }
    });
  }

  /** Home answers for all, where `check` has let the call pass: the caller's rights are known where it is. */
  atHome(uri: string, check: (call: ProcedureCall) => void): void {
    const { peers, questions } = this.#parts;
    this.#share(uri, (own) => {
      if (peers.isHome) return own;
      return async (call) => {
        check(call);
        const answer = answerOf(await questions.ask(home, question, asked(call, [])));
        if (answer !== null) return answer;
        throw new WampError(errors.unavailable.uri, "the worker that has the answer is being restarted");
      };
    });
  }

  #share(uri: string, make: (own: ProcedureHandler) => ProcedureHandler): void {
    this.#parts.procedures.wrap(uri, (own) => {
      this.#own.set(uri, own);
      return make(own);
    });
  }

  async #answer([uri, realmUri, facts, args, kwargs, missing]: readonly unknown[]): Promise<Answer> {
    const realm = this.#parts.realms.find(realmUri as string);
    const handler = this.#own.get(uri as string);
    if (realm === undefined || handler === undefined) return null;
    const caller = new RemoteAsker(realm, facts as AskerFacts);
    try {
      return await handler({ uri, realm, caller, args, kwargs } as ProcedureCall);
    } catch (cause) {
      if (cause instanceof WampError && (missing as string[]).includes(cause.uri)) return null;
      throw cause;
    }
  }
}

const answerOf = (answer: unknown): Answer => (Array.isArray(answer) ? answer : null);

/** `missing` are the errors by which a router says that it has no answer. */
const asked = (
  { uri, realm, caller, args, kwargs }: ProcedureCall,
  missing: readonly string[],
): readonly unknown[] => [uri, realm.uri, askerFacts(caller), args, kwargs, missing];
