/**
 * Authentication method `wamp-scram` (Advanced Profile, "Salted Challenge Response Authentication"; RFC 5802, RFC 7677): the client
 * proves that it knows the password, the router in WELCOME's authextra.verifier that it knows the user's keys.
 */
import { createHash } from "node:crypto";
import { fixedLimits } from "../base/limits.ts";
import type { FillRandom, TransportInfo } from "../ports.ts";
import { errors } from "../protocol/errors.ts";
import { hmac, randomBase64, same } from "./credentials.ts";
import { keyBytes } from "./kdf.ts";
import type { Login, Method, MethodAnswer } from "./method.ts";
import type { MockCredentials } from "./mock-credentials.ts";
import { saslprep } from "../protocol/saslprep.ts";

type Dict = Readonly<Record<string, unknown>>;

export interface ScramOptions {
  readonly mock: MockCredentials;
  readonly fillRandom: FillRandom;
}

/** Bytes of base64 in its canonical form of at most `text_max` characters; undefined: it is not that. */
function canonicalBase64(text: unknown, text_max: number): Buffer | undefined {
  if (typeof text !== "string" || text.length > text_max) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

const refuse = (message: string): MethodAnswer => ({
  kind: "abort",
  error: errors.invalidArgument.uri,
  message: `wamp-scram: ${message}`,
});

/** What the client wants to bind the login to: nothing (null), or a type and the bytes that both ends must know. */
type Binding = { readonly type: string; readonly bytes: Uint8Array } | null;

function bindingOf(wanted: unknown, { tls }: TransportInfo): Binding | string {
  if (wanted === undefined || wanted === null) return null;
  if (wanted !== "tls-exporter" && wanted !== "tls-unique") {
    return "channel_binding is null, tls-exporter or tls-unique";
  }
  const bytes = tls?.channelId(wanted) ?? null;
  return bytes === null ? `this connection has no ${wanted} to bind to` : { type: wanted, bytes };
}

export interface ScramExchange {
  readonly authid: string;
  readonly clientNonce: string;
  readonly nonce: string;
  readonly salt: string;
  readonly iterations: number;
  readonly binding: Binding;
}

/** AuthMessage of RFC 5802 section 3. */
export function authMessage(exchange: ScramExchange): string {
  const { authid, clientNonce, nonce, salt, iterations, binding } = exchange;
  const name = (saslprep(authid) ?? authid).replaceAll("=", "=3D").replaceAll(",", "=2C");
  const flag = binding === null ? "n" : `p=${binding.type}`;
  const bound = Buffer.concat([Buffer.from(`${flag},,`), binding?.bytes ?? Buffer.alloc(0)]);
  return [
    `n=${name},r=${clientNonce}`,
    `r=${nonce},s=${salt},i=${iterations}`,
    `c=${bound.toString("base64")},r=${nonce}`,
  ].join(",");
}

/** Whether the proof was made with the client key that `storedKey` is the hash of. */
export function verifyProof(storedKey: Uint8Array, message: string, proof: Uint8Array): boolean {
  const signature = hmac(storedKey, message);
  const clientKey = signature.map((byte, index) => byte ^ proof[index]!);
  return same(createHash("sha256").update(clientKey).digest(), storedKey);
}

/** Why the fields beside the proof do not belong to this exchange; undefined: they do. */
function extraProblem({ nonce, binding }: ScramExchange, extra: Dict): string | undefined {
  const { nonce: given, channel_binding: type, cbind_data: data } = extra;
  if (typeof given !== "string" || !same(Buffer.from(given), Buffer.from(nonce))) return "wrong nonce";
  if ((type ?? null) !== (binding?.type ?? null)) return "channel_binding differs from HELLO's";
  if (binding === null) return (data ?? null) === null ? undefined : "cbind_data without channel_binding";
  const bytes = canonicalBase64(data, fixedLimits.scramText_max);
  return bytes !== undefined && same(bytes, binding.bytes) ? undefined : "wrong cbind_data";
}

function isNonce(nonce: unknown): nonce is string {
  const octets = canonicalBase64(nonce, fixedLimits.scramText_max)?.length ?? 0;
  return octets >= fixedLimits.scramNonceBytes_min;
}

const nonceNeeded =
  `authextra.nonce is base64 of at least ${fixedLimits.scramNonceBytes_min} random octets, ` +
  `in ${fixedLimits.scramText_max} characters at most`;

function begin({ mock, fillRandom }: ScramOptions, login: Login): MethodAnswer {
  const { hello, principal } = login;
  const { nonce: clientNonce, channel_binding: wanted } = hello.authextra;
  if (!isNonce(clientNonce)) return refuse(nonceNeeded);
  const binding = bindingOf(wanted, hello.transport);
  if (typeof binding === "string") return refuse(binding);
  const stored = principal?.credentialUser.credentials;
  const credentials = stored?.scram === undefined ? mock(login, "scram") : stored;
  const { salt, params, scram } = credentials;
  const exchange: ScramExchange = {
    authid: hello.authid ?? "",
    clientNonce,
    nonce: `${clientNonce}${randomBase64(fillRandom, 16)}`,
    salt,
    iterations: params.iterations,
    binding,
  };
  const memory = params.kdf === "argon2id13" ? params.memory : null;
  return {
    kind: "challenge",
    extra: { nonce: exchange.nonce, salt, kdf: params.kdf, iterations: params.iterations, memory },
    proceed: (signature, extra) => {
      const proof = canonicalBase64(signature, fixedLimits.scramText_max);
      const storedKey = Buffer.from(scram?.stored_key ?? "", "base64");
      const message = authMessage(exchange);
      const right = verifyProof(
        storedKey,
        message,
        proof?.length === keyBytes ? proof : Buffer.alloc(keyBytes),
      );
      const problem = extraProblem(exchange, extra);
      if (!right || problem !== undefined || proof?.length !== keyBytes || credentials !== stored) {
        return { kind: "failed", why: problem ?? "wrong proof, or no such password" };
      }
      const verifier = hmac(Buffer.from(scram?.server_key ?? "", "base64"), message).toString("base64");
      return { kind: "proved", extra: { verifier: `v=${verifier}` } };
    },
  };
}

/** Bytes as Python shows them (`repr`). */
export function pythonBytes(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  const named: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" };
  const shown = Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    if (character === quote) return `\\${quote}`;
    if (byte >= 0x20 && byte < 0x7f) return named[character] ?? character;
    return named[character] ?? `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `b${quote}${shown.join("")}${quote}`;
}

/**
 * The form of autobahn-python (22.7, `AuthScram`), which calls it `scram`: no channel binding and no GS2 header, nothing in AUTHENTICATE
 * but the proof, the verifier in WELCOME's authextra.scram_server_signature. With PBKDF2 the client takes the salt for the bytes
 * that it is given, and then signs what Python shows of them. With Argon2id it takes the text of the hash for the salted
 * password, which would need keys of its own to be stored: that is refused, whoever asks.
 */
function beginAutobahns({ mock, fillRandom }: ScramOptions, login: Login): MethodAnswer {
  const { hello, principal, realm } = login;
  const clientNonce = hello.authextra["nonce"];
  if (!isNonce(clientNonce)) return refuse(nonceNeeded);
  if (realm.passwordOptions.params.kdf !== "pbkdf2")
    return refuse(
      "this realm hashes its passwords with Argon2id, which `scram` cannot use; offer wamp-scram",
    );
  const stored = principal?.credentialUser.credentials;
  const usable = stored?.scram !== undefined && stored.params.kdf === "pbkdf2";
  const credentials = usable ? stored : mock(login, "scram");
  const salt = Buffer.from(credentials.salt, "base64");
  const { iterations, kdf } = credentials.params;
  const nonce = `${clientNonce}${randomBase64(fillRandom, 16)}`;
  const name = saslprep(hello.authid ?? "") ?? hello.authid;
  const message = `n=${name},r=${clientNonce},r=${nonce},s=${pythonBytes(salt)},i=${iterations},c=,r=${nonce}`;
  return {
    kind: "challenge",
    extra: { nonce, salt: new Uint8Array(salt), kdf, iterations },
    proceed: (signature) => {
      const proof = canonicalBase64(signature, fixedLimits.scramText_max);
      const isWhole = proof?.length === keyBytes;
      const storedKey = Buffer.from(credentials.scram?.stored_key ?? "", "base64");
      const right = verifyProof(storedKey, message, isWhole ? proof : Buffer.alloc(keyBytes));
      if (!right || !isWhole || !usable) return { kind: "failed", why: "wrong proof, or no such password" };
      const serverKey = Buffer.from(credentials.scram?.server_key ?? "", "base64");
      return {
        kind: "proved",
        extra: { scram_server_signature: hmac(serverKey, message).toString("base64") },
      };
    },
  };
}

export function scramMethod(options: ScramOptions): Method {
  return {
    name: "wamp-scram",
    suits: ({ principal }) => principal?.credentialUser.credentials?.scram !== undefined,
    begin: (login) => (login.calledAs === "scram" ? beginAutobahns : begin)(options, login),
  };
}
