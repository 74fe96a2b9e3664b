/** What stands for a callee of another router in this one's tables: it has registrations and calls, and is never sent a frame. */
import { unreachable } from "../../base/assert.ts";
import type { SessionId, Target } from "../../base/ids.ts";
import type { Identity, TransportInfo } from "../../ports.ts";
import { Serializer } from "../../protocol/serializers.ts";
import type { Realm } from "../realm.ts";
import { RoutingState } from "../routing-state.ts";
import type { RouterSession } from "../types.ts";

/** What its router says of it. */
export interface CalleeOrigin {
  /** The router that has the session. */
  readonly router: number;
  readonly id: SessionId;
  /** Its slot there: where its load is found (shared-loads.ts). */
  readonly slot: number;
  readonly realm: Realm;
  readonly identity: Identity | null;
  readonly clientFeatures: number;
  readonly peerFrameBytes_max: number;
}

export class RemoteCallee extends RoutingState implements RouterSession {
  readonly target: Target;
  readonly router: number;
  readonly id: SessionId;
  readonly slot: number;
  readonly realm: Realm;
  readonly identity: Identity | null;
  readonly clientFeatures: number;
  readonly peerFrameBytes_max: number;
  readonly info: TransportInfo = { kind: "local", peer: "another router" };
  /** Its router writes what it is sent: the serializer is known there. */
  readonly serializer = Serializer.msgpack;
  readonly queuedBytes = 0;
  readonly blocked = false;
  readonly isDetached = false;

  constructor(target: Target, origin: CalleeOrigin) {
    super();
    this.target = target;
    this.router = origin.router;
    this.id = origin.id;
    this.slot = origin.slot;
    this.realm = origin.realm;
    this.identity = origin.identity;
    this.clientFeatures = origin.clientFeatures;
    this.peerFrameBytes_max = origin.peerFrameBytes_max;
  }

  override get isRemote(): boolean {
    return true;
  }
  post(): void {
    unreachable(this.id as never);
  }
  postError(): void {
    unreachable(this.id as never);
  }
  /** Its own router tells it what happens to its registrations. */
  postMessage(): boolean {
    return false;
  }
  goodbye(): void {
    unreachable(this.id as never);
  }
}
