/** The realm that is there without a definition, for a first look at the router: anonymous clients may do everything in it. */

export type Definition = Readonly<Record<string, unknown>>;

/** Of the definition, among those of files. */
export const openRealmName = "the open realm";

const loopback = ["127.0.0.0/8", "::1/128"];
const everywhere = ["0.0.0.0/0", "::/0"];

const permissions = [
  "wamp.register",
  "wamp.unregister",
  "wamp.call",
  "wamp.cancel",
  "wamp.subscribe",
  "wamp.unsubscribe",
  "wamp.publish",
  "wamp.disclose_caller",
  "wamp.disclose_publisher",
  "wamp.disclose_session_info",
];

/** In the shape of Bondy's security_config.json; `anywhere`: clients of other machines may come in too. */
export function openRealmDefinition(uri: string, anywhere: boolean): Definition {
  return {
    uri,
    description: "Open to anonymous clients; made because no realm is defined.",
    authmethods: ["anonymous"],
    security_enabled: true,
    sources: (anywhere ? everywhere : loopback).map((cidr) => ({
      usernames: ["anonymous"],
      authmethod: "anonymous",
      cidr,
      meta: {},
    })),
    grants: [{ permissions, uri: "", match: "prefix", roles: ["anonymous"], meta: {} }],
  };
}
