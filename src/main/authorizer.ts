/**
 * Realms whose `authorizer` decides where no grant does, as Crossbar's users know it: a procedure of the realm, called with
 * (session, uri, action, options), that answers with a boolean or with `{allow, cache?}`; other members are not looked at. The message that raised the question
 * waits in its session, which asks nothing else until then. An error, no answer in time, or one of another shape is a refusal.
 */
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { matchNames } from "../protocol/messages.ts";
import { nameOfPermission } from "../protocol/permissions.ts";
import type { Access, AccessQuestion } from "../router/access.ts";
import { sessionDetails } from "../router/meta/meta-session.ts";
import type { Session } from "../session/session.ts";

export interface AuthorizerParts {
  readonly access: Access;
  readonly call: (
    realm: string,
    procedure: string,
    args: readonly unknown[],
    timeout_ms: number,
  ) => Promise<unknown>;
  readonly limits: Pick<Limits, "authorizerCalls_max" | "authorizer_ms">;
  readonly log: Log;
}

interface Verdict {
  readonly allowed: boolean;
  readonly cache: boolean;
}

export class Authorizers {
  readonly #parts: AuthorizerParts;
  #asked = 0;

  constructor(parts: AuthorizerParts) {
    this.#parts = parts;
  }

  /** Asks for a session whose message waits. False: too many are being asked. */
  ask(session: Session, question: AccessQuestion): boolean {
    const { limits } = this.#parts;
    const procedure = session.access?.table?.rules.authorizer;
    if (procedure === undefined || this.#asked >= limits.authorizerCalls_max) return false;
    this.#asked++;
    const { id } = session;
    this.#verdict(session, procedure, question).then((verdict) => {
      this.#asked--;
      // By then it may be another session's connection.
      if (session.id !== id || !session.isOpen) return;
      this.#parts.access.settle(session, question, verdict.allowed, verdict.cache);
      session.unpark();
    });
    return true;
  }

  async #verdict(session: Session, procedure: string, question: AccessQuestion): Promise<Verdict> {
    const { call, limits, log } = this.#parts;
    const realm = session.realm!.uri;
    const { uri, permission, match } = question;
    // `wamp.call` is Crossbar's `call`; a disclosure is asked for by its own name.
    const action = nameOfPermission(permission).replace(/^wamp\./, "");
    const args = [sessionDetails(session), uri, action, { match: matchNames[match] }];
    try {
      return readVerdict(await call(realm, procedure, args, limits.authorizer_ms));
    } catch (cause) {
      log.warn("auth", "an authorizer did not answer; the request is refused", { realm, procedure, cause });
      return { allowed: false, cache: false };
    }
  }
}

function readVerdict(answer: unknown): Verdict {
  if (typeof answer === "boolean") return { allowed: answer, cache: false };
  if (typeof answer !== "object" || answer === null || !("allow" in answer))
    throw new Error("the answer is neither a boolean nor {allow, cache}");
  return { allowed: answer.allow === true, cache: "cache" in answer && answer.cache === true };
}
