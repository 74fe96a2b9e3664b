/**
 * Testaments: events that a session leaves with the router, to be published when it is gone (Advanced Profile, "Session
 * Testament"). Kept as encoded PUBLISH messages, checked when they are added, so that nothing can be wrong with them when their
 * author cannot be told any more. Control path.
 *
 * `detached` ones are published when the session's transport is lost, `destroyed` ones when the session has ended for good; both
 * in the order in which they were added, and once.
 */
import type { SessionId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { errors, WampError } from "../../protocol/errors.ts";
import { Message } from "../../protocol/messages.ts";
import { Serializer } from "../../protocol/serializers.ts";
import { Option, Slot, Status } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { givenTtl_ms, ttlProblem } from "../broker/retention.ts";
import type { Guard } from "../guard.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { ProcedureCall, ProcedureHandler } from "../procedures.ts";
import type { Realm } from "../realm.ts";
import type { RouterSession } from "../types.ts";
import {
  aDict,
  aList,
  aUri,
  type Dict,
  invalidArgument,
  oneOf,
  optional,
  positional,
  requireOwnUri,
} from "./meta-args.ts";
import type { MetaProcedure } from "./meta-catalogue.ts";

interface Testament {
  readonly topic: string;
  readonly discloses: boolean;
  /** PUBLISH, in MessagePack. */
  readonly message: Uint8Array;
  readonly excludesAuthor: boolean;
}

const scopes = ["destroyed", "detached"] as const;
type Scope = (typeof scopes)[number];
const aScope = oneOf(scopes);

/** What one session has left. */
interface Estate {
  readonly destroyed: Testament[];
  readonly detached: Testament[];
}

export interface TestamentsParts {
  readonly codec: Codec;
  readonly events: MetaEvents;
  readonly limits: Limits;
  readonly guard: Guard;
}

export class Testaments {
  readonly #parts: TestamentsParts;
  readonly #estates = new Map<SessionId, Estate>();

  constructor(parts: TestamentsParts) {
    this.#parts = parts;
  }

  /** Testaments of all sessions together. */
  get count(): number {
    let count = 0;
    for (const { destroyed, detached } of this.#estates.values()) count += destroyed.length + detached.length;
    return count;
  }

  readonly handlers = {
    "wamp.session.add_testament": (call) => this.#add(call),
    "wamp.session.flush_testaments": (call) => this.#flush(call),
  } satisfies Partial<Record<MetaProcedure, ProcedureHandler>>;

  /** The session's transport is lost, and the session may come back. */
  onDetach(session: RouterSession, realm: Realm): void {
    this.#publish("detached", session, realm, session.target);
  }

  /** The session has ended for good. */
  onDestroy(session: RouterSession, realm: Realm): void {
    // Nobody is excluded any more: its place may be another session's by the time the event goes out.
    this.#publish("destroyed", session, realm, 0);
    this.drop(session);
  }

  /** Forgets what the session has left, unpublished. */
  drop(session: RouterSession): void {
    this.#estates.delete(session.id);
  }

  #publish(scope: Scope, session: RouterSession, realm: Realm, author: number): void {
    const estate = this.#estates.get(session.id);
    if (estate === undefined) return;
    const { id, identity } = session;
    for (const { topic, discloses, message, excludesAuthor } of estate[scope].splice(0)) {
      // The right may have been taken away since.
      if (!this.#parts.guard.mayPublish(session, topic, discloses)) continue;
      const excluded = excludesAuthor ? author : 0;
      this.#parts.events.publish({ realm, message, excluded, publisher: { id, identity } });
    }
  }

  #add(call: ProcedureCall): readonly unknown[] {
    const topic = positional(call, 0, "topic", aUri);
    const args = positional(call, 1, "args", aList);
    const kwargs = positional(call, 2, "kwargs", aDict);
    const options = optional(call, 3, "publish_options", aDict) ?? {};
    const scope = optional(call, 4, "scope", aScope) ?? "destroyed";
    const testament = this.#checked(call.realm, topic, options, args, kwargs);
    this.#parts.guard.requirePublish(call.caller, topic, testament.discloses);
    const estate = this.#estates.get(call.caller.id) ?? { destroyed: [], detached: [] };
    this.#requireRoom(estate, testament);
    estate[scope].push(testament);
    this.#estates.set(call.caller.id, estate);
    return [];
  }

  /** Has the kernel read it as it would any client's PUBLISH. The call itself has been read by now. */
  #checked(realm: Realm, topic: string, given: Dict, args: readonly unknown[], kwargs: Dict): Testament {
    const { codec, limits } = this.#parts;
    requireOwnUri(codec, realm, topic, "topic");
    const { acknowledge: _, ...options } = given;
    const message = encodeMessage(Serializer.msgpack, [Message.publish, 1, options, topic, args, kwargs]);
    if (message.length > limits.frameBytes_max)
      throw new WampError(
        errors.payloadSizeExceeded.uri,
        `a testament may have ${limits.frameBytes_max} bytes`,
      );
    if (codec.visit(Serializer.msgpack, message, 0, realm.visitFlags) !== Status.ok)
      throw invalidArgument(`keyword argument "publish_options": ${codec.violation()}`);
    const truths = codec.u(Slot.true);
    const discloses = (truths & Option.discloseMe) !== 0;
    if (discloses && !realm.allowDisclosure)
      throw new WampError(errors.discloseMeDisallowed.uri, "this realm does not disclose publishers");
    if ((truths & Option.retain) !== 0 && givenTtl_ms(options, 0) === null)
      throw invalidArgument(`keyword argument "publish_options": ${ttlProblem}`);
    const excludesAuthor =
      (codec.u(Slot.present) & Option.excludeMe) === 0 || (truths & Option.excludeMe) !== 0;
    return { topic, discloses, message, excludesAuthor };
  }

  #requireRoom({ destroyed, detached }: Estate, testament: Testament): void {
    const { testamentsPerSession_max, testamentBytes_max } = this.#parts.limits;
    const all = [...destroyed, ...detached, testament];
    if (all.length > testamentsPerSession_max)
      throw new WampError(
        errors.unavailable.uri,
        `a session may leave ${testamentsPerSession_max} testaments`,
      );
    if (all.reduce((bytes, { message }) => bytes + message.length, 0) > testamentBytes_max)
      throw new WampError(
        errors.unavailable.uri,
        `a session's testaments may have ${testamentBytes_max} bytes together`,
      );
  }

  #flush(call: ProcedureCall): readonly unknown[] {
    const scope = optional(call, 0, "scope", aScope) ?? "destroyed";
    const estate = this.#estates.get(call.caller.id);
    if (estate === undefined) return [];
    estate[scope].length = 0;
    if (estate.destroyed.length + estate.detached.length === 0) this.drop(call.caller);
    return [];
  }
}
