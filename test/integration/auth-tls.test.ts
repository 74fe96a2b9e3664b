/**
 * What a login gets from TLS: client certificates, and logins bound to their connection. Over RawSocket on both runtimes, and over WebSocket
 * by the adapter that can (`ws`); with clients that others wrote, as far as they have it.
 */
import assert from "node:assert/strict";
import test, { after } from "node:test";
import { connect, connectTransport } from "../../src/client/connect.ts";
import type { TlsOptions } from "../../src/client/options.ts";
import type { ClientTransport } from "../../src/client/transport.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { authMethods, authRealm, password, publicKey, realmDefinition, seed } from "../support/auth-realm.ts";
import {
  authenticate,
  clientNonce,
  failed,
  guarded,
  joesScram,
  sayHello,
  signChallenge,
  welcomed,
} from "../support/auth-wire.ts";
import { authorityFile, filesOf, shown, type Subject, trust } from "../support/certificates.ts";
import { loadAutobahn } from "../support/foreign-autobahn.ts";
import { serializerNames } from "../support/foreign.ts";
import { createWampy } from "../support/foreign-wampy.ts";
import { proveScram, signCra } from "../support/login-world.ts";
import { PythonLogins, pythonProblem } from "../support/python-logins.ts";
import { type Dict, Wire } from "../support/wire.ts";

const timeout = 60_000;
const isBun = process.versions["bun"] !== undefined;

const tls = { ...filesOf("server"), caFile: authorityFile(), clientCertificate: "request" } as const;
const device = { username: "device-7", groups: ["staff"] };
const realm = {
  authmethods: [...authMethods, "tls"],
  users: [...realmDefinition.users, device],
  sources: [...realmDefinition.sources, { usernames: "all", authmethod: "tls", cidr: "127.0.0.0/8" }],
};

/** A router with TLS, RawSocket first and behind it, on Node, WebSocket by `ws`; and one without. */
const startRouter = (): Promise<Router> =>
  createRouter(
    guarded(realm, {
      listeners: [
        { kind: "rawsocket", port: 0, tls },
        { kind: "rawsocket", port: 0 },
        ...(isBun ? [] : [{ kind: "websocket", port: 0, transport: "ws", tls } as const]),
      ],
    }),
  );

interface Place {
  readonly router: Router;
  open(client?: Partial<TlsOptions>): Promise<{ readonly wire: Wire; readonly transport: ClientTransport }>;
  /** Without TLS. */
  openPlain(): Promise<Wire>;
}

const ways = isBun ? (["rawsocket"] as const) : (["rawsocket", "websocket (ws)"] as const);

/** A test over each way and in each serializer. */
function eachWay(
  name: string,
  body: (place: Place) => Promise<void>,
  options: { readonly skip?: string } = {},
): void {
  for (const way of ways) {
    for (const serializer of Object.values(Serializer)) {
      const format = serializerName(serializer);
      test(`${way} ${format}: ${name}`, { timeout, ...options }, async () => {
        const router = await startRouter();
        const wires: Wire[] = [];
        const open = async (url: string, client: TlsOptions | null) => {
          const transport = await connectTransport({
            url,
            serializer: format,
            ...(client && { tls: client }),
          });
          const wire = new Wire(transport);
          wires.push(wire);
          return { wire, transport };
        };
        try {
          await body({
            router,
            open: (client = {}) =>
              open(router.listeners[way === "rawsocket" ? 0 : 2]!.url, { ...trust(), ...client }),
            openPlain: async () => (await open(router.listeners[1]!.url, null)).wire,
          });
        } finally {
          for (const wire of wires) wire.close();
          await router.close();
        }
      });
    }
  }
}

const noMatch = "wamp.error.no_matching_auth_method";
const byCertificate = (authid: string): Dict => ({ authid, authmethods: ["tls"] });

eachWay("[A-08] a client certificate lets in whom it names, and nobody else", async ({ open, openPlain }) => {
  const certified = shown("device-7");
  for (const authid of ["device-7", "DEVICE-7"]) {
    const { wire } = await open(certified);
    sayHello(wire, byCertificate(authid));
    const { authid: known, authrole, authmethod } = await welcomed(wire);
    assert.deepEqual(
      { known, authrole, authmethod },
      { known: "device-7", authrole: "staff", authmethod: "tls" },
    );
  }
  for (const authid of ["joe", "nobody"]) {
    const { wire } = await open(certified);
    sayHello(wire, byCertificate(authid));
    await wire.expectAbort(failed);
  }
  // None, one that an authority unknown here has signed, one that is over, and no TLS at all.
  const without: (Wire | null)[] = [(await open()).wire, await openPlain()];
  for (const subject of ["stranger", "expired"] as const) without.push(await openWith(open, subject));
  for (const wire of without) {
    if (wire === null) continue;
    sayHello(wire, byCertificate("device-7"));
    await wire.expectAbort(noMatch);
  }
});

/** Null: the connection was refused by TLS itself. */
async function openWith(open: Place["open"], subject: Subject): Promise<Wire | null> {
  try {
    return (await open(shown(subject))).wire;
  } catch {
    return null;
  }
}

/** The bytes that both ends know of the connection; null where this runtime does not tell. */
const exporterOf = (transport: ClientTransport): Buffer<ArrayBuffer> | null => {
  const id = transport.channelId?.("tls-exporter") ?? null;
  return id && Buffer.concat([id]);
};

async function exporterProblem(): Promise<string | undefined> {
  const router = await startRouter();
  try {
    const { url } = router.listeners[0]!;
    const transport = await connectTransport({ url, tls: trust() });
    const id = exporterOf(transport);
    transport.close();
    return id === null ? "this runtime does not tell a TLS connection's exporter" : undefined;
  } finally {
    await router.close();
  }
}

const problem = await exporterProblem();
const skipped = problem === undefined ? {} : { skip: problem };
const bound = (channel_binding: string | null): Dict => ({
  authid: "joe",
  authmethods: ["cryptosign"],
  authextra: { pubkey: publicKey, channel_binding },
});

async function challenge(wire: Wire, hello: Dict): Promise<Dict> {
  sayHello(wire, hello);
  const [type, , extra] = await wire.next();
  assert.equal(type, Message.challenge, JSON.stringify(extra));
  return extra as Dict;
}

eachWay(
  "[A-05 A-04] cryptosign bound to the TLS connection takes the signature of this connection only",
  async ({ open, openPlain }) => {
    const { wire, transport } = await open();
    const extra = await challenge(wire, bound("tls-exporter"));
    assert.equal(extra["channel_binding"], "tls-exporter");
    authenticate(wire, signChallenge(extra, exporterOf(transport)!));
    assert.equal((await welcomed(wire))["authid"], "joe");
    // As somebody in the middle would relay it, and as a client that forgot to bind.
    for (const other of [exporterOf(transport)!, Buffer.alloc(32)]) {
      const { wire: relayed } = await open();
      authenticate(relayed, signChallenge(await challenge(relayed, bound("tls-exporter")), other));
      await relayed.expectAbort(failed);
    }
    const refused: readonly (readonly [Wire, string])[] = [
      [await openPlain(), "tls-exporter"],
      [await openPlain(), "tls-unique"],
      [(await open()).wire, "tls-unique"],
      [(await open()).wire, "nonsense"],
    ];
    for (const [wire, type] of refused) {
      sayHello(wire, bound(type));
      await wire.expectAbort(failed, /channel.binding/);
    }
  },
  skipped,
);

eachWay(
  "[A-07] SCRAM bound to the TLS connection takes the proof of this connection only",
  async ({ open, openPlain }) => {
    const hello = { ...joesScram, authextra: { nonce: clientNonce, channel_binding: "tls-exporter" } };
    const { wire, transport } = await open();
    const { wire: other } = await open();
    const id = exporterOf(transport)!;
    for (const one of [wire, other]) {
      const extra = await challenge(one, hello);
      const gs2 = "p=tls-exporter,,";
      const { proof } = proveScram(extra, password, "joe", { nonce: clientNonce, gs2, cbind: id });
      const cbind_data = id.toString("base64");
      authenticate(one, proof, { nonce: extra["nonce"], channel_binding: "tls-exporter", cbind_data });
      if (one === wire) await welcomed(wire);
      else await other.expectAbort(failed);
    }
    const plain = await openPlain();
    sayHello(plain, hello);
    await plain.expectAbort("wamp.error.invalid_argument", /tls-exporter/);
  },
  skipped,
);

test("our client binds its logins, over RawSocket and WebSocket", { timeout, ...skipped }, async () => {
  const router = await startRouter();
  try {
    for (const { url } of router.listeners.filter(({ url }) => /^(tcps|wss):/.test(url))) {
      for (const secret of [{ secretKey: seed }, { password, methods: ["wamp-scram"] as const }]) {
        const auth = { authid: "joe", channelBinding: "tls-exporter", ...secret } as const;
        const session = await connect({ url, realm: authRealm, tls: trust(), auth });
        assert.equal(session.details["authid"], "joe");
        await session.leave();
      }
    }
  } finally {
    await router.close();
  }
});

// ---- clients of others

async function wss(task: (url: string) => Promise<void>): Promise<void> {
  const adapter = isBun ? {} : ({ transport: "ws" } as const);
  const asks = isBun ? { ...filesOf("server") } : tls;
  const router = await createRouter(
    guarded(realm, { listeners: [{ kind: "websocket", port: 0, ...adapter, tls: asks }] }),
  );
  try {
    await task(router.listeners[0]!.url);
  } finally {
    await router.close();
  }
}

test("wampy logs in over wss by WAMP-CRA and cryptosign", { timeout }, () =>
  wss(async (url) => {
    const keys = (await import("wampy/cryptosign.js" as string)) as { sign(key: string): unknown };
    for (const serializer of serializerNames) {
      for (const more of [
        {
          authmethods: ["wampcra"],
          authPlugins: { wampcra: (_: string, extra: Dict) => signCra(extra, password) },
        },
        {
          authmethods: ["cryptosign"],
          authextra: { pubkey: publicKey },
          authPlugins: { cryptosign: keys.sign(seed) },
        },
      ]) {
        const options = { authid: "joe", authMode: "auto", ...more };
        const client = await createWampy({ url, realm: authRealm, serializer, tls: trust(), more: options });
        assert.equal(((await client.connect()) as Dict)["authid"], "joe");
        await client.disconnect();
      }
    }
  }),
);

const noCertificates = isBun ? { skip: "Bun's server does not show the certificate of a client" } : {};
test("[A-08] autobahn-js logs in over wss by its certificate", { timeout, ...noCertificates }, () =>
  wss(async (url) => {
    const autobahn = await loadAutobahn();
    const join = (authid: string): Promise<unknown> =>
      new Promise((resolve) => {
        const connection = new autobahn.Connection({
          url,
          realm: authRealm,
          max_retries: 0,
          authmethods: ["tls"],
          authid,
          tlsConfiguration: { ca: trust().ca, ...shown("device-7") },
        });
        connection.onopen = (_session: unknown, details?: Dict) => {
          resolve(details?.["authid"]);
          connection.close();
        };
        connection.onclose = (_reason, details) => {
          resolve(details.reason);
          return true;
        };
        connection.open();
      });
    assert.equal(await join("device-7"), "device-7");
    assert.equal(await join("joe"), failed);
  }),
);

const python = new PythonLogins();
after(() => python.close());
const pythons = pythonProblem();
const pythonSkip = pythons === undefined ? {} : { skip: pythons };

test("autobahn-python logs in over wss by ticket, WAMP-CRA and SCRAM", { timeout, ...pythonSkip }, () =>
  wss(async (url) => {
    for (const method of ["ticket", "wampcra", "scram"] as const) {
      const wish = {
        url,
        realm: authRealm,
        serializer: "msgpack",
        method,
        authid: "joe",
        secret: password,
      } as const;
      const outcome = await python.login(wish, { ca: trust().ca });
      assert.ok("joined" in outcome, JSON.stringify(outcome));
      assert.equal(outcome.joined["authmethod"], method);
    }
  }),
);

const bindSkip = pythons ?? (isBun ? "Bun's server does not tell what a login can be bound to" : undefined);
test(
  "[A-05] autobahn-python binds cryptosign to its TLS 1.2 connection (tls-unique)",
  { timeout, ...(bindSkip === undefined ? {} : { skip: bindSkip }) },
  () =>
    wss(async (url) => {
      const wish = {
        url,
        realm: authRealm,
        serializer: "json",
        method: "cryptosign",
        authid: "joe",
        secret: seed,
      } as const;
      const authextra = { channel_binding: "tls-unique" };
      const outcome = await python.login(wish, { ca: trust().ca, tls: "1.2", authextra });
      assert.ok("joined" in outcome, JSON.stringify(outcome));
      // TLS 1.3 has no tls-unique: what was asked for cannot be had, and is refused.
      assert.deepEqual(await python.login(wish, { ca: trust().ca, authextra }), { refused: failed });
    }),
);
