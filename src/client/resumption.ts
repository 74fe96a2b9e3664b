/** What a client keeps of a resumable session, so that it can come back to it: its token, a count, and what it has sent. */
import { ReplayLog } from "../base/replay-log.ts";
import { errors, WampError } from "../protocol/errors.ts";
import type { Kwargs } from "./options.ts";

/** What HELLO needs to resume a session, wherever it is kept in between. */
export interface ResumeState {
  readonly session: number;
  readonly token: string;
  /** Messages of the session that have arrived, WELCOME and GOODBYE not counted. */
  readonly received: number;
}

/** HELLO.Details of one that resumes. */
export const resumeDetails = ({ session, token, received }: ResumeState): Kwargs => ({
  resume_session: session,
  resume_token: token,
  resume_received: received,
});

/** What is kept of the messages sent; the router says only on resumption how many have arrived. */
const keptMessages_max = 16_384;
const keptBytes_max = 4 << 20;

/** WELCOME.Details.resume_token, if it gives one. */
export const tokenOf = (details: Kwargs): string | null =>
  details.resumable === true && typeof details.resume_token === "string" ? details.resume_token : null;

export class ClientResumption {
  readonly #session: number;
  readonly #sent = new ReplayLog<Uint8Array>();
  #token: string;
  #received = 0;

  constructor(session: number, token: string) {
    this.#session = session;
    this.#token = token;
  }

  get state(): ResumeState {
    return { session: this.#session, token: this.#token, received: this.#received };
  }

  /** A message of the session has arrived. */
  onReceived(): void {
    this.#received++;
  }

  onSent(message: Uint8Array): void {
    this.#sent.append(message);
    while (this.#sent.length > keptMessages_max || this.#sent.bytes > keptBytes_max)
      this.#sent.forget(this.#sent.first);
  }

  /** The session is resumed: returns what has to be sent again. Throws WampError where that is not there any more. */
  onWelcome(session: number, details: Kwargs): readonly Uint8Array[] {
    const token = tokenOf(details);
    const arrived = details.x_resume_received;
    if (session !== this.#session || details.resumed !== true || token === null)
      throw new WampError(
        errors.protocolViolation.uri,
        "the router welcomes another session than the resumed one",
      );
    if (typeof arrived !== "number" || arrived + 1 < this.#sent.first || arrived > this.#sent.last)
      throw new WampError(errors.unavailable.uri, "messages that were lost are not kept any more");
    this.#token = token;
    this.#sent.forget(arrived);
    return this.#sent.from(arrived + 1, this.#sent.length);
  }
}
