/**
 * Every bound of the router in one table. What a peer sees when it meets one stands beside it.
 * Units are in the names: `_max` counts things, `Bytes_max` bytes, `_ms` milliseconds.
 */
import { assert } from "./assert.ts";

/** Bounds that are built into the kernels' memory map and cannot be set. */
export const fixedLimits = Object.freeze({
  /** Nesting of arrays and maps in one frame. Beyond: ABORT wamp.error.protocol_violation. */
  depth_max: 64,
  /** Length of one URI. Beyond: ERROR wamp.error.invalid_uri. */
  uriBytes_max: 1_024,
  /** Components of one URI. Beyond: ERROR wamp.error.invalid_uri. */
  uriComponents_max: 64,
  /** Bytes of one outbound batch, unless its only message is larger. Beyond: the peer receives a further batch. */
  batchBytes_max: 64 << 10,
  /** Length of an authid or authrole in characters. Beyond: ABORT wamp.error.protocol_violation. */
  authText_max: 512,
  /** Length of the message that wamp.session.kill sends, in characters. Beyond: ERROR wamp.error.invalid_argument. */
  killMessage_max: 1_024,
});

/** Bounds that an embedding program may set. */
export interface Limits {
  /**
   * Largest inbound frame; a power of two from 512 to 16 MiB. WebSocket: close 1009. RawSocket: connection ended. A whole inbound
   * batch may have as much, and the framing of one message: four bytes, one in JSON. Beyond: close 1009.
   */
  readonly frameBytes_max: number;
  /** Connections over all listeners. Beyond: HTTP 503, RawSocket error 4. */
  readonly connections_max: number;
  /** Time from connection to WELCOME. Beyond: connection closed. */
  readonly handshake_ms: number;
  /** Time to wait for the peer's GOODBYE after ours. Beyond: connection closed. */
  readonly goodbye_ms: number;
  /** Silence after which a connection is taken for dead; pings are sent at a third of it. */
  readonly idle_ms: number;
  /** Subscriptions of one session. Beyond: ERROR wamp.error.unavailable. */
  readonly subscriptionsPerSession_max: number;
  /** Registrations of one session. Beyond: ERROR wamp.error.unavailable. */
  readonly registrationsPerSession_max: number;
  /** Calls one caller may have in flight. Beyond: ERROR wamp.error.unavailable. */
  readonly callsPerSession_max: number;
  /** Invocations one callee may have outstanding. Beyond: ERROR wamp.error.unavailable to the caller. */
  readonly invocationsPerSession_max: number;
  /** Callees that one CALL to all of them may reach, 65,535 at most. Beyond: ERROR wamp.error.unavailable. */
  readonly calleesPerCall_max: number;
  /** Bytes of one CALL times the callees it goes to. Beyond: ERROR wamp.error.payload_size_exceeded. */
  readonly callBytesToAll_max: number;
  /** Bytes of the answers that one call gathers. Beyond: ERROR wamp.error.payload_size_exceeded. */
  readonly gatherBytes_max: number;
  /** Bytes of the answers gathered for all calls together. Beyond: ERROR wamp.error.unavailable. */
  readonly gatherBytesTotal_max: number;
  /** Longest call timeout accepted; a larger one is lowered to it. */
  readonly callTimeout_ms: number;
  /** Patterns one event may match. Beyond: ERROR wamp.error.unavailable, or silence if not acknowledged. */
  readonly matches_max: number;
  /** Bytes queued for one session. Beyond: EVENTs are dropped and counted; a reply that does not fit ends the session. */
  readonly outboxBytes_max: number;
  /** Bytes queued for all sessions together. Beyond: EVENTs for blocked sessions are dropped and counted. */
  readonly egressBytes_max: number;
  /** Frames larger than this fan out over several loop turns. */
  readonly largeFrameBytes: number;
  /** Bytes of large frames handed to sockets in one loop turn. */
  readonly largeBytesPerTurn_max: number;
  /** Frames of one session handled in one loop turn; the rest waits in the session's inbox. */
  readonly framesPerTurn_max: number;
  /** Bytes waiting in one session's inbox. Beyond: ABORT wamp.error.unavailable, close. */
  readonly inboxBytes_max: number;
  /** Calls that wait for a free callee of one registration with `concurrency`. Beyond: ERROR wamp.error.unavailable. */
  readonly queuedCallsPerRegistration_max: number;
  /** Bytes of their frames. Beyond: ERROR wamp.error.unavailable. */
  readonly queuedBytesPerRegistration_max: number;
  /** Calls that wait, and bytes of their frames, over all registrations. Beyond: ERROR wamp.error.unavailable. */
  readonly queuedCalls_max: number;
  readonly queuedBytes_max: number;
  /**
   * Bytes of the latest calls of registrations with several callees, kept to be rerouted; 0 keeps none. A call that so many bytes of
   * others have followed, or that is larger than a sixteenth of it, is not rerouted: the caller gets the callee's ERROR.
   */
  readonly rerouteBytes_max: number;
  /** Events of the router itself – meta events, testaments – in one loop turn. Beyond: dropped and counted. */
  readonly routerEvents_max: number;
  /** Entries of a list that the meta API answers with. Beyond: ERROR wamp.error.payload_size_exceeded. */
  readonly listed_max: number;
  /** Testaments of one session, of both scopes. Beyond: ERROR wamp.error.unavailable. */
  readonly testamentsPerSession_max: number;
  /** Bytes of one session's testaments together. Beyond: ERROR wamp.error.unavailable. */
  readonly testamentBytes_max: number;
  /** URIs that one session may describe for reflection. Beyond: ERROR wamp.error.unavailable. */
  readonly definitionsPerSession_max: number;
  /** Bytes of one session's descriptions together. Beyond: ERROR wamp.error.unavailable. */
  readonly definitionBytes_max: number;
}

export const defaultLimits: Limits = Object.freeze({
  frameBytes_max: 1 << 20,
  connections_max: 200_000,
  handshake_ms: 10_000,
  goodbye_ms: 2_000,
  idle_ms: 60_000,
  subscriptionsPerSession_max: 100_000,
  registrationsPerSession_max: 10_000,
  callsPerSession_max: 16_384,
  invocationsPerSession_max: 65_536,
  calleesPerCall_max: 1_024,
  callBytesToAll_max: 16 << 20,
  gatherBytes_max: 1 << 20,
  gatherBytesTotal_max: 64 << 20,
  callTimeout_ms: 86_400_000,
  matches_max: 1 << 20,
  outboxBytes_max: 4 << 20,
  egressBytes_max: 256 << 20,
  largeFrameBytes: 64 << 10,
  largeBytesPerTurn_max: 4 << 20,
  framesPerTurn_max: 2_048,
  inboxBytes_max: 8 << 20,
  queuedCallsPerRegistration_max: 4_096,
  queuedBytesPerRegistration_max: 8 << 20,
  queuedCalls_max: 65_536,
  queuedBytes_max: 64 << 20,
  rerouteBytes_max: 4 << 20,
  routerEvents_max: 1 << 16,
  listed_max: 1 << 17,
  testamentsPerSession_max: 64,
  testamentBytes_max: 64 << 10,
  definitionsPerSession_max: 1_024,
  definitionBytes_max: 256 << 10,
});

/** Completes a partial table from the defaults and checks the relations between its entries. */
export function limitsFrom(given: Partial<Limits>): Limits {
  const frameBytes_max = given.frameBytes_max ?? defaultLimits.frameBytes_max;
  const limits: Limits = {
    ...defaultLimits,
    // One full frame must fit behind another, however large the frames are.
    outboxBytes_max: Math.max(defaultLimits.outboxBytes_max, 4 * frameBytes_max),
    inboxBytes_max: Math.max(defaultLimits.inboxBytes_max, 2 * frameBytes_max),
    // A call that may be made to one callee may be made to a few, and answered by the largest frame.
    callBytesToAll_max: Math.max(defaultLimits.callBytesToAll_max, 16 * frameBytes_max),
    gatherBytes_max: frameBytes_max,
    queuedBytesPerRegistration_max: Math.max(defaultLimits.queuedBytesPerRegistration_max, frameBytes_max),
    ...given,
  };
  assert(limits.frameBytes_max >= 512 && limits.frameBytes_max <= 1 << 24, "frameBytes_max is 512 to 16 MiB");
  assert(limits.outboxBytes_max >= 2 * limits.frameBytes_max, "one full frame must fit behind another");
  assert(limits.inboxBytes_max >= limits.frameBytes_max, "one full frame must fit in the inbox");
  assert(limits.calleesPerCall_max <= 0xffff, "calleesPerCall_max is 65,535 at most");
  assert(limits.outboxBytes_max >= 2 * limits.gatherBytes_max, "a gathered result must fit behind a frame");
  assert(limits.queuedBytesPerRegistration_max >= limits.frameBytes_max, "one full frame can wait");
  assert(
    limits.queuedBytes_max >= limits.queuedBytesPerRegistration_max,
    "all registrations together have room for one of them",
  );
  assert(limits.egressBytes_max >= limits.outboxBytes_max, "the router's budget holds one session's");
  return Object.freeze(limits);
}
