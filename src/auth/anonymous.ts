/** Authentication method `anonymous`: everybody is let in, under a random authid and the role `anonymous`. */

import type { AuthAnswer, Authenticator, HelloRequest } from "../ports.ts";
import { errors } from "../protocol/errors.ts";

const authidDigits = 36;

export class AnonymousAuthenticator implements Authenticator {
  readonly #randomId: () => number;

  /** `randomId` gives random integers in 1..2^53. */
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
    const authid = `anonymous-${this.#randomId().toString(authidDigits)}`;
    return {
      kind: "welcome",
      identity: { authid, authrole: "anonymous", authmethod: "anonymous", authprovider: "static" },
    };
  }
}
