/**
 * `wamp-scram` (Advanced Profile, "Salted Challenge Response Authentication"): neither side learns the other's secret, and each
 * proves its own. The cheapest hash that is accepted is RFC 7677's: a router that asks for less may be after the password.
 */
import { saslprep } from "../protocol/saslprep.ts";
import { type Authenticate, type ClientMethod, misuse, refusal } from "./auth-method.ts";
import { derive, hmacSha256, sha256 } from "./digests.ts";
import { base64Of, bytesOfBase64, randomBytes, sameBytes, xor } from "./encodings.ts";
import type { Kwargs } from "./options.ts";

const nonceBytes = 16;
const pbkdf2Iterations_min = 4_096;
const argonMemoryKib_min = 1_024;

export interface ScramOptions {
  readonly authid: string;
  readonly password: string;
  /** What both ends of the connection know; null: no channel binding. */
  readonly channel: { readonly type: string; readonly id: Uint8Array } | null;
}

export class WampScram implements ClientMethod {
  readonly hello: Kwargs;
  readonly #options: ScramOptions;
  readonly #nonce = base64Of(randomBytes(nonceBytes));
  #verifier: Uint8Array | null = null;

  constructor(options: ScramOptions) {
    this.#options = options;
    this.hello = { nonce: this.#nonce, channel_binding: options.channel?.type ?? null };
  }

  async answer(challenge: Kwargs): Promise<Authenticate> {
    const { authid, channel, password } = this.#options;
    const { nonce } = challenge;
    if (typeof nonce !== "string" || !nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw refusal("the router's nonce does not begin with the client's");
    const salted = await derive(prepared(password), hashOf(challenge));
    const flag = channel === null ? "n" : `p=${channel.type}`;
    const binding = [...new TextEncoder().encode(`${flag},,`), ...(channel?.id ?? [])];
    const message = [
      `n=${escaped(prepared(authid))},r=${this.#nonce}`,
      `r=${nonce},s=${String(challenge["salt"])},i=${String(challenge["iterations"])}`,
      `c=${base64Of(Uint8Array.from(binding))},r=${nonce}`,
    ].join(",");
    const clientKey = await hmacSha256(salted, "Client Key");
    const proof = xor(clientKey, await hmacSha256(await sha256(clientKey), message));
    this.#verifier = await hmacSha256(await hmacSha256(salted, "Server Key"), message);
    return {
      signature: base64Of(proof),
      extra: {
        nonce,
        channel_binding: channel?.type ?? null,
        cbind_data: channel === null ? null : base64Of(channel.id),
      },
    };
  }

  isGenuine({ verifier }: Kwargs): boolean {
    const shown = typeof verifier === "string" ? bytesOfBase64(verifier.replace(/^v=/, "")) : null;
    return shown !== null && this.#verifier !== null && sameBytes(shown, this.#verifier);
  }
}

function prepared(text: string): string {
  const result = saslprep(text);
  if (result === undefined) throw misuse("a name or password has characters that wamp-scram does not allow");
  return result;
}

/** RFC 5802, section 5.1. */
const escaped = (name: string): string => name.replaceAll("=", "=3D").replaceAll(",", "=2C");

function hashOf({ salt, kdf, iterations, memory }: Kwargs): Parameters<typeof derive>[1] {
  const bytes = bytesOfBase64(salt);
  if (bytes === null || bytes.length === 0) throw refusal("the router's salt is no base64");
  const costs = { salt: bytes, iterations: Number(iterations), memory: Number(memory ?? 0), length: 32 };
  if (kdf === "pbkdf2" && costs.iterations >= pbkdf2Iterations_min) return { kdf, ...costs };
  if (kdf === "argon2id13" && costs.memory >= argonMemoryKib_min) return { kdf, ...costs };
  throw refusal("the router asks for a password hash that is unknown, or too cheap to be honest");
}
