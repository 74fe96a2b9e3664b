/**
 * What a client asks for in an open session, to broker and dealer; and its request ids: one counter for all its requests (Basic
 * Profile, "Identifiers"). Hot. Each answers how the message violates the protocol, or null.
 */
import { ClientFeature } from "../protocol/features.ts";
import { Message } from "../protocol/messages.ts";
import { Verdict } from "../router/guard.ts";
import { FSlot, Option, Slot } from "../wasm/abi.ts";
import { passthruProblem } from "./announced.ts";
import type { SessionCore } from "./core.ts";
import { LoadLevel } from "./overload.ts";
import type { Session } from "./session.ts";

const highestId = 2 ** 53;

/** Answer of `routeRequest`: whether it may is decided elsewhere, and the message is to be routed again then. */
export const parked = "parked";

/** Whether a message of this type is handled only when the session's requests that wait for other routers have been answered. */
export function waitsBehindRequests(type: number): boolean {
  switch (type) {
    case Message.subscribe:
    case Message.register:
    case Message.yield:
    case Message.error:
    case Message.cancel:
    case Message.eventReceived:
    case Message.abort:
      return false;
    default:
      return true;
  }
}

/** Routes the visited message, which is neither GOODBYE nor ABORT. */
export function routeRequest(core: SessionCore, session: Session, type: number): string | null {
  const { broker, calls, codec, dealer, guard } = core;
  if ((codec.u(Slot.present) & Option.ppt) !== 0) {
    const problem = passthruProblem(type, session.clientFeatures);
    if (problem !== null) return problem;
  }
  switch (type) {
    case Message.call:
      return routeCall(core, session);
    case Message.yield:
      return calls.onYield(session) ? null : "YIELD for an invocation that was never issued";
    case Message.cancel:
      return routeCancel(core, session);
    case Message.eventReceived:
      broker.eventReceived(session);
      return null;
    case Message.error:
      if (codec.u(Slot.requestType) !== Message.invocation)
        return "a client may answer only INVOCATION with ERROR";
      return calls.onError(session) ? null : "ERROR for an invocation that was never issued";
    case Message.publish:
    case Message.subscribe:
    case Message.unsubscribe:
    case Message.register:
    case Message.unregister:
      break;
    default:
      return `a client may not send message type ${type} in an open session`;
  }
  const verdict = verdictOf(core, session, type);
  if (verdict === Verdict.pending) return parked;
  const problem = sequenceProblem(session, codec.f(FSlot.request));
  if (problem !== null) return problem;
  if (verdict !== Verdict.allowed) guard.refuse(session, type);
  else if (type === Message.publish) routePublish(core, session);
  else if (type === Message.subscribe) broker.subscribing.subscribe(session);
  else if (type === Message.unsubscribe) broker.subscribing.unsubscribe(session);
  else if (type === Message.register) dealer.registering.register(session);
  else dealer.registering.unregister(session);
  return null;
}

/** An overloaded router has lost those that it does not route: nobody was told that they would arrive. */
function routePublish(core: SessionCore, session: Session): void {
  const { broker, codec, load, metrics } = core;
  if (load.level === LoadLevel.normal) return broker.publish(session);
  const isSafe = (codec.u(Slot.true) & Option.acknowledge) !== 0 || session.info.kind === "local";
  if (isSafe) return broker.publish(session);
  if (!load.admits(session.target)) return;
  const before = metrics.events;
  broker.publish(session);
  load.routed(session.target, metrics.events - before);
}

/** What the guard says; before anything is noted of the message, so that one that has to wait can be routed again. */
function verdictOf(core: SessionCore, session: Session, type: number): Verdict {
  if (session.access === null) return Verdict.allowed;
  const verdict = core.guard.check(session, type);
  if (verdict !== Verdict.pending) return verdict;
  return core.askAuthorizer(session, core.guard.question) ? verdict : Verdict.refused;
}

function routeCancel(core: SessionCore, session: Session): string | null {
  const verdict = verdictOf(core, session, Message.cancel);
  if (verdict === Verdict.pending) return parked;
  if (verdict === Verdict.allowed) core.calls.onCancel(session);
  else core.guard.refuse(session, Message.cancel);
  return null;
}

/** Strict realms want request ids 1, 2, 3 …; others take what clients send, and note the highest. */
function sequenceProblem(session: Session, request: number): string | null {
  const last = session.lastRequest;
  if (!session.realm!.strict) {
    if (request > last) session.lastRequest = request;
    return null;
  }
  const expected = last === highestId ? 1 : last + 1;
  session.lastRequest = request;
  return request === expected ? null : `request id ${request} where ${expected} was due`;
}

/**
 * Routes a CALL. From a client with progressive invocations an id seen before belongs to a call that goes on: the highest id of
 * any request is the watermark (Advanced Profile, "Progressive Call Invocations").
 */
function routeCall(core: SessionCore, session: Session): string | null {
  const { codec, calls, dealer, guard } = core;
  const request = codec.f(FSlot.request);
  const announces = (session.clientFeatures & ClientFeature.callerProgressiveInvocations) !== 0;
  if (announces && request <= session.lastRequest && session.lastRequest < highestId)
    return calls.onContinuation(session) ? null : `CALL ${request} continues a call that is complete already`;
  const verdict = verdictOf(core, session, Message.call);
  if (verdict === Verdict.pending) return parked;
  const problem = sequenceProblem(session, request);
  if (problem !== null) return problem;
  if ((codec.u(Slot.true) & Option.progress) !== 0 && !announces)
    return 'CALL option "progress": the caller has not announced progressive_call_invocations';
  if (verdict !== Verdict.allowed) guard.refuse(session, Message.call);
  else {
    dealer.call(session);
    if (session.access !== null) guard.onCalled(session, request);
  }
  return null;
}
