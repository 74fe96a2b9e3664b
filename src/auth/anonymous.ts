/** Authentication method `anonymous`: everybody is let in, under a random authid and the role `anonymous`. */

import type { AuthAnswer, Authenticator, HelloRequest, Identity } from "../ports.ts";
import { errors } from "../protocol/errors.ts";

const prefix = "anonymous-";
const digits = new TextEncoder().encode("0123456789abcdefghijklmnopqrstuvwxyz");
/** Digits of 2^53. */
const digits_max = 11;
const text = new TextDecoder();
const authid = new Uint8Array(prefix.length + digits_max);
new TextEncoder().encodeInto(prefix, authid);

/** `randomId` gives random integers in 1..2^53. */
export function anonymousIdentity(randomId: () => number, authprovider: string): Identity {
  // By hand: toString(36) of an integer of more than 32 bits takes as long as a fortieth of a join.
  for (let left = randomId(), at = authid.length - 1; at >= prefix.length; at--) {
    const rest = Math.floor(left / digits.length);
    authid[at] = digits[left - rest * digits.length]!;
    left = rest;
  }
  return { authid: text.decode(authid), authrole: "anonymous", authmethod: "anonymous", authprovider };
}

/** For routers without a security model: every realm is open. */
export class AnonymousAuthenticator implements Authenticator {
  readonly #randomId: () => number;

  constructor(randomId: () => number) {
    this.#randomId = randomId;
  }

  begin(hello: HelloRequest): AuthAnswer {
    if (!hello.authmethods.includes("anonymous")) {
      const offered = hello.authmethods.slice(0, 10).join(", ").slice(0, 200);
      return {
        kind: "abort",
        error: errors.noMatchingAuthMethod.uri,
        message: `realm ${hello.realm} offers anonymous; the client offers ${offered}`,
      };
    }
    return { kind: "welcome", identity: anonymousIdentity(this.#randomId, "static") };
  }
}
