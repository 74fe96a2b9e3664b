/** One way to authenticate, from the client's side. Types, and what all of them say when the router does not keep to the rules. */
import { errors, WampError } from "../protocol/errors.ts";
import type { Kwargs } from "./options.ts";

/** What AUTHENTICATE says. */
export interface Authenticate {
  readonly signature: string;
  readonly extra?: Kwargs;
}

export interface ClientMethod {
  /** Goes into HELLO.Details.authextra. */
  readonly hello?: Kwargs;
  /** Answers CHALLENGE.Extra. Throws WampError where it is not as it must be. */
  answer(challenge: Kwargs): Authenticate | Promise<Authenticate>;
  /** Looks at WELCOME.Details.authextra, after `answer`; false: whoever sent it is not the router that it should be. */
  isGenuine?(welcome: Kwargs): boolean;
}

/** The router broke the rules of a method; what it was told stays secret. */
export const refusal = (message: string): WampError => new WampError(errors.protocolViolation.uri, message);

/** The client is asked to do what it was given nothing for. */
export const misuse = (message: string): WampError => new WampError(errors.invalidArgument.uri, message);
