/** What stands for a callee of another router in this one's tables: it has registrations and calls, and is never sent a frame. */
import type { SessionId, Target } from "../../base/ids.ts";
import type { Identity } from "../../ports.ts";
import { Serializer } from "../../protocol/serializers.ts";
import type { Realm } from "../realm.ts";
import type { RouterSession } from "../types.ts";
import { RemoteSession } from "./remote-session.ts";

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

export class RemoteCallee extends RemoteSession implements RouterSession {
  readonly router: number;
  readonly id: SessionId;
  readonly slot: number;
  readonly realm: Realm;
  readonly identity: Identity | null;
  readonly clientFeatures: number;
  readonly peerFrameBytes_max: number;
  /** Its router writes what it is sent: the serializer is known there. */
  readonly serializer = Serializer.msgpack;

  constructor(target: Target, origin: CalleeOrigin) {
    super(target);
    this.router = origin.router;
    this.id = origin.id;
    this.slot = origin.slot;
    this.realm = origin.realm;
    this.identity = origin.identity;
    this.clientFeatures = origin.clientFeatures;
    this.peerFrameBytes_max = origin.peerFrameBytes_max;
  }

  /** Its own router tells it what happens to its registrations. */
  override postMessage(): boolean {
    return false;
  }
}
