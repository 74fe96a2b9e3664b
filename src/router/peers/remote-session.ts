/** What stands here for a session, or several, of another router: that router has the connection, and sends it what it gets. */
import { unreachable } from "../../base/assert.ts";
import type { Target } from "../../base/ids.ts";
import type { Identity, TransportInfo } from "../../ports.ts";
import { RoutingState } from "../routing-state.ts";
import type { RouterSession } from "../types.ts";

type Kept =
  | "target"
  | "info"
  | "queuedBytes"
  | "blocked"
  | "isDetached"
  | "framesLeft"
  | "post"
  | "postError"
  | "postMessage"
  | "goodbye";

/** Who a session of another router is, as far as receivers are told. */
export const remoteIdentity = (authid: string, authrole: string): Identity => ({
  authid,
  authrole,
  authmethod: "",
  authprovider: "",
});

const anotherRouter: TransportInfo = { kind: "local", peer: "another router" };

export abstract class RemoteSession extends RoutingState implements Pick<RouterSession, Kept> {
  readonly target: Target;
  readonly info: TransportInfo;
  readonly queuedBytes = 0;
  readonly blocked = false;
  readonly isDetached = false;
  framesLeft = 0;

  constructor(target: Target, info: TransportInfo = anotherRouter) {
    super();
    this.target = target;
    this.info = info;
  }

  override get isRemote(): boolean {
    return true;
  }
  post(): void {
    unreachable(this.target as never);
  }
  postError(): void {
    unreachable(this.target as never);
  }
  postMessage(): boolean {
    return unreachable(this.target as never);
  }
  goodbye(): void {
    unreachable(this.target as never);
  }
}
