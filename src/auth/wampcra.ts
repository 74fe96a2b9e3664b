/** Authentication method `wampcra` (Advanced Profile, "Challenge Response Authentication"): an HMAC over the router's challenge. */
import { fixedLimits } from "../base/limits.ts";
import type { FillRandom, HelloRequest } from "../ports.ts";
import { hmac, randomBase64, same } from "./credentials.ts";
import { keyBytes } from "./kdf.ts";
import type { Login, Method, MethodAnswer } from "./method.ts";
import type { MockCredentials } from "./mock-credentials.ts";

export interface CraChallenge {
  readonly hello: HelloRequest;
  readonly authprovider: string;
  readonly fillRandom: FillRandom;
  readonly wall_ms: number;
}

/**
 * The text that the client signs. It says of who logs in only what the client itself has said: canonical names and groups are for those
 * who have proved who they are.
 */
export function craChallenge({ hello, authprovider, fillRandom, wall_ms }: CraChallenge): string {
  return JSON.stringify({
    authid: hello.authid ?? "",
    authrole: hello.authrole ?? "default",
    authmethod: "wampcra",
    authprovider,
    nonce: randomBase64(fillRandom, 16),
    timestamp: new Date(wall_ms).toISOString(),
    session: hello.session,
  });
}

/** Compares the signature as text: exactly the base64 that the key gives, in constant time. */
export function verifyCra(key: string, challenge: string, signature: string): boolean {
  const expected = hmac(key, challenge).toString("base64");
  // Longer ones are cut so that comparing them costs no more; they differ in length all the same.
  const given = signature.slice(0, fixedLimits.craSignature_max + 1);
  return same(Buffer.from(given, "utf8"), Buffer.from(expected, "utf8"));
}

export interface CraOptions {
  readonly mock: MockCredentials;
  readonly fillRandom: FillRandom;
  wall_ms(): number;
}

export function wampcraMethod({ mock, fillRandom, wall_ms }: CraOptions): Method {
  const begin = (login: Login): MethodAnswer => {
    const { hello, principal } = login;
    const stored = principal?.credentialUser.credentials;
    const credentials = stored?.cra === undefined ? mock(login, "cra") : stored;
    const { salt, params, cra = "" } = credentials;
    const challenge = craChallenge({ hello, authprovider: "spanwire", fillRandom, wall_ms: wall_ms() });
    return {
      kind: "challenge",
      extra: { challenge, salt, keylen: keyBytes, iterations: params.iterations },
      proceed: (signature) => {
        const right = verifyCra(cra, challenge, signature);
        return right && credentials === stored
          ? { kind: "proved" }
          : { kind: "failed", why: "wrong signature, or no such password" };
      },
    };
  };
  return {
    name: "wampcra",
    suits: ({ principal }) => principal?.credentialUser.credentials?.cra !== undefined,
    begin,
  };
}
