/** The client's half of each way to log in, as cheap as it can be: what is slow by intent is done once per salt. */
import { createHash, createHmac, createPrivateKey, type KeyObject, pbkdf2Sync, sign } from "node:crypto";
import { argon2id } from "hash-wasm";
import { cryptosignKey, cryptosignSeed, password } from "./security-world.ts";

type Dict = Readonly<Record<string, unknown>>;

export interface LoginMethod {
  readonly authmethod: string;
  /** Of HELLO. */
  readonly authextra?: Dict;
  /** Signature and extra of AUTHENTICATE. */
  answer?(extra: Dict, authid: string): Promise<readonly [string, Dict]>;
}

const hmac = (key: Uint8Array | string, text: string): Buffer =>
  createHmac("sha256", key).update(text).digest();
const keys = new Map<string, Promise<Buffer>>();

/** The salted password of a challenge. */
const saltedPassword = ({ salt, kdf, iterations, memory }: Dict, rawSalt: boolean): Promise<Buffer> => {
  const name = `${String(kdf)} ${String(salt)}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const bytes = Buffer.from(String(salt), rawSalt ? "utf8" : "base64");
  const key =
    kdf === "argon2id13"
      ? argon2id({
          password,
          salt: bytes,
          iterations: Number(iterations),
          memorySize: Number(memory),
          parallelism: 1,
          hashLength: 32,
          outputType: "binary",
        }).then((hash) => Buffer.from(hash))
      : Promise.resolve(pbkdf2Sync(password, bytes, Number(iterations), 32, "sha256"));
  keys.set(name, key);
  return key;
};

const clientNonce = Buffer.alloc(18, 5).toString("base64");

/** RFC 5802, with the names of WAMP. */
const scramProof = async (extra: Dict, authid: string): Promise<readonly [string, Dict]> => {
  const { nonce, salt, iterations } = extra;
  const salted = await saltedPassword(extra, false);
  const message = [
    `n=${authid},r=${clientNonce}`,
    `r=${String(nonce)},s=${String(salt)},i=${String(iterations)}`,
    `c=${Buffer.from("n,,").toString("base64")},r=${String(nonce)}`,
  ].join(",");
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!));
  return [proof.toString("base64"), { nonce, channel_binding: null, cbind_data: null }];
};

const signingKey: KeyObject = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), cryptosignSeed]),
  format: "der",
  type: "pkcs8",
});

/** `secret`: the ticket or token of the methods that take one. */
export const loginMethod = (authmethod: string, secret: string): LoginMethod => {
  const showing = (text: string): LoginMethod => ({ authmethod, answer: async () => [text, {}] });
  switch (authmethod) {
    case "password":
      return showing(password);
    case "ticket":
    case "oauth2":
      return showing(secret);
    case "wampcra":
      return {
        authmethod,
        answer: async (extra) => {
          const salted = await saltedPassword(extra, true);
          return [hmac(salted.toString("base64"), String(extra["challenge"])).toString("base64"), {}];
        },
      };
    case "wamp-scram":
      return { authmethod, authextra: { nonce: clientNonce, channel_binding: null }, answer: scramProof };
    case "cryptosign":
      return {
        authmethod,
        authextra: { pubkey: cryptosignKey, channel_binding: null },
        answer: async ({ challenge }) => {
          const message = Buffer.from(String(challenge), "hex");
          return [Buffer.concat([sign(null, message, signingKey), message]).toString("hex"), {}];
        },
      };
    default:
      return { authmethod };
  }
};
