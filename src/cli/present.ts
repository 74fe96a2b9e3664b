/** Between a configuration and what this version of the router can do. What it cannot do is refused, not passed over. */
import type { ConfiguredListener, ConfiguredRouter } from "../config/to-router-options.ts";
import type { ListenerOptions } from "../main/options.ts";
import type { Router, RouterOptions } from "../main.ts";
import type { NewAdministrator } from "./administrator.ts";

/** Whom the router made at its first start; undefined: nobody. */
export const administratorOf = (router: Router & { readonly administrator?: NewAdministrator }) =>
  router.administrator;

export function asRouterTakesThem({ listeners, limits, security }: ConfiguredRouter): RouterOptions {
  const [open, ...others] = security.definitions;
  if (open?.name !== "the open realm" || others.length > 0)
    throw new Error("realms with users and grants are not served yet");
  const realms = open.realms as readonly { readonly uri: string }[];
  return { realms: realms.map(({ uri }) => uri), limits, listeners: listeners.map(withoutTls) };
}

function withoutTls({ tls, trustedProxies, ...listener }: ConfiguredListener): ListenerOptions {
  if (tls !== undefined || trustedProxies.length > 0)
    throw new Error("TLS and trusted proxies are not served yet");
  return listener as ListenerOptions;
}
