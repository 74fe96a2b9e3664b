/**
 * Where calls are that have no callee yet: a callee that is never sent anything, in whose place they stand in the table of pending
 * calls. So CANCEL, timeouts and a caller that leaves find them like all others, and nobody is interrupted.
 */
import type { SessionId, Target } from "../../base/ids.ts";
import type { TransportInfo } from "../../ports.ts";
import { Serializer } from "../../protocol/serializers.ts";
import { RoutingState } from "../routing-state.ts";
import type { RouterSession } from "../types.ts";

/** A target that no session gets as far as. */
export const waitingTarget = (2 ** 30 - 1) as Target;

export class WaitingRoom extends RoutingState implements RouterSession {
  readonly target = waitingTarget;
  readonly id = 0 as SessionId;
  readonly realm = null;
  readonly serializer = Serializer.msgpack;
  readonly identity = null;
  readonly info: TransportInfo = { kind: "local", peer: "waiting room" };
  readonly clientFeatures = 0;
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  readonly queuedBytes = 0;
  readonly blocked = false;
  readonly isDetached = false;
  framesLeft = 0;
  post(): void {}
  postError(): void {}
  postMessage(): boolean {
    return false;
  }
  goodbye(): void {}
}
