/** Authentication method `anonymous`: everybody is let in, under a random authid and the role `anonymous`. */

import type { AuthAnswer, Authenticator, HelloRequest, Identity } from "../ports.ts";
import { errors } from "../protocol/errors.ts";

const authidDigits = 36;

/** `randomId` gives random integers in 1..2^53. */
export function anonymousIdentity(randomId: () => number, authprovider: string): Identity {
  const authid = `anonymous-${randomId().toString(authidDigits)}`;
  return { authid, authrole: "anonymous", authmethod: "anonymous", authprovider };
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
