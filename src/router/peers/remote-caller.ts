/**
 * What stands for all callers of another router in this one's table of pending calls: the calls that are served for it. It is never
 * sent a frame; what becomes of its calls goes over the link (served-calls.ts).
 */
import type { SessionId, Target } from "../../base/ids.ts";
import { Serializer } from "../../protocol/serializers.ts";
import type { RouterSession } from "../types.ts";
import { RemoteSession } from "./remote-session.ts";

export class RemoteCaller extends RemoteSession implements RouterSession {
  /** The router that has the callers. */
  readonly router: number;
  readonly id = 0 as SessionId;
  readonly realm = null;
  readonly identity = null;
  readonly serializer = Serializer.msgpack;
  readonly clientFeatures = 0;
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;

  constructor(target: Target, router: number) {
    super(target);
    this.router = router;
  }
}
