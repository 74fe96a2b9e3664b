/** HELLO to WELCOME or ABORT (Basic Profile, "Session Establishment"). Control path; pure but for the authenticator. */

import type { SessionId } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import type { Connection, Identity } from "../ports.ts";
import { isDict } from "../protocol/encoding.ts";
import { errors } from "../protocol/errors.ts";
import { clientRoles, readClientRoles, routerRoles } from "../protocol/features.ts";
import { Message } from "../protocol/messages.ts";
import type { Realm } from "../router/realm.ts";
import { controlFrame } from "./control-frame.ts";
import type { SessionCore } from "./core.ts";
import type { OutboxFrame } from "./outbox.ts";

export interface Joining {
  readonly realm: Realm;
  readonly identity: Identity;
  readonly clientFeatures: number;
}

export interface Refusal {
  readonly error: string;
  readonly message: string;
}

/** `details` and `realmUri` are HELLO's elements; the visit has checked that they are a dict and a URI. */
function admit(
  core: SessionCore,
  connection: Connection,
  realmUri: unknown,
  details: unknown,
): Joining | Refusal {
  const realm = core.realms.get(String(realmUri));
  if (realm === undefined) {
    return {
      error: errors.noSuchRealm.uri,
      message: `there is no realm ${JSON.stringify(String(realmUri).slice(0, 200))}`,
    };
  }
  const hello = isDict(details) ? details : {};
  const clientFeatures = readClientRoles(hello["roles"], realm.strict);
  if (clientFeatures === null) {
    return {
      error: errors.noSuchRole.uri,
      message: `Details.roles must name one of ${clientRoles.join(", ")}`,
    };
  }
  if (connection.identity !== undefined) return { realm, identity: connection.identity, clientFeatures };
  const given = hello["authmethods"] ?? ["anonymous"];
  if (!Array.isArray(given) || !given.every((method): method is string => typeof method === "string")) {
    return { error: errors.protocolViolation.uri, message: "Details.authmethods must be a list of strings" };
  }
  const authid = hello["authid"];
  if (
    authid !== undefined &&
    authid !== null &&
    (typeof authid !== "string" || authid.length > fixedLimits.authText_max)
  ) {
    return { error: errors.protocolViolation.uri, message: "Details.authid must be a short string" };
  }
  const verdict = core.authenticator.authenticate({
    realm: realm.uri,
    authmethods: given.length === 0 ? ["anonymous"] : given,
    authid: authid ?? undefined,
    transport: connection.info,
  });
  return "error" in verdict ? verdict : { realm, identity: verdict.identity, clientFeatures };
}

/** HELLO's answer: WELCOME as a frame and what goes with it, or what ABORT will say. */
export function answerHello(
  core: SessionCore,
  connection: Connection,
  session: SessionId,
  hello: readonly unknown[],
): (Joining & { readonly welcome: OutboxFrame }) | Refusal {
  const verdict = admit(core, connection, hello[1], hello[2]);
  if ("error" in verdict) return verdict;
  const { authid, authrole, authmethod, authprovider } = verdict.identity;
  const identity = { authid, authrole, authmethod, authprovider };
  const details = { realm: verdict.realm.uri, ...identity, roles: routerRoles, agent: core.agent };
  const welcome = controlFrame(connection, [Message.welcome, session, details]);
  if (welcome.length <= connection.peerFrameBytes_max) return { ...verdict, welcome };
  const message = `WELCOME has ${welcome.length} bytes, the client takes ${connection.peerFrameBytes_max}`;
  return { error: errors.payloadSizeExceeded.uri, message };
}
