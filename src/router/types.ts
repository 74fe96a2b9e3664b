/** What broker and dealer know of a session, and of frames on their way out. Types only. */

import type { RequestId, SessionId, Target } from "../base/ids.ts";
import type { Identity, OutgoingFrame, TransportInfo } from "../ports.ts";
import type { ErrorEntry } from "../protocol/errors.ts";
import type { Message } from "../protocol/messages.ts";
import type { Serializer } from "../protocol/serializers.ts";
import type { AccessContext } from "./access.ts";
import type { Realm } from "./realm.ts";

/** An encoded frame, shared by all who receive it. */
export interface Frame extends OutgoingFrame {
  readonly length: number;
  /** EVENTs may be dropped for a slow consumer, replies may not. */
  readonly droppable: boolean;
  /** Takes its bytes out of memory that is used again after this turn. Whoever keeps a frame beyond the turn calls it. */
  own(): void;
}

/** Makes frames: `take` of what a writer of the codec just wrote. */
export interface FrameSource {
  take(length: number, droppable: boolean): Frame;
  /** A frame of bytes that nobody else has or changes. */
  adopt(bytes: Uint8Array, droppable: boolean): Frame;
}

/**
 * A joined session as a routing target. The counters and list heads belong to the tables of broker and dealer; they lie here
 * because a session is where every walk begins.
 */
export interface RouterSession {
  readonly target: Target;
  readonly id: SessionId;
  readonly realm: Realm | null;
  readonly serializer: Serializer;
  readonly identity: Identity | null;
  /** What its transport knows of the peer. */
  readonly info: TransportInfo;
  /** `ClientFeature` bits. */
  readonly clientFeatures: number;
  /** Largest frame that may be sent to it. */
  readonly peerFrameBytes_max: number;
  /** It is another router's: it stands for a callee there (peers/remote-callee.ts), or for the callers there. */
  readonly isRemote: boolean;
  /** Bytes queued for it, and whether its socket is full: nothing more leaves until it drains. */
  readonly queuedBytes: number;
  readonly blocked: boolean;
  /** It waits for its client without a transport: what is sent to it is kept, and there is little room. */
  readonly isDetached: boolean;
  /** What decides about its requests; null: there is no access control for it. */
  access: AccessContext | null;
  /** Number of the last INVOCATION sent to it; the router's counter for this session. */
  lastInvocation: number;
  /** Highest request id of a CALL seen from it. */
  lastCall: number;
  /** Rows of its calls in flight by request id; null until it asks for one by its id, and again when none is in flight. */
  callIndex: Map<number, number> | null;
  subscriptionCount: number;
  registrationCount: number;
  callCount: number;
  invocationCount: number;
  /** Heads of its lists: subscriptions, registrations, pending calls it made, pending calls it serves. 0: none. */
  firstSubscription: number;
  firstRegistration: number;
  firstCall: number;
  firstInvocation: number;
  /** Its requests that wait for other routers, and whether a message of it waits behind them. */
  requestsWaiting: number;
  isBehindRequest: boolean;
  /** Frames of it that are still handled in this turn: what costs more than routing a frame takes several. */
  framesLeft: number;
  /** What its parked message waited for has been decided: it is handled again, and then what came behind it. */
  unpark(): void;
  /** Queues a frame; never runs router code. */
  post(frame: Frame): void;
  /** Queues ERROR[type, request] with a text for people as its only argument. Control path: it allocates. */
  postError(type: Message, request: RequestId, error: ErrorEntry, message: string): void;
  /** Queues a message of the router's own. Control path. False, and nothing sent, when it is larger than the session can take. */
  postMessage(message: readonly unknown[]): boolean;
  /** Says GOODBYE and closes when the peer has answered, or after `goodbye_ms`. The message is for people. */
  goodbye(reason: string, message?: string): void;
}

/** Of a session, what its events say of it; it may be gone by then. */
export type Publisher = Pick<RouterSession, "id" | "identity">;

/**
 * Told when sessions join a realm and when they have left it; `session.realm` is still (or already) the realm. A resumable session
 * whose transport is lost is detached; later it is attached to another one, or leaves. One that leaves while it is attached, or is
 * not resumable, is not detached before.
 */
export interface SessionObserver {
  onJoin(session: RouterSession, realm: Realm): void;
  onLeave(session: RouterSession, realm: Realm): void;
  onDetach?(session: RouterSession, realm: Realm): void;
  onAttach?(session: RouterSession, realm: Realm): void;
}
