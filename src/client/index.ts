/** `spanwire/client`: a WAMP client over WebSocket and RawSocket, for Node, Bun and (WebSocket only) browsers. */
export { WampError } from "../protocol/errors.ts";
export {
  type ConnectionOptions,
  type ConnectOptions,
  connect,
  connectRaw,
  connectTransport,
  reconnect,
} from "./connect.ts";
export { clientRoles, type JoinOptions, joinOver } from "./join.ts";
export {
  type Args,
  type AuthMethodName,
  type AuthOptions,
  type CallOptions,
  type CallResult,
  type CancelPolicy,
  type EventHandler,
  type Invocation,
  type InvokePolicy,
  type Kwargs,
  type MatchPolicy,
  type Procedure,
  type PublishOptions,
  type RegisterOptions,
  type Registration,
  Result,
  type SessionClose,
  type SubscribeOptions,
  type Subscription,
  type TlsOptions,
  type WampEvent,
} from "./options.ts";
export type { ResumeState } from "./resumption.ts";
export { ClientSession } from "./session.ts";
export type { ClientTransport, TransportClose } from "./transport.ts";
export { WireSession } from "./wire-session.ts";
