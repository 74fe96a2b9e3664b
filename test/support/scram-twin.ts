/** The router's side of WAMP-SCRAM in a few lines of node:crypto, by the specification's own pseudocode. */
import { createHash, createHmac } from "node:crypto";

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
export const xorBytes = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, at) => byte ^ b[at]!));

export interface ScramExchange {
  readonly authid: string;
  readonly clientNonce: string;
  readonly nonce: string;
  readonly salt: string;
  readonly iterations: number;
  /** `p=tls-exporter,,` and the data, or `n,,`. */
  readonly binding: Buffer;
}

export function scramTwin(salted: Buffer, exchange: ScramExchange): { proof: Buffer; verifier: Buffer } {
  const { authid, binding, clientNonce, iterations, nonce, salt } = exchange;
  const message =
    `n=${authid},r=${clientNonce},r=${nonce},s=${salt},i=${iterations},` +
    `c=${binding.toString("base64")},r=${nonce}`;
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash("sha256").update(clientKey).digest();
  return {
    proof: xorBytes(clientKey, hmac(storedKey, message)),
    verifier: hmac(hmac(salted, "Server Key"), message),
  };
}
