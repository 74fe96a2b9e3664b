/** What HELLO says about resumption, and the answer to one that resumes a session. Control path; changes no state. */
import { type ErrorEntry, errors } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { controlFrame } from "./control-frame.ts";
import type { SessionCore } from "./core.ts";
import type { Refusal } from "./handshake.ts";
import { type Attaching, ownerOf, type Resumption } from "./resumption.ts";
import type { Session } from "./session.ts";

/** The session that HELLO wants back. */
export interface ResumeRequest {
  readonly session: unknown;
  readonly token: string;
  /** Messages of the session that the client has received, WELCOME and GOODBYE not counted; undefined where it does not count. */
  readonly received: number | undefined;
}

/** HELLO.Details as far as they concern resumption. */
export interface ResumeWish {
  readonly resumable: boolean;
  readonly request: ResumeRequest | null;
}

type Details = Readonly<Record<string, unknown>>;

const refusal = ({ uri }: ErrorEntry, message: string): Refusal => ({ error: uri, message });

/** The keys are spelt with a hyphen in the specification's draft, with an underscore by everybody else. */
const spelt = (key: string) => [key, key.replaceAll("_", "-"), `x_${key}`] as const;
const keys = {
  session: spelt("resume_session"),
  token: spelt("resume_token"),
  received: spelt("resume_received"),
  resumable: spelt("resumable"),
};

const given = (details: Details, [key, hyphened, extended]: ReturnType<typeof spelt>): unknown =>
  details[key] ?? details[hyphened] ?? details[extended] ?? undefined;

/** Reads `resumable`, `resume_session`, `resume_token` and `resume_received`. Resuming implies the wish to be resumable again. */
export function readResumeWish(details: Details): ResumeWish | Refusal {
  const violation = (message: string): Refusal => refusal(errors.protocolViolation, message);
  const session = given(details, keys.session);
  const token = given(details, keys.token);
  const received = given(details, keys.received);
  const resumable = given(details, keys.resumable) ?? session !== undefined;
  if (typeof resumable !== "boolean") return violation("Details.resumable must be a boolean");
  if (session === undefined && token === undefined) return { resumable, request: null };
  if (typeof token !== "string" || typeof session !== "number")
    return violation(
      "Details.resume_session must be a session id, and Details.resume_token the token that came with it",
    );
  if (received !== undefined && !(Number.isSafeInteger(received) && (received as number) >= 0))
    return violation("Details.resume_received must be a count of messages");
  return { resumable, request: { session, token, received: received as number | undefined } };
}

/** What WELCOME says of a session that can be resumed. `received`: messages of the client that have arrived. */
export const resumableDetails = (token: string, resumed: boolean, received: number): Details => ({
  resumable: true,
  resume_token: token,
  resumed,
  x_resume_received: received,
});

export interface Resumed extends Attaching {
  readonly resumption: Resumption;
}

/**
 * The answer to a HELLO that resumes: what to attach, or what ABORT will say. Null: the session cannot be resumed, and the HELLO asks
 * for a new one then by naming a realm. That the id is wrong and that the token is wrong are not told apart.
 */
export function answerResume(
  core: SessionCore,
  front: Session,
  realmUri: unknown,
  request: ResumeRequest,
  welcomeDetails: (session: Session) => Details,
): Resumed | Refusal | null {
  const noSuch = "there is no session with this id and token that could be resumed";
  const lost = (message: string): Refusal | null =>
    realmUri === null ? refusal(errors.noSuchSession, message) : null;
  const session = core.sessions.get(request.session);
  const resumption = session?.resumption ?? null;
  if (session === null || resumption === null || !resumption.accepts(request.token)) return lost(noSuch);
  const realm = session.realm!;
  // As if the token were wrong, and without an end to the session: the token may be in the wrong hands.
  const { identity } = session;
  if (identity !== null && core.authenticator.mayResume?.(identity, realm.uri, front.info) === false)
    return lost(noSuch);
  if (realmUri !== null && realmUri !== realm.uri) return null;
  const problem = misfit(core, session, resumption, front, request.received);
  if (problem !== null) return problem;
  const gap = resumption.gap(request.received);
  if (gap !== null) {
    resumption.giveUp(gap);
    return lost(`the session cannot be resumed and has ended: ${gap}`);
  }
  const token = core.resumptions.newToken();
  const details = { ...welcomeDetails(session), ...resumableDetails(token, true, resumption.received) };
  const welcome = controlFrame(front.connection, [Message.welcome, session.id, details]);
  if (welcome.length > front.peerFrameBytes_max) return tooLarge("WELCOME", welcome.length, front);
  return { resumption, token, presented: request.token, welcome, received: request.received };
}

/** Why the session cannot go on over this connection, though it is there; the client may try again with another one. */
function misfit(
  core: SessionCore,
  session: Session,
  { connection }: Resumption,
  front: Session,
  received: number | undefined,
): Refusal | null {
  if (front.serializer !== session.serializer)
    return refusal(
      errors.featureNotSupported,
      "a session can be resumed only with the serializer that it began with",
    );
  if (received !== undefined && received > connection.last) {
    const problem = `Details.resume_received is ${received}, but only ${connection.last} messages were sent`;
    return refusal(errors.protocolViolation, problem);
  }
  const largest = Math.max(connection.largest(received), core.outbox.largestQueued(session));
  return largest > front.peerFrameBytes_max ? tooLarge("a message to be replayed", largest, front) : null;
}

function tooLarge(what: string, bytes: number, front: Session): Refusal {
  return refusal(
    errors.payloadSizeExceeded,
    `${what} has ${bytes} bytes, the client takes ${front.peerFrameBytes_max}`,
  );
}

/** True: the session belongs to somebody else, who has taken the connection over and answers. */
export function isForwarded(
  core: SessionCore,
  front: Session,
  request: ResumeRequest,
  hello: Uint8Array,
): boolean {
  const owner = ownerOf(request.token);
  return owner !== "" && owner !== core.resumptions.ownerId && core.forwardResume(owner, front, hello);
}
