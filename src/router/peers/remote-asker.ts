/** Stands for the caller of one of the router's procedures that another router asks on behalf of. Control path. */
import type { SessionId, Target } from "../../base/ids.ts";
import type { Identity, TransportInfo } from "../../ports.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import type { Realm } from "../realm.ts";
import { RoutingState } from "../routing-state.ts";
import type { RouterSession } from "../types.ts";

/** What a question says of the caller. */
export type AskerFacts = readonly [
  id: number,
  authid: string,
  authrole: string,
  serializer: number,
  peerFrameBytes_max: number,
];

export const askerFacts = ({ id, identity, serializer, peerFrameBytes_max }: RouterSession): AskerFacts => [
  id,
  identity?.authid ?? "",
  identity?.authrole ?? "",
  serializer,
  peerFrameBytes_max,
];

/** Its rights have been looked at where it is. It is sent nothing: its answer goes back as a value. */
export class RemoteAsker extends RoutingState implements RouterSession {
  readonly target = 0 as Target;
  readonly id: SessionId;
  readonly realm: Realm;
  readonly serializer: Serializer;
  readonly identity: Identity;
  readonly info: TransportInfo = { kind: "local", peer: "another worker" };
  readonly clientFeatures = 0;
  readonly peerFrameBytes_max: number;
  readonly queuedBytes = 0;
  readonly blocked = false;
  readonly isDetached = false;

  constructor(realm: Realm, [id, authid, authrole, serializer, peerFrameBytes_max]: AskerFacts) {
    super();
    this.realm = realm;
    this.id = id as SessionId;
    this.serializer = serializer as Serializer;
    this.identity = { authid, authrole, authmethod: "", authprovider: "" };
    this.peerFrameBytes_max = peerFrameBytes_max;
  }

  override get isRemote(): boolean {
    return true;
  }
  post(): void {}
  postError(): void {}
  postMessage(): boolean {
    return false;
  }
  goodbye(): void {}
}
