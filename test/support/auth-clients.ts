/**
 * Logins by clients that others wrote, each with its own code for the method: what it was told, and what it may call then. What a client
 * has no code for is not in its `methods`.
 */
import { loadAutobahn } from "./foreign-autobahn.ts";
import { type SerializerName, serializerNames } from "./foreign.ts";
import { PythonLogins, pythonProblem } from "./python-logins.ts";
import { createWampy } from "./foreign-wampy.ts";

type Dict = Readonly<Record<string, unknown>>;

export const foreignMethods = ["anonymous", "ticket", "wampcra", "cryptosign", "scram"] as const;
export type ForeignMethod = (typeof foreignMethods)[number];

export interface LoginWish {
  readonly url: string;
  readonly realm: string;
  readonly serializer: SerializerName;
  readonly method: ForeignMethod;
  readonly authid?: string;
  /** Password, ticket, or the seed of the Ed25519 key in hex. */
  readonly secret?: string;
  /** The public key that belongs to the seed, in hex. */
  readonly publicKey?: string;
  /** Procedures that it calls once it has joined. */
  readonly calls?: readonly string[];
}

export type Outcome =
  /** `calls`: "ok", or the error's URI, by procedure. */
  | { readonly joined: Dict; readonly calls: Readonly<Record<string, string>> }
  /** ABORT's reason. */
  | { readonly refused: string };

export interface AuthClient {
  readonly name: string;
  readonly methods: readonly ForeignMethod[];
  readonly serializers: readonly SerializerName[];
  readonly skip?: string;
  login(wish: LoginWish): Promise<Outcome>;
  close(): void;
}

// ---- autobahn-js

interface AutobahnAuth {
  readonly auth_cra: {
    sign(key: string, challenge: string): string;
    derive_key(secret: string, salt: string, iterations: number, keylen: number): string;
  };
  readonly auth_cryptosign: {
    sign_challenge(key: { readonly secretKey: Uint8Array }, extra: Dict): string;
  };
}

interface JoinedAutobahn {
  call(uri: string): PromiseLike<unknown>;
}

async function autobahnSigner({
  method,
  secret = "",
  publicKey = "",
}: LoginWish): Promise<(extra: Dict) => string> {
  const { auth_cra, auth_cryptosign } = (await loadAutobahn()) as unknown as AutobahnAuth;
  switch (method) {
    case "wampcra":
      return ({ salt, iterations, keylen, challenge }) => {
        const key =
          salt === undefined
            ? secret
            : auth_cra.derive_key(secret, String(salt), Number(iterations), Number(keylen));
        return auth_cra.sign(key, String(challenge));
      };
    case "cryptosign": {
      const secretKey = new Uint8Array(Buffer.from(`${secret}${publicKey}`, "hex"));
      return (extra) => auth_cryptosign.sign_challenge({ secretKey }, extra);
    }
    default:
      return () => secret;
  }
}

const serializerClasses = {
  json: "JSONSerializer",
  msgpack: "MsgpackSerializer",
  cbor: "CBORSerializer",
} as const;

async function loginByAutobahn(wish: LoginWish): Promise<Outcome> {
  const { url, realm, serializer, method, authid, publicKey, calls = [] } = wish;
  const autobahn = await loadAutobahn();
  const sign = await autobahnSigner(wish);
  const connection = new autobahn.Connection({
    url,
    realm,
    serializers: [new autobahn.serializer[serializerClasses[serializer]]()],
    max_retries: 0,
    retry_if_unreachable: false,
    authmethods: [method],
    ...(authid === undefined ? {} : { authid }),
    ...(publicKey === undefined
      ? {}
      : { authextra: { pubkey: publicKey, challenge: null, channel_binding: null } }),
    onchallenge: (_session: unknown, _method: string, extra: Dict) => sign(extra),
  });
  return new Promise((resolve) => {
    connection.onopen = (session: unknown, details?: Dict) => {
      allCalled(calls, (uri) => (session as JoinedAutobahn).call(uri)).then((told) => {
        connection.onclose = () => {
          resolve({ joined: details ?? {}, calls: told });
          return true;
        };
        connection.close();
      });
    };
    connection.onclose = (_reason, details) => {
      resolve({ refused: details.reason ?? "closed" });
      return true;
    };
    connection.open();
  });
}

async function allCalled(
  calls: readonly string[],
  call: (uri: string) => PromiseLike<unknown>,
): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  for (const uri of calls) {
    told[uri] = await new Promise<string>((resolve) => {
      call(uri).then(
        () => resolve("ok"),
        (cause: { readonly error?: string; readonly errorUri?: string }) =>
          resolve(cause.error ?? cause.errorUri ?? String(cause)),
      );
    });
  }
  return told;
}

// ---- wampy

async function wampyOptions({ method, authid, secret = "", publicKey }: LoginWish): Promise<object> {
  if (method === "anonymous") return {};
  const cra = (await import("wampy/wampcra.js" as string)) as { sign(secret: string): unknown };
  const keys = (await import("wampy/cryptosign.js" as string)) as { sign(key: string): unknown };
  const plugin =
    method === "ticket" ? () => secret : method === "wampcra" ? cra.sign(secret) : keys.sign(secret);
  return {
    authid,
    authmethods: [method],
    authMode: "auto",
    authPlugins: { [method]: plugin },
    ...(publicKey === undefined ? {} : { authextra: { pubkey: publicKey } }),
  };
}

async function loginByWampy(wish: LoginWish): Promise<Outcome> {
  const { url, realm, serializer, calls = [] } = wish;
  const client = await createWampy({ url, realm, serializer, more: await wampyOptions(wish) });
  try {
    const joined = (await client.connect()) as Dict;
    const told = await allCalled(calls, (uri) => client.call(uri, {}));
    await client.disconnect();
    return { joined, calls: told };
  } catch (cause) {
    const { errorUri, error } = cause as { readonly errorUri?: string; readonly error?: string };
    return { refused: errorUri ?? error ?? String(cause) };
  }
}

// ---- all of them

export function authClients(): readonly AuthClient[] {
  const python = new PythonLogins();
  const problem = pythonProblem();
  return [
    {
      name: "autobahn-js",
      methods: ["anonymous", "ticket", "wampcra", "cryptosign"],
      serializers: serializerNames,
      login: loginByAutobahn,
      close: () => {},
    },
    {
      name: "wampy",
      methods: ["anonymous", "ticket", "wampcra", "cryptosign"],
      serializers: serializerNames,
      login: loginByWampy,
      close: () => {},
    },
    {
      name: "autobahn-python",
      methods: foreignMethods,
      serializers: serializerNames,
      ...(problem === undefined ? {} : { skip: problem }),
      login: (wish) => python.login(wish),
      close: () => python.close(),
    },
  ];
}
