/**
 * One connection's state machine, and the session that is open on it. Hot: `onFrame` to broker and dealer.
 *
 *   waiting ──HELLO──► joining ──WELCOME──► open ──GOODBYE──► waiting   (a second session on the same transport)
 *                       │ our GOODBYE ──► closing ──GOODBYE or time──► closed
 *   any ──violation, ABORT, transport gone──► closed
 */

import { unreachable } from "../base/assert.ts";
import type { RequestId, SessionId, Target } from "../base/ids.ts";
import type { Connection, ConnectionEvents, Identity, TransportInfo } from "../ports.ts";
import { decodeMessage } from "../protocol/encoding.ts";
import { closeReasons, type ErrorEntry, errors } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import type { Serializer } from "../protocol/serializers.ts";
import type { Realm } from "../router/realm.ts";
import { RoutingState } from "../router/routing-state.ts";
import type { RouterSession } from "../router/types.ts";
import { Slot, Status } from "../wasm/abi.ts";
import { Backlog, type BacklogOwner } from "./backlog.ts";
import { controlFrame } from "./control-frame.ts";
import type { SessionCore } from "./core.ts";
import { departRealm, hasNothingLeft } from "./departure.ts";
import { tellDropped } from "./dropped.ts";
import { type Joined, type Refusal, readHello } from "./handshake.ts";
import { challengeMessage, enter, Login, type LoginEvents } from "./login.ts";
import type { OutboxFrame, OutboxOwner } from "./outbox.ts";
import { parked, routeRequest, waitsBehindRequests } from "./requests.ts";
import type { Resumption } from "./resumption.ts";
import type { TimedOwner } from "./session-timers.ts";
import { CloseCode, noLimit, State } from "./states.ts";

/** What an ERROR of the router's own takes of a session's share of a turn, in frames. */
const errorFrames = 8;

export class Session
  extends RoutingState
  implements RouterSession, OutboxOwner, BacklogOwner, ConnectionEvents, LoginEvents, TimedOwner
{
  readonly target: Target;
  readonly connection: Connection;
  readonly serializer: Serializer;
  /** What keeps it when its transport is lost; null: it ends then. */
  readonly resumption: Resumption | null;
  peerFrameBytes_max: number;
  id = 0 as SessionId;
  realm: Realm | null = null;
  identity: Identity | null = null;
  clientFeatures = 0;
  /** Highest request id seen, or in a strict realm the last one. */
  lastRequest = 0;
  queue: OutboxOwner["queue"] = null;
  queueLength = 0;
  queuedBytes = 0;
  dirty = false;
  blocked = false;
  droppedEvents = 0;
  backlog: Backlog | null = null;
  intakeTurn = -1;
  framesLeft = 0;
  timer = 0;
  readonly #core: SessionCore;
  #state: State = State.waiting;
  /** Who hears its connection while it is lent. */
  #borrower: ConnectionEvents | null = null;
  /** While it is joining. */
  #login: Login | null = null;
  /** A message about which somebody else decides. */
  #parked: Uint8Array | null = null;

  constructor(core: SessionCore, connection: Connection, resumption: Resumption | null = null) {
    super();
    this.#core = core;
    this.connection = connection;
    this.resumption = resumption;
    this.serializer = connection.serializer;
    this.peerFrameBytes_max = Math.min(connection.peerFrameBytes_max, noLimit);
    resumption?.bind(this);
    this.target = core.targets.take();
    core.targets.put(this);
    core.timers.start(this, core.limits.handshake_ms, null);
  }

  // ---- from the connection

  onFrame(bytes: Uint8Array): void {
    if (this.#state >= State.closed) return this.#borrower?.onFrame(bytes);
    const isHeld = this.#parked !== null || this.#state === State.leaving;
    if (isHeld || this.backlog !== null || !this.#core.intake.admits(this, bytes.length)) this.defer(bytes);
    else this.handle(bytes);
  }

  onViolation(problem: string): void {
    if (this.#state >= State.closed) return this.#borrower?.onViolation(problem);
    this.#violation(problem);
  }

  onDrain(): void {
    if (this.#borrower !== null) return this.#borrower.onDrain();
    const events = this.droppedEvents;
    this.droppedEvents = 0;
    if (events > 0) tellDropped(this.#core, this, events);
    this.#core.outbox.onDrain(this);
  }

  onClose(): void {
    this.#borrower?.onClose();
    this.#borrower = null;
    const was = this.#state;
    this.#state = State.closed;
    this.#login?.drop();
    this.#core.timers.stop(this);
    this.backlog?.drop();
    this.#core.outbox.discard(this);
    if (was !== State.leaving) this.#leaveRealm();
    // The transport of a resumable session is its front's, and counted there.
    if (this.resumption === null) this.#core.onConnectionGone();
  }

  // ---- resumption: of the session that stands on a transport, and of the one that borrows it

  /** From now on `borrower` hears its connection, until `reclaim`. */
  lend(borrower: ConnectionEvents): void {
    this.#core.timers.stop(this);
    this.#state = State.lent;
    this.#borrower = borrower;
  }

  /** Its connection is its own again: it sends these frames and waits for HELLO. */
  reclaim(frames: readonly OutboxFrame[]): void {
    this.#borrower = null;
    this.#state = State.waiting;
    for (const frame of frames) this.#core.outbox.post(this, frame);
    this.#core.timers.start(this, this.#core.limits.handshake_ms, "session closed");
  }

  /** The session that has borrowed its connection stands on another one. */
  abandon(): void {
    this.#borrower = null;
    this.#state = State.closed;
    this.connection.terminate();
  }

  get info(): TransportInfo {
    return this.connection.info;
  }

  get isOpen(): boolean {
    return this.#state === State.open;
  }

  get isDetached(): boolean {
    return this.resumption?.isDetached ?? false;
  }

  /** It stands on this transport from now on. */
  onTransport({ peerFrameBytes_max }: Connection): void {
    this.peerFrameBytes_max = Math.min(peerFrameBytes_max, noLimit);
  }

  // ---- from router and outbox

  post(frame: OutboxFrame): void {
    if (this.#state === State.open) this.#core.outbox.post(this, frame);
  }

  postError(type: Message, request: RequestId, error: ErrorEntry, message: string): void {
    this.framesLeft -= errorFrames;
    if (this.#state !== State.open) return;
    const { outbox, refusals } = this.#core;
    outbox.post(this, refusals.frame(this.connection, type, request, error, message));
  }

  postMessage(message: readonly unknown[]): boolean {
    const frame = controlFrame(this.connection, message);
    if (frame.length > Math.min(this.peerFrameBytes_max, this.#core.limits.outboxBytes_max)) return false;
    this.post(frame);
    return true;
  }

  overrun(cause?: unknown): void {
    const { log, outbox } = this.#core;
    const problem = cause === undefined ? "it does not read what it is sent" : "its connection is broken";
    log.warn("session", `ended: ${problem}`, { session: this.id, queuedBytes: this.queuedBytes, cause });
    // Nothing more is queued for it, and it is not heard any more.
    if (this.#state === State.open) this.#state = State.closing;
    outbox.afterTurn(() => this.connection.terminate());
  }

  goodbye(reason: string, message?: string): void {
    if (this.#state !== State.open || this.isDetached) return this.#close(CloseCode.goingAway, reason);
    this.#send([Message.goodbye, { message }, reason]);
    this.#state = State.closing;
    this.#leaveRealm();
    this.#core.timers.start(this, this.#core.limits.goodbye_ms, reason);
  }

  // ---- frames

  /** What follows GOODBYE waits until the first session's subscriptions are ended; what follows a parked message, for that. */
  get isHeld(): boolean {
    return this.#parked !== null || this.#state === State.leaving;
  }

  /** A fault of ours in one message ends the session that sent it, and nothing else. */
  handle(bytes: Uint8Array): void {
    try {
      this.#route(bytes);
    } catch (cause) {
      this.#core.log.error("session", "internal error; the session is ended", { session: this.id, cause });
      this.#close(CloseCode.internalError, "internal error");
    }
  }

  #route(bytes: Uint8Array): void {
    const { codec, metrics } = this.#core;
    metrics.messagesIn++;
    const { realm } = this;
    if (codec.visit(this.serializer, bytes, realm?.handle ?? 0, realm?.visitFlags ?? 0) !== Status.ok)
      return this.#violation(codec.violation());
    if (this.#state === State.open) this.#dispatch(codec.u(Slot.type), bytes);
    else this.#outsideSession(codec.u(Slot.type), bytes);
  }

  #dispatch(type: number, bytes: Uint8Array): void {
    if (this.requestsWaiting > 0 && waitsBehindRequests(this, type)) {
      this.#parked = this.#core.codec.frame();
      return;
    }
    if (type === Message.goodbye) return this.#onGoodbye(bytes);
    if (type === Message.abort) return this.#onAbort(bytes);
    const problem = routeRequest(this.#core, this, type);
    if (problem === parked) this.#parked = this.#core.codec.frame();
    else if (problem !== null) this.#violation(problem);
  }

  override unpark(): void {
    const frame = this.#parked;
    this.#parked = null;
    if (frame === null || this.#state !== State.open) return;
    this.handle(frame);
    if (this.#parked === null) this.#core.access.forget(this);
    this.backlog?.schedule();
  }

  #outsideSession(type: number, bytes: Uint8Array): void {
    switch (this.#state) {
      case State.waiting:
        if (type === Message.hello) return this.#onHello(bytes);
        if (type === Message.abort) return this.#close(CloseCode.normal, "aborted by the client");
        return this.#violation(`message type ${type} before HELLO`);
      case State.joining:
        if (type === Message.authenticate && this.#login!.onAuthenticate(bytes)) return;
        if (type === Message.abort) return this.#close(CloseCode.normal, "aborted by the client");
        return this.#violation(`message type ${type} before WELCOME`);
      case State.closing:
        // Late frames are normal here; only the answer to our GOODBYE matters.
        if (type === Message.goodbye || type === Message.abort)
          this.#close(CloseCode.normal, "session closed");
        return;
      case State.open:
      case State.leaving:
      case State.closed:
      case State.lent:
        return;
      default:
        return unreachable(this.#state);
    }
  }

  #onHello(bytes: Uint8Array): void {
    const core = this.#core;
    const wish = readHello(core, this, bytes);
    if (wish === null) return;
    if ("error" in wish) return this.onRefusal(wish);
    if ("resumption" in wish) return wish.resumption.attach(this, wish);
    this.#state = State.joining;
    this.#login = new Login(core, this.connection, wish, this);
    this.#login.begin();
  }

  onChallenge(method: string, extra: Readonly<Record<string, unknown>>): void {
    this.#send(challengeMessage(method, extra));
  }

  onRefusal({ error, message }: Refusal): void {
    this.#abort(error, message, CloseCode.policy);
  }

  onWelcome(joined: Joined): void {
    this.#login = null;
    const core = this.#core;
    enter(core, this, joined, (connection, resumption) => new Session(core, connection, resumption));
  }

  /** The session begins; its WELCOME is on its way. */
  join({ id, realm, identity, clientFeatures }: Joined): void {
    const core = this.#core;
    core.timers.stop(this);
    this.id = id;
    this.realm = realm;
    this.identity = identity;
    this.clientFeatures = clientFeatures;
    this.lastInvocation = this.lastCall = this.lastRequest = this.requestsWaiting = 0;
    this.isBehindRequest = false;
    this.#state = State.open;
    realm.sessionCount++;
    core.metrics.sessionsOpened++;
    core.sessions.add(this);
    for (const observer of core.observers) observer.onJoin(this, realm);
  }

  #onGoodbye(bytes: Uint8Array): void {
    if (this.resumption?.onGoodbye(bytes)) return;
    this.#send([Message.goodbye, {}, closeReasons.goodbyeAndOut]);
    this.#core.outbox.flushNow(this);
    this.#leaveRealm();
    if ((this.#state as State) === State.closed) return;
    this.#core.timers.start(this, this.#core.limits.handshake_ms, "session closed");
  }

  #onAbort(bytes: Uint8Array): void {
    const reason = String(decodeMessage(this.serializer, bytes)[2]).slice(0, 200);
    this.#core.log.info("session", "aborted by the client", { session: this.id, reason });
    this.#close(CloseCode.normal, "aborted by the client");
  }

  #violation(problem: string): void {
    if (this.#state === State.closing) return this.#close(CloseCode.protocolError, "protocol violation");
    this.#core.metrics.violations++;
    this.#abort(errors.protocolViolation.uri, problem, CloseCode.protocolError);
  }

  #abort(error: string, message: string, code: number): void {
    if (this.#state >= State.closed) return;
    const { peer } = this.info;
    this.#core.log.info("session", "aborted", { session: this.id, peer, error, message });
    this.#send([Message.abort, { message }, error]);
    this.#close(code, error);
  }

  #send(message: readonly unknown[]): void {
    this.#core.outbox.post(this, controlFrame(this.connection, message));
  }

  // ---- endings

  onDeadline(reason: string | null): void {
    if (reason === null)
      this.#abort(errors.timeout.uri, "the session was not opened in time", CloseCode.policy);
    else this.#close(this.#state === State.closing ? CloseCode.goingAway : CloseCode.normal, reason);
  }

  #close(code: number, reason: string): void {
    if (this.#state >= State.closed) return;
    const core = this.#core;
    const wasLeaving = this.#state === State.leaving;
    core.outbox.flushNow(this);
    this.#login?.drop();
    core.timers.stop(this);
    this.#state = State.closed;
    this.backlog?.drop();
    if (!wasLeaving) this.#leaveRealm();
    this.connection.close(code, reason.slice(0, 120));
  }

  #leaveRealm(): void {
    const core = this.#core;
    // Either there was no session, or the rest of it is being ended and `#left` will follow.
    if (this.realm === null) return hasNothingLeft(core, this) ? this.#left() : undefined;
    // From here on nothing more is sent to it, not even the end of its own calls to itself.
    if (this.#state === State.open) this.#state = State.leaving;
    departRealm(core, this, this.realm, () => this.#left());
  }

  #left(): void {
    if (this.#state === State.leaving && this.resumption !== null) {
      this.resumption.giveBack();
      this.#core.timers.stop(this);
      this.#state = State.closed;
    }
    if (this.#state === State.leaving) {
      this.#state = State.waiting;
      // Not now: this may be a GOODBYE out of the backlog, whose handling is not over yet.
      this.backlog?.schedule();
    } else if (this.#state === State.closed && this.#core.targets.get(this.target) === this) {
      this.#core.targets.free(this.target);
    }
  }

  // ---- backlog and login

  /** Keeps a frame that is beyond this turn's share. */
  defer(bytes: Uint8Array): void {
    this.backlog ??= new Backlog(this, this.#core.intake);
    if (this.backlog.push(bytes)) return;
    this.#core.metrics.sessionsOverrun++;
    this.#abort(errors.unavailable.uri, "more messages than the router can take", CloseCode.policy);
  }
}
