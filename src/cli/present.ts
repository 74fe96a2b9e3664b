/** Between a configuration and what this version of the router can do. What it cannot do is refused, not passed over. */
import { openRealmName } from "../config/open-realm.ts";
import type { ConfiguredListener, ConfiguredRouter } from "../config/to-router-options.ts";
import type { ListenerOptions } from "../main/options.ts";
import type { Router, RouterOptions } from "../main.ts";
import type { NewAdministrator } from "./administrator.ts";

/** Whom the router made at its first start; undefined: nobody. */
export const administratorOf = (router: Router & { readonly administrator?: NewAdministrator }) =>
  router.administrator;

export function asRouterTakesThem({ listeners, limits, security }: ConfiguredRouter): RouterOptions {
  const isOpen = ({ name }: { readonly name: string }): boolean => name === openRealmName;
  const realmsOf = (open: boolean) =>
    security.definitions
      .filter((one) => isOpen(one) === open)
      .flatMap((one) => one.realms as readonly { readonly uri: string }[]);
  if (realmsOf(false).length > 0) throw new Error("realms with users and grants are not served yet");
  const realms = realmsOf(true);
  return { realms: realms.map(({ uri }) => uri), limits, listeners: listeners.map(withoutTls) };
}

function withoutTls({ tls, trustedProxies, ...listener }: ConfiguredListener): ListenerOptions {
  if (tls !== undefined || trustedProxies.length > 0)
    throw new Error("TLS and trusted proxies are not served yet");
  return listener as ListenerOptions;
}
