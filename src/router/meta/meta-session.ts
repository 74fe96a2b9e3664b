/**
 * `wamp.session.*`: who is there, ending sessions, and the events of joining and leaving (Advanced Profile, "Session Meta API").
 * Control path. Every session of the realm may ask; ending others is not for anonymous sessions, see RealmOptions.allowKill.
 */

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
  visitFlags,
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
}

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
  /** While `kill_all` runs: nobody is left who could hear of those that go. */
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
    "wamp.session.count": (call) => [this.#count(call)],
    "wamp.session.list": (call) => [this.#list(call)],
    "wamp.session.get": (call) => [sessionDetails(requiredSession(this.#parts.sessions, call, 0))],
    "wamp.session.kill": (call) => this.#kill(call),
    "wamp.session.kill_by_authid": (call) => [this.#killBy(call, "authid")],
    "wamp.session.kill_by_authrole": (call) => [this.#killBy(call, "authrole").length],
    "wamp.session.kill_all": (call) => [this.#killAll(call)],
  } satisfies Partial<Record<MetaProcedure, ProcedureHandler>>;

  #count(call: ProcedureCall): number {
    const authroles = optional(call, 0, "filter_authroles", texts);
    return authroles === undefined ? call.realm.sessionCount : this.#sessionsIn(call, authroles).length;
  }

  #list(call: ProcedureCall): readonly number[] {
    const sessions = this.#sessionsIn(call, optional(call, 0, "filter_authroles", texts));
    requireListable(sessions.length, this.#parts.limits);
    return sessions.map((session) => session.id);
  }

  #sessionsIn(call: ProcedureCall, authroles: readonly string[] | undefined): RouterSession[] {
    const admitted = authroles === undefined ? null : new Set<string | undefined>(authroles);
    return this.#parts.sessions
      .all()
      .filter(({ realm, identity }) => realm === call.realm && admitted?.has(identity?.authrole) !== false);
  }

  #kill(call: ProcedureCall): readonly unknown[] {
    requireKillRight(call);
    const session = requiredSession(this.#parts.sessions, call, 0);
    if (session === call.caller)
      throw new WampError(errors.noSuchSession.uri, "a session cannot kill itself; it says GOODBYE");
    endSessions([session], farewellOf(this.#parts.codec, call, 1));
    return [];
  }

  #killBy(call: ProcedureCall, what: "authid" | "authrole"): readonly number[] {
    requireKillRight(call);
    const wanted = positional(call, 0, what, aText);
    const farewell = farewellOf(this.#parts.codec, call, 1);
    const victims = this.#others(call).filter(({ identity }) => identity?.[what] === wanted);
    requireListable(victims.length, this.#parts.limits);
    endSessions(victims, farewell);
    return victims.map((session) => session.id);
  }

  #killAll(call: ProcedureCall): number {
    requireKillRight(call);
    const farewell = farewellOf(this.#parts.codec, call, 0);
    const victims = this.#others(call);
    this.#isSilent = true;
    try {
      endSessions(victims, farewell);
    } finally {
      this.#isSilent = false;
    }
    return victims.length;
  }

  #others(call: ProcedureCall): RouterSession[] {
    return this.#sessionsIn(call, undefined).filter((session) => session !== call.caller);
  }
}

/** Says GOODBYE to sessions. */
export function endSessions(sessions: readonly RouterSession[], { reason, message }: Farewell): void {
  for (const session of sessions) {
    // GOODBYE itself must fit: a peer that takes only the smallest frames is told the usual reason.
    const fits = session.peerFrameBytes_max > 4 * reason.length + 32;
    session.goodbye(fits ? reason : closeReasons.killed, message);
  }
}

/** How the call wants sessions to be told: keyword arguments, or those at `position` and behind it; null: keyword arguments only. */
export function farewellOf(codec: Codec, call: ProcedureCall, position: number | null): Farewell {
  const at = position ?? call.args.length;
  const given = call.kwargs["reason"] ?? call.args[at] ?? closeReasons.killed;
  // Whatever is no URI, also what is no text, has an error of its own in the specification.
  const flags = visitFlags(call.realm);
  if (typeof given !== "string" || codec.checkUri(given, 0, flags) === UriStatus.invalid)
    throw new WampError(errors.invalidUri.uri, 'keyword argument "reason" must be a URI');
  const message = optional(call, at + 1, "message", aText);
  if (message !== undefined && message.length > fixedLimits.killMessage_max)
    throw invalidArgument(`keyword argument "message" may have ${fixedLimits.killMessage_max} characters`);
  return { reason: given, message };
}
