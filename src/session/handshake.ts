/** HELLO to WELCOME or ABORT (Basic Profile, "Session Establishment"). Control path. */

import type { SessionId } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import type { Connection, HelloRequest, Identity } from "../ports.ts";
import { decodeMessage, isDict } from "../protocol/encoding.ts";
import { errors } from "../protocol/errors.ts";
import { clientRoles, readClientRoles } from "../protocol/features.ts";
import { Message } from "../protocol/messages.ts";
import type { Realm } from "../router/realm.ts";
import { controlFrame } from "./control-frame.ts";
import type { SessionCore } from "./core.ts";
import type { OutboxFrame } from "./outbox.ts";
import { answerResume, isForwarded, type Resumed, readResumeWish, resumableDetails } from "./resume-hello.ts";
import type { Session } from "./session.ts";

type Details = Readonly<Record<string, unknown>>;

export interface Refusal {
  readonly error: string;
  readonly message: string;
}

/** What a HELLO asks for that does not resume a session. */
export interface Wish {
  readonly realm: string;
  readonly details: Details;
  readonly resumable: boolean;
  /** It would have resumed a session, which is not there. */
  readonly isSecondChoice: boolean;
}

/** A new session, and what its client is told. */
export interface Joined {
  readonly realm: Realm;
  readonly identity: Identity;
  /** WELCOME.Details.authextra. */
  readonly welcomeExtra: Details | undefined;
  readonly clientFeatures: number;
  readonly id: SessionId;
  readonly welcome: OutboxFrame;
  /** By which the session can be resumed; null: it ends with its transport. */
  readonly token: string | null;
}

const violation = (message: string): Refusal => ({ error: errors.protocolViolation.uri, message });

/** HELLO and AUTHENTICATE are kept while a login is under way, and come from anybody. */
export function handshakeTooLong({ length }: Uint8Array): Refusal | null {
  const { handshakeBytes_max: most } = fixedLimits;
  if (length <= most) return null;
  const message = `before WELCOME a message may have ${most} bytes; this one has ${length}`;
  return { error: errors.payloadSizeExceeded.uri, message };
}

/**
 * What HELLO asks for: a new session, or the one to attach, or what ABORT will say. Null: the session that HELLO resumes lives
 * elsewhere, and whoever has it answers.
 */
export function readHello(
  core: SessionCore,
  front: Session,
  bytes: Uint8Array,
): Wish | Resumed | Refusal | null {
  const tooLong = handshakeTooLong(bytes);
  if (tooLong !== null) return tooLong;
  const [, realmUri = null, given] = decodeMessage(front.serializer, bytes);
  const details = isDict(given) ? given : {};
  const wish = readResumeWish(details);
  if ("error" in wish) return wish;
  const { request, resumable } = wish;
  if (request !== null) {
    if (isForwarded(core, front, request, bytes)) return null;
    const describe = ({ identity, realm, resumption }: Session): Details =>
      core.welcomes.details(realm!.uri, identity!, resumption?.welcomeExtra);
    const resumed = answerResume(core, front, realmUri, request, describe);
    if (resumed !== null) return resumed;
    // A connection that another router has goes back to it: a new session is to be where its connection is.
    if (core.forwardResume("", front, bytes)) return null;
  }
  if (realmUri === null) return violation("HELLO names no realm");
  return { realm: String(realmUri), details, resumable, isSecondChoice: request !== null };
}

export const noSuchRealm = (uri: string): Refusal => ({
  error: errors.noSuchRealm.uri,
  message: `there is no realm ${JSON.stringify(uri.slice(0, 200))}`,
});

/** HELLO as authentication sees it, and what the client can do; or what ABORT will say. */
export function readClient(
  { details }: Wish,
  realm: Realm,
  { info }: Connection,
  session: SessionId,
): { readonly hello: HelloRequest; readonly clientFeatures: number } | Refusal {
  const clientFeatures = readClientRoles(details["roles"], realm.strict);
  if (clientFeatures === null) {
    const message = `Details.roles must name one of ${clientRoles.join(", ")}`;
    return { error: errors.noSuchRole.uri, message };
  }
  const given = details["authmethods"] ?? [];
  if (!Array.isArray(given) || !given.every((method): method is string => typeof method === "string"))
    return violation("Details.authmethods must be a list of strings");
  const authid = shortText(details["authid"]);
  if (authid === null) return violation("Details.authid must be a short string");
  const authrole = shortText(details["authrole"]);
  if (authrole === null) return violation("Details.authrole must be a short string");
  const authextra = details["authextra"] ?? {};
  if (!isDict(authextra)) return violation("Details.authextra must be a dictionary");
  const authmethods = given.length === 0 ? ["anonymous"] : given;
  const hello = { realm: realm.uri, authmethods, authid, authrole, authextra, transport: info, session };
  return { hello, clientFeatures };
}

/** Undefined where there is none; null: it is none, or too long. */
function shortText(value: unknown): string | undefined | null {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" && value.length <= fixedLimits.authText_max ? value : null;
}

/** WELCOME for a session, or what ABORT will say. */
export function welcome(
  { resumptions, welcomes }: SessionCore,
  connection: Connection,
  wish: Wish,
  joining: Omit<Joined, "welcome" | "token">,
): Joined | Refusal {
  const { realm, identity, id, welcomeExtra, clientFeatures } = joining;
  const token = wish.resumable && realm.resumption ? resumptions.newToken() : null;
  const isPlain = token === null && !wish.isSecondChoice && welcomes.isPlain(identity, welcomeExtra);
  const frame = isPlain
    ? welcomes.plain(connection, id, realm.uri, identity)
    : controlFrame(connection, [
        Message.welcome,
        id,
        {
          ...welcomes.details(realm.uri, identity, welcomeExtra),
          ...(wish.isSecondChoice ? { resumed: false } : {}),
          ...(token === null ? {} : resumableDetails(token, false, 0)),
        },
      ]);
  // Spelt out: for each session V8 keeps half a kilobyte until its next full collection where `joining` is spread.
  if (frame.length <= connection.peerFrameBytes_max)
    return { realm, identity, welcomeExtra, clientFeatures, id, welcome: frame, token };
  const message = `WELCOME has ${frame.length} bytes, the client takes ${connection.peerFrameBytes_max}`;
  return { error: errors.payloadSizeExceeded.uri, message };
}
