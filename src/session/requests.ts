/** Request ids of a client: one counter for all its requests (Basic Profile, "Identifiers"). Hot. Each answers what is wrong, or null. */
import { ClientFeature } from "../protocol/features.ts";
import { FSlot, Option, Slot } from "../wasm/abi.ts";
import type { SessionCore } from "./core.ts";
import type { Session } from "./session.ts";

const highestId = 2 ** 53;

/** Strict realms want request ids 1, 2, 3 …; others take what clients send, and note the highest. */
export function sequenceProblem(session: Session, request: number): string | null {
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
export function routeCall(core: SessionCore, session: Session): string | null {
  const { codec, calls, dealer } = core;
  const request = codec.f(FSlot.request);
  const announces = (session.clientFeatures & ClientFeature.callerProgressiveInvocations) !== 0;
  if (announces && request <= session.lastRequest && session.lastRequest < highestId)
    return calls.onContinuation(session) ? null : `CALL ${request} continues a call that is complete already`;
  const problem = sequenceProblem(session, request);
  if (problem !== null) return problem;
  if ((codec.u(Slot.true) & Option.progress) !== 0 && !announces)
    return 'CALL option "progress": the caller has not announced progressive_call_invocations';
  dealer.call(session);
  return null;
}
