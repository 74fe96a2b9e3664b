/**
 * Between a configuration and what this version of the router can do: it takes one listener of each kind, without TLS, and knows
 * nothing of users. What it cannot do is refused, not passed over.
 */
import type { CheckDefinitions } from "../config/definitions.ts";
import type {
  ConfiguredListener,
  ConfiguredRouter,
  ConfiguredWebSocket,
} from "../config/to-router-options.ts";
import type { RouterOptions } from "../main.ts";

export const checkDefinitions: CheckDefinitions = () => [];

export function asRouterTakesThem({ listeners, limits, security }: ConfiguredRouter): RouterOptions {
  const [open, ...others] = security.definitions;
  if (open?.name !== "the open realm" || others.length > 0)
    throw new Error("realms with users and grants are not served yet");
  const webSockets = listeners.filter((one): one is ConfiguredWebSocket => one.kind === "websocket");
  const tcp = listeners.filter((one) => one.kind === "rawsocket" && "port" in one);
  const unix = listeners.filter((one) => one.kind === "rawsocket" && "unixPath" in one);
  if (webSockets.length > 1 || tcp.length > 1 || unix.length > 1)
    throw new Error("one listener of each kind is served as yet");
  for (const one of listeners) refuseTls(one);
  const realms = open.realms as readonly { readonly uri: string }[];
  const [webSocket, rawSocket, unixSocket] = [webSockets[0], tcp[0], unix[0]];
  const {
    kind: _kind,
    transport,
    tls: _tls,
    trustedProxies: _proxies,
    ...where
  } = webSocket ?? ({} as ConfiguredWebSocket);
  return {
    realms: realms.map(({ uri }) => uri),
    limits,
    ...(webSocket !== undefined && { websocket: where }),
    ...(transport !== undefined && { transport }),
    ...(rawSocket !== undefined &&
      "port" in rawSocket && { rawsocket: { host: rawSocket.host, port: rawSocket.port } }),
    ...(unixSocket !== undefined && "unixPath" in unixSocket && { unixPath: unixSocket.unixPath }),
  };
}

function refuseTls(listener: ConfiguredListener): void {
  if (listener.tls !== undefined || listener.trustedProxies.length > 0)
    throw new Error("TLS and trusted proxies are not served yet");
}
