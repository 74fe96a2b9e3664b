/** `wampcra` (Advanced Profile, "Challenge Response Authentication"): signs with the password, or with a key derived from it. */
import { type Authenticate, type ClientMethod, refusal } from "./auth-method.ts";
import { derive, hmacSha256 } from "./digests.ts";
import { base64Of } from "./encodings.ts";
import type { Kwargs } from "./options.ts";

const textEncoder = new TextEncoder();

export class WampCra implements ClientMethod {
  readonly #password: string;

  constructor(password: string) {
    this.#password = password;
  }

  async answer({ challenge, salt, iterations, keylen }: Kwargs): Promise<Authenticate> {
    if (typeof challenge !== "string") throw refusal("the router's challenge is no text");
    let key = this.#password;
    // Salts are signed with as they stand, whatever they look like.
    if (typeof salt === "string" && salt !== "") {
      const costs = { iterations: Number(iterations ?? 1_000), length: Number(keylen ?? 32) };
      key = base64Of(
        await derive(this.#password, { kdf: "pbkdf2", salt: textEncoder.encode(salt), ...costs }),
      );
    }
    return { signature: base64Of(await hmacSha256(textEncoder.encode(key), challenge)) };
  }
}
