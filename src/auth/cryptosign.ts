/**
 * Method `cryptosign` (Advanced Profile, "Cryptosign-based Authentication"): the client signs a challenge with one of its user's
 * Ed25519 keys, bound to the TLS connection where it asks for that; the router signs the client's where it asks for that.
 *
 * Not here: trust roots. The specification defines them as chains of EIP-712 certificates with Ethereum signatures (keccak-256,
 * secp256k1), partly kept on a blockchain; `authextra.trustroot` and `certificates` are not looked at, so that their owner is known by
 * `authorized_keys` or not at all.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { errors } from "../protocol/errors.ts";
import type { Principal } from "../security/model.ts";
import { ed25519, publicKeyBytes, signatureBytes } from "./ed25519.ts";
import type { KeyOwners } from "./key-owners.ts";
import type { Login, Method, MethodAnswer } from "./method.ts";
import type { RouterKey } from "./router-key.ts";

const challengeBytes = 32;
type ChannelBinding = "tls-exporter" | "tls-unique";

export interface CryptosignOptions {
  readonly routerKey: RouterKey;
  /** Finds out whose key it is where HELLO does not say; absent: HELLO must say it. */
  readonly owners?: Pick<KeyOwners, "ownerOf">;
  /** 32 random bytes; for tests of known answers. */
  readonly newChallenge?: () => Uint8Array;
}

/** What HELLO asks for. */
interface Wishes {
  readonly publicKey: Uint8Array;
  /** Zeros: no binding. What is signed is the challenge XOR this. */
  readonly channelId: Uint8Array;
  readonly channelBinding: ChannelBinding | null;
  /** What the router is to sign. */
  readonly routerChallenge: Uint8Array | null;
}

type Refusal = Extract<MethodAnswer, { kind: "abort" }>;
const abort = (message: string): Refusal => ({
  kind: "abort",
  error: errors.authenticationFailed.uri,
  message,
});

export class Cryptosign implements Method {
  readonly name = "cryptosign";
  readonly #routerKey: RouterKey;
  readonly #owners: CryptosignOptions["owners"];
  readonly #newChallenge: () => Uint8Array;

  constructor(options: CryptosignOptions) {
    this.#routerKey = options.routerKey;
    this.#owners = options.owners;
    this.#newChallenge = options.newChallenge ?? (() => randomBytes(challengeBytes));
  }

  suits({ principal }: Login): boolean {
    return principal !== undefined && principal.credentialUser.authorized_keys.length > 0;
  }

  begin(login: Login): MethodAnswer {
    const isNamed = login.hello.authid !== undefined;
    if (!isNamed && this.#owners === undefined) return abort("cryptosign needs an authid");
    const wishes = readWishes(login);
    if ("kind" in wishes) return wishes;
    const challenge = this.#newChallenge();
    const message = xor(challenge, wishes.channelId);
    return {
      kind: "challenge",
      extra: {
        challenge: hexOf(challenge),
        channel_binding: wishes.channelBinding,
        ...this.#proof(wishes),
      },
      proceed: (signature) => {
        const { publicKey } = wishes;
        const principal = isNamed ? login.principal : this.#owners?.ownerOf(login.realm, hexOf(publicKey));
        // The router signs whatever a HELLO asks it to: what its own key has signed proves nothing.
        if (hexOf(publicKey) === this.#routerKey.publicKey)
          return { kind: "failed", why: "the key is the router's own" };
        return check(principal, { signature, message, publicKey });
      },
    };
  }

  #proof({ channelId, routerChallenge }: Wishes): { pubkey?: string; signature?: string } {
    if (routerChallenge === null) return {};
    return {
      pubkey: this.#routerKey.publicKey,
      signature: this.#routerKey.sign(xor(routerChallenge, channelId)),
    };
  }
}

function readWishes({ hello }: Login): Wishes | Refusal {
  const { authextra, transport } = hello;
  const publicKey = bytesOf(authextra["pubkey"], publicKeyBytes);
  if (publicKey === null) return abort("cryptosign needs authextra.pubkey: 32 bytes in hex");
  const asked = authextra["challenge"] ?? null;
  const routerChallenge = bytesOf(asked, challengeBytes);
  if (asked !== null && routerChallenge === null) return abort("authextra.challenge is not 32 bytes in hex");
  const type = authextra["channel_binding"] ?? null;
  if (type === null)
    return { publicKey, routerChallenge, channelBinding: null, channelId: new Uint8Array(challengeBytes) };
  if (type !== "tls-exporter" && type !== "tls-unique")
    return abort("authextra.channel_binding is neither tls-exporter nor tls-unique");
  // To go on without it is allowed, and would leave the client with less than it asked for.
  const channelId = transport.tls?.channelId(type) ?? null;
  if (channelId === null) return abort(`this connection has no channel binding of the type ${type}`);
  return { publicKey, routerChallenge, channelBinding: type, channelId };
}

/** The signature is verified for everybody, known or not. */
function check(
  principal: Principal | undefined,
  given: { readonly signature: string; readonly message: Uint8Array; readonly publicKey: Uint8Array },
): MethodAnswer {
  const { message, publicKey } = given;
  // The form of the specification, and the bare signature that some clients send.
  const whole = bytesOf(given.signature, signatureBytes + challengeBytes);
  const signature = whole?.subarray(0, signatureBytes) ?? bytesOf(given.signature, signatureBytes);
  if (signature === null) return { kind: "failed", why: "the signature is not 64 or 96 bytes in hex" };
  const isOurs = whole === null || timingSafeEqual(whole.subarray(signatureBytes), message);
  const isSigned = ed25519.verify(message, signature, publicKey);
  const isKnown = principal?.credentialUser.authorized_keys.includes(hexOf(publicKey)) === true;
  if (!isOurs) return { kind: "failed", why: "another message was signed than the challenge" };
  if (!isSigned) return { kind: "failed", why: "the signature is wrong" };
  if (!isKnown) return { kind: "failed", why: "the key is none of the user's" };
  return { kind: "proved", authid: principal.user.username };
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function bytesOf(text: unknown, length: number): Buffer | null {
  if (typeof text !== "string" || text.length !== 2 * length || !/^[0-9a-fA-F]*$/.test(text)) return null;
  return Buffer.from(text, "hex");
}

const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, index) => byte ^ b[index]!);
