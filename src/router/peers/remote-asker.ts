/** Stands for the caller of one of the router's procedures that another router asks on behalf of. Control path. */
import type { SessionId, Target } from "../../base/ids.ts";
import type { Identity, TransportInfo } from "../../ports.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import type { Realm } from "../realm.ts";
import type { RouterSession } from "../types.ts";
import { RemoteSession } from "./remote-session.ts";

/** What a question says of the caller. */
export interface AskerFacts extends Pick<RouterSession, "id" | "identity" | "serializer"> {
  /** 0: no limit. */
  readonly frameBytes_max: number;
  readonly kind: TransportInfo["kind"];
  readonly peer: string;
}

export const askerFacts = (session: RouterSession): AskerFacts => ({
  id: session.id,
  identity: session.identity,
  serializer: session.serializer,
  frameBytes_max: Number.isFinite(session.peerFrameBytes_max) ? session.peerFrameBytes_max : 0,
  kind: session.info.kind,
  peer: session.info.peer,
});

/** Access control has let its call pass where it is. It is sent nothing: its answer goes back as a value. */
export class RemoteAsker extends RemoteSession implements RouterSession {
  readonly id: SessionId;
  readonly realm: Realm;
  readonly serializer: Serializer;
  readonly identity: Identity | null;
  readonly clientFeatures = 0;
  readonly peerFrameBytes_max: number;

  constructor(realm: Realm, { id, identity, serializer, frameBytes_max, kind, peer }: AskerFacts) {
    super(0 as Target, { kind, peer });
    this.realm = realm;
    this.id = id;
    this.serializer = serializer;
    this.identity = identity;
    this.peerFrameBytes_max = frameBytes_max || Number.POSITIVE_INFINITY;
  }

  override post(): void {}
  override postError(): void {}
  override postMessage(): boolean {
    return false;
  }
  override goodbye(): void {}
}
