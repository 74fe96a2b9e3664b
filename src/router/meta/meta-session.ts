/**
 * `wamp.session.*`: who is there, ending sessions, and the events of joining and leaving (Advanced Profile, "Session Meta API").
 * Control path. Every session of the realm may ask; ending others is not for anonymous sessions, see RealmOptions.allowKill.
 */

import type { SessionId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { fixedLimits } from "../../base/limits.ts";
import { closeReasons, errors, WampError } from "../../protocol/errors.ts";
import { batchedSubprotocol, serializerName } from "../../protocol/serializers.ts";
import { UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { ProcedureCall, ProcedureHandler } from "../procedures.ts";
import type { Realm } from "../realm.ts";
import type { SessionIndex } from "../session-index.ts";
import type { Steps, TurnShare } from "../turn-share.ts";
import type { RouterSession, SessionObserver } from "../types.ts";
import {
  anId,
  aText,
  type Dict,
  invalidArgument,
  optional,
  positional,
  requireKillRight,
  texts,
} from "./meta-args.ts";
import type { MetaProcedure } from "./meta-catalogue.ts";
import { requireListable } from "./pattern-queries.ts";
import type { Testaments } from "./testaments.ts";

export interface SessionMetaParts {
  readonly codec: Codec;
  readonly events: MetaEvents;
  readonly limits: Limits;
  readonly sessions: SessionIndex;
  readonly testaments: Testaments;
  readonly turnShare: TurnShare;
}

/** What ending a session costs, in steps. */
export const farewellCost = 128;

type Waited = readonly unknown[] | Promise<readonly unknown[]>;
type Answer = (ids: readonly SessionId[]) => readonly unknown[];

const hasRole = (authroles: readonly string[]): ((session: RouterSession) => boolean) => {
  const admitted = new Set<string | undefined>(authroles);
  return ({ identity }) => admitted.has(identity?.authrole);
};

/** How a killed session is told. */
export interface Farewell {
  readonly reason: string;
  readonly message: string | undefined;
}

/** The dictionary of `wamp.session.get` and `on_join`. */
export function sessionDetails(session: RouterSession): Dict {
  const { id, identity, info } = session;
  const protocol = `wamp.2.${serializerName(session.serializer)}`;
  return {
    session: id,
    authid: identity?.authid,
    authrole: identity?.authrole,
    authmethod: identity?.authmethod,
    authprovider: identity?.authprovider,
    transport: {
      type: info.kind,
      peer: info.peer,
      protocol: info.batched === true ? batchedSubprotocol(protocol) : protocol,
    },
  };
}

/** The session of the caller's realm that the argument at `position` names. Throws wamp.error.no_such_session. */
export function requiredSession(
  sessions: SessionIndex,
  call: ProcedureCall,
  position: number,
): RouterSession {
  const id = positional(call, position, "session", anId);
  const session = sessions.get(id);
  if (session !== null && session.realm === call.realm) return session;
  throw new WampError(errors.noSuchSession.uri, `there is no session ${id} in this realm`);
}

export class SessionMeta implements SessionObserver {
  readonly #parts: SessionMetaParts;
  /** While `kill_all` ends a session: soon nobody is left who could hear of those that go. */
  #isSilent = false;

  constructor(parts: SessionMetaParts) {
    this.#parts = parts;
  }

  onJoin(session: RouterSession, realm: Realm): void {
    if (realm.reservedPatterns === 0) return;
    const args = [sessionDetails(session)];
    this.#parts.events.emit({ realm, topic: "wamp.session.on_join", args, excluded: session.target });
  }

  onLeave(session: RouterSession, realm: Realm): void {
    const { events, testaments } = this.#parts;
    if (this.#isSilent) return testaments.drop(session);
    testaments.onDetach(session, realm);
    testaments.onDestroy(session, realm);
    if (realm.reservedPatterns === 0) return;
    const args = [session.id, session.identity?.authid, session.identity?.authrole];
    events.emit({ realm, topic: "wamp.session.on_leave", args });
  }

  onDetach(session: RouterSession, realm: Realm): void {
    this.#parts.testaments.onDetach(session, realm);
    this.#emit("wamp.session.on_detach", session, realm);
  }

  onAttach(session: RouterSession, realm: Realm): void {
    this.#emit("wamp.session.on_attach", session, realm);
  }

  #emit(topic: string, session: RouterSession, realm: Realm): void {
    this.#parts.events.emit({ realm, topic, args: [session.id], excluded: session.target });
  }

  readonly handlers = {
    "wamp.session.count": (call) => {
      const authroles = optional(call, 0, "filter_authroles", texts);
      if (authroles === undefined) return [call.realm.sessionCount];
      return this.#parts.turnShare.run(call.caller.id, this.#count(call, authroles));
    },
    "wamp.session.list": (call) =>
      this.#parts.turnShare.run(
        call.caller.id,
        this.#list(call, optional(call, 0, "filter_authroles", texts)),
      ),
    "wamp.session.get": (call) => [sessionDetails(requiredSession(this.#parts.sessions, call, 0))],
    "wamp.session.kill": (call) => this.#kill(call),
    "wamp.session.kill_by_authid": (call) => this.#killBy(call, "authid", (ids) => [ids]),
    "wamp.session.kill_by_authrole": (call) => this.#killBy(call, "authrole", (ids) => [ids.length]),
    "wamp.session.kill_all": (call) => this.#killAll(call),
  } satisfies Partial<Record<MetaProcedure, ProcedureHandler>>;

  *#count(call: ProcedureCall, authroles: readonly string[]): Steps<readonly unknown[]> {
    return [(yield* this.#ids(call, hasRole(authroles))).length];
  }

  *#list(call: ProcedureCall, authroles: readonly string[] | undefined): Steps<readonly unknown[]> {
    const ids = yield* this.#ids(call, authroles === undefined ? () => true : hasRole(authroles));
    requireListable(ids.length, this.#parts.limits);
    return [ids];
  }

  /** Sessions of the caller's realm that are wanted. */
  #ids(call: ProcedureCall, isWanted: (session: RouterSession) => boolean): Steps<SessionId[]> {
    return sessionIds(this.#parts.sessions, call.realm, isWanted);
  }

  #kill(call: ProcedureCall): readonly unknown[] {
    requireKillRight(call);
    const session = requiredSession(this.#parts.sessions, call, 0);
    if (session === call.caller)
      throw new WampError(errors.noSuchSession.uri, "a session cannot kill itself; it says GOODBYE");
    endSession(session, farewellOf(this.#parts.codec, call, 1));
    return [];
  }

  #killBy(call: ProcedureCall, what: "authid" | "authrole", makeAnswer: Answer): Waited {
    requireKillRight(call);
    const wanted = positional(call, 0, what, aText);
    const farewell = farewellOf(this.#parts.codec, call, 1);
    const isWanted = (session: RouterSession): boolean =>
      session !== call.caller && session.identity?.[what] === wanted;
    return this.#parts.turnShare.run(
      call.caller.id,
      this.#endThose(call, isWanted, farewell, false, makeAnswer),
    );
  }

  #killAll(call: ProcedureCall): Waited {
    requireKillRight(call);
    const farewell = farewellOf(this.#parts.codec, call, 0);
    const isOther = (session: RouterSession): boolean => session !== call.caller;
    return this.#parts.turnShare.run(
      call.caller.id,
      this.#endThose(call, isOther, farewell, true, (ids) => [ids.length]),
    );
  }

  *#endThose(
    call: ProcedureCall,
    isWanted: (session: RouterSession) => boolean,
    farewell: Farewell,
    isSilent: boolean,
    makeAnswer: Answer,
  ): Steps<readonly unknown[]> {
    const ids = yield* this.#ids(call, isWanted);
    const answer = makeAnswer(ids);
    if (!isSilent) requireListable(ids.length, this.#parts.limits);
    const { sessions } = this.#parts;
    yield* endInSteps(sessions, call.realm, ids, (session) => {
      this.#isSilent = isSilent;
      endSession(session, farewell);
      this.#isSilent = false;
    });
    return answer;
  }
}

/**
 * Ids of the sessions of a realm that are wanted, in no particular order. The walk may take several turns: who is there all the time is
 * among them, who comes or goes meanwhile may be.
 */
export function* sessionIds(
  sessions: SessionIndex,
  realm: Realm,
  isWanted: (session: RouterSession) => boolean,
): Steps<SessionId[]> {
  const ids: SessionId[] = [];
  for (const session of sessions.walk(realm)) {
    if (session !== null && isWanted(session)) ids.push(session.id);
    yield 1;
  }
  return ids;
}

/** Says GOODBYE to a session. */
export function endSession(session: RouterSession, { reason, message }: Farewell): void {
  // GOODBYE itself must fit: a peer that takes only the smallest frames is told the usual reason.
  const fits = session.peerFrameBytes_max > 4 * reason.length + 32;
  session.goodbye(fits ? reason : closeReasons.killed, message);
}

/** Has `end` called with each of the sessions that is still in the realm. */
export function* endInSteps(
  sessions: SessionIndex,
  realm: Realm,
  ids: Iterable<SessionId>,
  end: (session: RouterSession) => void,
): Steps<void> {
  for (const id of ids) {
    const session = sessions.get(id);
    // It may have left since it was found, and joined another realm.
    if (session !== null && session.realm === realm) end(session);
    yield farewellCost;
  }
}

/** How the call wants sessions to be told: keyword arguments, or those at `position` and behind it; null: keyword arguments only. */
export function farewellOf(codec: Codec, call: ProcedureCall, position: number | null): Farewell {
  const at = position ?? call.args.length;
  const given = call.kwargs["reason"] ?? call.args[at] ?? closeReasons.killed;
  // Whatever is no URI, also what is no text, has an error of its own in the specification.
  const flags = call.realm.visitFlags;
  if (typeof given !== "string" || codec.checkUri(given, 0, flags) === UriStatus.invalid)
    throw new WampError(errors.invalidUri.uri, 'keyword argument "reason" must be a URI');
  const message = optional(call, at + 1, "message", aText);
  if (message !== undefined && message.length > fixedLimits.killMessage_max)
    throw invalidArgument(`keyword argument "message" may have ${fixedLimits.killMessage_max} characters`);
  return { reason: given, message };
}
