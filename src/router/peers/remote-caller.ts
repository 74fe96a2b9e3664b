/**
 * What stands for all callers of another router in this one's table of pending calls: the calls that are served for it. It is never
 * sent a frame; what becomes of its calls goes over the link (served-calls.ts).
 */
import { unreachable } from "../../base/assert.ts";
import type { SessionId, Target } from "../../base/ids.ts";
import type { TransportInfo } from "../../ports.ts";
import { Serializer } from "../../protocol/serializers.ts";
import { RoutingState } from "../routing-state.ts";
import type { RouterSession } from "../types.ts";

export class RemoteCaller extends RoutingState implements RouterSession {
  readonly target: Target;
  /** The router that has the callers. */
  readonly router: number;
  readonly id = 0 as SessionId;
  readonly realm = null;
  readonly identity = null;
  readonly info: TransportInfo = { kind: "local", peer: "another router" };
  readonly serializer = Serializer.msgpack;
  readonly clientFeatures = 0;
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  readonly queuedBytes = 0;
  readonly blocked = false;
  readonly isDetached = false;

  constructor(target: Target, router: number) {
    super();
    this.target = target;
    this.router = router;
  }

  override get isRemote(): boolean {
    return true;
  }
  post(): void {
    unreachable(this.router as never);
  }
  postError(): void {
    unreachable(this.router as never);
  }
  postMessage(): boolean {
    return unreachable(this.router as never);
  }
  goodbye(): void {
    unreachable(this.router as never);
  }
}
