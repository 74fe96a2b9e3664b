/** `cryptosign` (Advanced Profile, "Cryptosign-based Authentication"): signs with an Ed25519 key, and has the router do it too. */
import { type Authenticate, type ClientMethod, misuse, refusal } from "./auth-method.ts";
import { bytesOfHex, hexOf, randomBytes, sameBytes, xor } from "./encodings.ts";
import type { Kwargs } from "./options.ts";

const seedBytes = 32;

export interface CryptosignOptions {
  /** The key's seed: 32 bytes, hex. */
  readonly secretKey: string;
  /** What both ends of the connection know; null: no channel binding. */
  readonly channel: { readonly type: string; readonly id: Uint8Array } | null;
  /** The public key of the router, hex; null: the router is not asked to prove anything. */
  readonly routerKey: string | null;
}

interface Signer {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
  verify(message: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean;
}

async function signerOf(secretKey: string): Promise<Signer> {
  const seed = bytesOfHex(secretKey, seedBytes);
  if (seed === null) throw misuse("secretKey is not 32 bytes of hex");
  // Loaded where it is asked for. The same on all runtimes: not every WebCrypto has Ed25519.
  const { default: nacl } = await import("tweetnacl");
  const pair = nacl.sign.keyPair.fromSeed(seed);
  return {
    publicKey: pair.publicKey,
    sign: (message) => nacl.sign.detached(message, pair.secretKey),
    verify: (message, signature, key) => nacl.sign.detached.verify(message, signature, key),
  };
}

export class Cryptosign implements ClientMethod {
  readonly hello: Kwargs;
  readonly #signer: Signer;
  readonly #channel: CryptosignOptions["channel"];
  readonly #router: { readonly key: Uint8Array; readonly challenge: Uint8Array } | null;

  private constructor(signer: Signer, options: CryptosignOptions) {
    this.#signer = signer;
    this.#channel = options.channel;
    const key = options.routerKey === null ? null : bytesOfHex(options.routerKey, 32);
    if (options.routerKey !== null && key === null) throw misuse("routerKey is not 32 bytes of hex");
    this.#router = key === null ? null : { key, challenge: randomBytes(32) };
    this.hello = {
      pubkey: hexOf(signer.publicKey),
      channel_binding: options.channel?.type ?? null,
      challenge: this.#router === null ? undefined : hexOf(this.#router.challenge),
    };
  }

  /** Rejects with WampError `wamp.error.invalid_argument` where the keys are none. */
  static async create(options: CryptosignOptions): Promise<Cryptosign> {
    return new Cryptosign(await signerOf(options.secretKey), options);
  }

  answer(challenge: Kwargs): Authenticate {
    const bytes = bytesOfHex(challenge["challenge"], 32);
    if (bytes === null) throw refusal("the router's challenge is not 32 bytes of hex");
    // Signing without the binding that was asked for is what a man in the middle wants.
    if ((challenge["channel_binding"] ?? null) !== (this.#channel?.type ?? null))
      throw refusal("the router does not bind to the channel as it was asked to");
    this.#checkRouter(challenge);
    const message = this.#bound(bytes);
    return { signature: hexOf(this.#signer.sign(message)) + hexOf(message), extra: {} };
  }

  #bound(challenge: Uint8Array): Uint8Array {
    return this.#channel === null ? challenge : xor(challenge, this.#channel.id);
  }

  #checkRouter({ signature, pubkey }: Kwargs): void {
    if (this.#router === null) return;
    const { challenge, key } = this.#router;
    const shown = bytesOfHex(pubkey, 32);
    // 64 bytes, with the signed message behind them.
    const signed = bytesOfHex(signature, 96) ?? bytesOfHex(signature, 64);
    const message = this.#bound(challenge);
    const isSigned =
      shown !== null &&
      sameBytes(shown, key) &&
      signed !== null &&
      (signed.length === 64 || sameBytes(signed.subarray(64), message)) &&
      this.#signer.verify(message, signed.subarray(0, 64), key);
    if (!isSigned) throw refusal("the router has not proved that it has its key");
  }
}
