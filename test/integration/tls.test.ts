/** TLS of every listener: which certificate a client gets, what is refused, and what a session learns of the connection. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect as connectSocket } from "node:net";
import { test } from "node:test";
import { needsOf, selectWebSocketAdapter } from "../../src/transport/select.ts";
import { authorityFile, filesOf, shown, trust } from "../support/certificates.ts";
import { adapters } from "../support/router-legs.ts";
import { handshake, nameShown, serving, session, type Way, ways } from "../support/tls-ways.ts";
import type { ProbeSession } from "../support/transport-probe.ts";

const onBun = process.versions["bun"] !== undefined;

for (const way of ways) {
  const name = (text: string): string => `TLS, ${way.name}: ${text}`;
  const limit = { timeout: 60_000 };

  test(
    name("a client that asks for a name gets that name's certificate, any other the default one"),
    limit,
    () => {
      const servers = { "one.test": filesOf("one"), "*.wild.test": filesOf("wild") };
      return serving(way, { servers }, async (served) => {
        const { port, url } = served.listener;
        assert.match(url, /^(wss:\/\/127\.0\.0\.1:\d+\/ws|tcps:\/\/127\.0\.0\.1:\d+)$/);
        for (const [asked, wanted] of [
          ["one.test", "one"],
          ["a.wild.test", "wild"],
          ["wild.test", "server"],
          ["a.b.wild.test", "server"],
          ["other.test", "server"],
          ["", "server"],
        ] as const)
          assert.equal(await nameShown(port, { servername: asked }), wanted, asked);
        // The routes are there whatever the name.
        for (const servername of ["one.test", "a.wild.test", "localhost"])
          await session(way, served, { servername });
      });
    },
  );

  test(name("versions before TLS 1.2 are refused, and 1.2 too where 1.3 is asked for"), limit, async () => {
    const versions = async (port: number): Promise<unknown[]> => {
      const found: unknown[] = [];
      for (const version of ["TLSv1.1", "TLSv1.2", "TLSv1.3"] as const) {
        const ciphers = "DEFAULT@SECLEVEL=0";
        const only = { minVersion: version, maxVersion: version, ...(onBun ? {} : { ciphers }) };
        const socket = await handshake(port, only);
        found.push(typeof socket === "string" ? "refused" : socket.getProtocol());
        if (typeof socket !== "string") socket.destroy();
      }
      return found;
    };
    await serving(way, {}, async ({ listener }) => {
      assert.deepEqual(await versions(listener.port), ["refused", "TLSv1.2", "TLSv1.3"]);
    });
    if (!way.capabilities.tlsVersions) return;
    await serving(way, { minVersion: "TLSv1.3" }, async ({ listener }) => {
      assert.deepEqual(await versions(listener.port), ["refused", "refused", "TLSv1.3"]);
    });
  });

  test(name("who speaks no TLS, or half of it, is let go and harms nobody"), limit, () =>
    serving(
      way,
      {},
      async (served) => {
        const { port } = served.listener;
        const ended = (first: Uint8Array): Promise<Buffer> => {
          const socket = connectSocket({ port, host: "127.0.0.1" });
          const pieces: Buffer[] = [];
          socket.on("error", () => {});
          socket.on("data", (piece: Buffer) => pieces.push(piece));
          socket.write(first);
          return new Promise((resolve) => socket.on("close", () => resolve(Buffer.concat(pieces))));
        };
        const answers = await Promise.all([
          ended(Buffer.from("GET /ws HTTP/1.1\r\nhost: x\r\n\r\n")),
          ended(Buffer.from([0x16, 3, 1, 2, 0, 1])),
          ended(Buffer.from([0x7f, 0xf1, 0, 0])),
          ended(Buffer.alloc(2_000, 0x16)),
        ]);
        for (const answer of answers) assert.ok(answer.length <= 7, "an alert at most");
        assert.equal(served.probe.sessions.pending, 0);
        await session(way, served);
      },
      { handshake_ms: 500 },
    ),
  );

  if (!way.capabilities.clientCertificates) {
    test(name("a session learns nothing of the connection that it cannot know"), limit, () =>
      serving(way, {}, async (served) => {
        const { session: probed } = await session(way, served);
        assert.equal(probed.connection.info.tls, undefined);
      }),
    );
    continue;
  }
  certificateTests(way, (text) => name(text));
}

function certificateTests(way: Way, name: (text: string) => string): void {
  const limit = { timeout: 60_000 };
  const caFile = authorityFile();

  test(name("a client certificate is shown to the session if the authority signed it"), limit, () =>
    serving(way, { caFile, clientCertificate: "request" }, async (served) => {
      const { session: known } = await session(way, served, shown("device-7"));
      const { certificate } = known.connection.info.tls!;
      assert.equal(certificate!.commonName, "device-7");
      assert.match(certificate!.fingerprint, /^[0-9a-f]{64}$/);
      assert.deepEqual([...certificate!.names].sort(), [
        "device-7.test",
        "seven@device.test",
        "urn:device:7",
      ]);
      assert.ok(certificate!.validTo_ms > Date.now());
      for (const tls of [{}, shown("stranger")]) {
        const { session: unknown } = await session(way, served, tls);
        assert.equal(unknown.connection.info.tls!.certificate, undefined);
      }
    }),
  );

  test(name("where a client certificate is required nobody comes in without a good one"), limit, () =>
    serving(way, { caFile, clientCertificate: "require" }, async (served) => {
      for (const tls of [{}, shown("stranger"), shown("expired")])
        await assert.rejects(way.connect(served.listener.port, { ...trust(), ...tls }));
      assert.equal(served.probe.sessions.pending, 0);
      const { session: known } = await session(way, served, shown("device-7"));
      assert.equal(known.connection.info.tls!.certificate!.commonName, "device-7");
    }),
  );

  test(
    name("both ends of a TLS 1.3 connection have the same exported channel id, and no other connection has"),
    limit,
    () =>
      serving(way, {}, async (served) => {
        const ids = new Set<string>();
        for (let i = 0; i < 2; i++) {
          const { socket, session: probed } = await session(way, served);
          const mine = socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
          const theirs = probed.connection.info.tls!;
          assert.deepEqual(Buffer.from(theirs.channelId("tls-exporter")!), Buffer.from(mine));
          assert.equal(theirs.channelId("tls-unique"), null);
          ids.add(mine.toString("hex"));
        }
        assert.equal(ids.size, 2);
      }),
  );

  test(name("below TLS 1.3 the channel id is the first Finished, whoever sent it"), limit, () =>
    serving(way, {}, async (served) => {
      const old = { maxVersion: "TLSv1.2" } as const;
      const hashed = (finished: Buffer | undefined): string =>
        createHash("sha256").update(finished!).digest("hex");
      const first = await session(way, served, old);
      const idOf = (probed: ProbeSession): string =>
        Buffer.from(probed.connection.info.tls!.channelId("tls-unique")!).toString("hex");
      assert.equal(idOf(first.session), hashed(first.socket.getFinished()));
      assert.equal(first.session.connection.info.tls!.channelId("tls-exporter"), null);
      const again = await session(way, served, { ...old, session: first.socket.getSession()! });
      const resumed = again.socket.isSessionReused();
      assert.equal(resumed, true);
      assert.equal(idOf(again.session), hashed(again.socket.getPeerFinished()));
    }),
  );

  test(name("connections that shake hands count among those that the listener may hold"), limit, () =>
    serving(
      way,
      {},
      async (served) => {
        const { port } = served.listener;
        const idle = [0, 1].map(() => connectSocket({ port, host: "127.0.0.1" }).on("error", () => {}));
        await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
        assert.equal(typeof (await handshake(port)), "string");
        for (const socket of idle) socket.destroy();
        for (;;) {
          const socket = await handshake(port);
          if (typeof socket !== "string") return void socket.destroy();
        }
      },
      { connections_max: 2 },
    ),
  );
}

test("where the fast adapter cannot do what TLS is told to, ws serves or the refusal says what to do", async () => {
  const files = filesOf("server");
  const request = needsOf({ tls: { ...files, caFile: authorityFile(), clientCertificate: "request" } });
  assert.deepEqual(request, { universalPort: false, clientCertificate: true, onlyTls13: false });
  const only13 = needsOf({ tls: { ...files, minVersion: "TLSv1.3" } });
  if (onBun) {
    await assert.rejects(
      selectWebSocketAdapter(undefined, request),
      /^Error: WebSocket clients cannot be asked for certificates: Bun's server .*; run Node, or ask .* RawSocket over TLS only$/,
    );
    assert.equal((await selectWebSocketAdapter(undefined, only13)).adapter.name, "bun");
    return;
  }
  for (const needs of [request, only13]) {
    const { adapter, notice } = await selectWebSocketAdapter(undefined, needs);
    assert.equal(adapter.name, "ws");
    assert.match(notice!, /^WebSocket is served by the slower ws package: .*\.\nFor the fast one, .*\.$/);
    if (adapters.some(({ name, skip }) => name === "uws" && skip === undefined))
      await assert.rejects(
        selectWebSocketAdapter("uws", needs),
        /: the uws adapter .*; choose the ws adapter, or .*$/,
      );
  }
});
