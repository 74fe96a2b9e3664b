/** HELLO to WELCOME or ABORT (Basic Profile, "Session Establishment"). Control path. */

import type { SessionId } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import type { Connection, Identity } from "../ports.ts";
import { decodeMessage, isDict } from "../protocol/encoding.ts";
import { errors } from "../protocol/errors.ts";
import { clientRoles, readClientRoles, routerRoles } from "../protocol/features.ts";
import { Message } from "../protocol/messages.ts";
import type { Realm } from "../router/realm.ts";
import { controlFrame } from "./control-frame.ts";
import type { SessionCore } from "./core.ts";
import type { OutboxFrame } from "./outbox.ts";
import { answerResume, isForwarded, type Resumed, readResumeWish, resumableDetails } from "./resume-hello.ts";
import type { Session } from "./session.ts";

export interface Joining {
  readonly realm: Realm;
  readonly identity: Identity;
  readonly clientFeatures: number;
}

export interface Refusal {
  readonly error: string;
  readonly message: string;
}

type Details = Readonly<Record<string, unknown>>;

/** `hello` is HELLO.Details. `realmUri` is null where HELLO names no realm: that is for resuming a session only. */
function admit(
  core: SessionCore,
  connection: Connection,
  realmUri: unknown,
  hello: Details,
): Joining | Refusal {
  if (realmUri === null) return { error: errors.protocolViolation.uri, message: "HELLO names no realm" };
  const realm = core.realms.get(String(realmUri));
  if (realm === undefined) {
    return {
      error: errors.noSuchRealm.uri,
      message: `there is no realm ${JSON.stringify(String(realmUri).slice(0, 200))}`,
    };
  }
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
  const verdict = core.authenticator.begin({
    realm: realm.uri,
    authmethods: given.length === 0 ? ["anonymous"] : given,
    authid: authid ?? undefined,
    authrole: undefined,
    authextra: {},
    transport: connection.info,
    session: 0,
  });
  if (!("kind" in verdict) || verdict.kind === "challenge")
    return { error: errors.noMatchingAuthMethod.uri, message: "not yet" };
  return verdict.kind === "abort" ? verdict : { realm, identity: verdict.identity, clientFeatures };
}

/** A new session, and what its client is told. */
export interface Joined extends Joining {
  readonly id: SessionId;
  readonly welcome: OutboxFrame;
  /** By which the session can be resumed; null: it ends with its transport. */
  readonly token: string | null;
}

/**
 * HELLO's answer: WELCOME as a frame and what goes with it, or what ABORT will say. Null: the session that HELLO resumes lives
 * elsewhere, and whoever has it answers.
 */
export function answerHello(
  core: SessionCore,
  front: Session,
  bytes: Uint8Array,
): Joined | Resumed | Refusal | null {
  const { connection, serializer } = front;
  const [, realmUri = null, given] = decodeMessage(serializer, bytes);
  const hello = isDict(given) ? given : {};
  const wish = readResumeWish(hello);
  if ("error" in wish) return wish;
  const { request } = wish;
  if (request !== null) {
    if (isForwarded(core, front, request, bytes)) return null;
    const describe = ({ identity, realm }: Session): Details => welcomeDetails(core, realm!, identity!);
    const resumed = answerResume(core, front, realmUri, request, describe);
    if (resumed !== null) return resumed;
  }
  const verdict = admit(core, connection, realmUri, hello);
  if ("error" in verdict) return verdict;
  const { realm, identity } = verdict;
  const id = core.ids.next() as SessionId;
  const token = wish.resumable && realm.resumption ? core.resumptions.newToken() : null;
  const details = {
    ...welcomeDetails(core, realm, identity),
    ...(request === null ? {} : { resumed: false }),
    ...(token === null ? {} : resumableDetails(token, false, 0)),
  };
  const welcome = controlFrame(connection, [Message.welcome, id, details]);
  if (welcome.length <= connection.peerFrameBytes_max) return { ...verdict, id, welcome, token };
  const message = `WELCOME has ${welcome.length} bytes, the client takes ${connection.peerFrameBytes_max}`;
  return { error: errors.payloadSizeExceeded.uri, message };
}

function welcomeDetails(core: SessionCore, realm: Realm, who: Identity): Details {
  const { authid, authrole, authmethod, authprovider } = who;
  const identity = { authid, authrole, authmethod, authprovider };
  return { realm: realm.uri, ...identity, roles: routerRoles, agent: core.agent };
}
