/** Certificate files: what is wrong with them is said in one line that names the file and a remedy. */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TlsOptions } from "../../src/ports.ts";
import { listenRawSocket } from "../../src/transport/rawsocket.ts";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { pairFor } from "../../src/transport/tls.ts";
import { readTlsMaterial } from "../../src/transport/tls-files.ts";
import { alternativeNames } from "../../src/transport/tls-peer.ts";
import { authorityFile, filesOf } from "../support/certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "spanwire-tls-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const written = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const good = filesOf("server");

test("what is wrong with the files of TLS is one line that names the file and says what to do", async () => {
  const key = readFileSync(good.keyFile, "utf8");
  const broken = written("broken.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const wrapped = written(
    "wrapped.key",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
  );
  const noKey = written("broken.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  const missing = join(folder, "none.crt");
  const cases: readonly [Partial<TlsOptions>, string | RegExp][] = [
    [
      { certFile: missing },
      `cannot read the certificate from ${missing}: there is no such file; check the path`,
    ],
    [{ keyFile: folder }, new RegExp(`^cannot read the key from ${folder}: EISDIR`)],
    [
      { certFile: good.keyFile },
      /server\.key holds a PEM of (EC )?PRIVATE KEY, and no certificate; name a file with /,
    ],
    [{ certFile: broken }, /^.*broken\.crt holds a certificate that cannot be read: /],
    [
      { keyFile: good.certFile },
      `${good.certFile} holds no private key; name a file with -----BEGIN PRIVATE KEY-----`,
    ],
    [
      { keyFile: wrapped },
      `${wrapped} is protected by a passphrase; store it without one, readable only for the router`,
    ],
    [{ keyFile: noKey }, /^.*broken\.key holds a private key that cannot be read: /],
    [
      { keyFile: filesOf("one").keyFile },
      /one\.key is not the key of the certificate in .*server\.crt; name the two/,
    ],
    [filesOf("expired"), /^the certificate in .*expired\.crt has expired on .* 20\d\d GMT; renew it$/],
    [
      { clientCertificate: "require" },
      /^TLS asks for client certificates, but no caFile says who signs them; name one$/,
    ],
    [{ caFile: good.keyFile }, /server\.key holds a PEM of .*, and no certificate/],
    [{ servers: { "a b": good } }, '"a b" is no server name; write it like example.com or *.example.com'],
    [{ servers: { "a.*.test": good } }, /is no server name/],
    [{ servers: { "one.test": { ...good, certFile: missing } } }, /^cannot read the certificate from /],
  ];
  const { adapter } = await selectWebSocketAdapter();
  const accept = (): null => null;
  const options = {
    frameBytes_max: 512,
    idle_ms: 0,
    handshake_ms: 1_000,
    accept,
    host: "127.0.0.1",
    port: 0,
  };
  for (const [wrong, message] of cases) {
    const tls = { ...good, ...wrong };
    assert.throws(() => readTlsMaterial(tls), { message });
    // Before anything listens.
    await assert.rejects(listenRawSocket({ ...options, tls }), { message });
    await assert.rejects(adapter.listen({ ...options, path: "/ws", deflate: false, tls }), { message });
    assert.throws(
      () => readTlsMaterial(tls),
      (cause: Error) => !cause.message.includes(key.split("\n")[1]!),
    );
  }
  assert.ok(
    readTlsMaterial({ ...good, caFile: authorityFile(), clientCertificate: "require" }).ca !== undefined,
  );
});

test("a chain behind the certificate is served, and the first certificate is the one that is checked", () => {
  const certFile = written(
    "chain.crt",
    readFileSync(good.certFile, "utf8") + readFileSync(authorityFile(), "utf8"),
  );
  const keyFile = join(folder, "chain.key");
  copyFileSync(good.keyFile, keyFile);
  assert.equal(readTlsMaterial({ certFile, keyFile }).standard.cert.match(/BEGIN/g)!.length, 2);
});

test("names are found exactly before wildcards, which stand for one label; case does not matter", () => {
  const servers = { "*.Example.com": filesOf("wild"), "www.example.com": filesOf("one"), localhost: good };
  const material = readTlsMaterial({ ...good, servers });
  for (const [name, wanted] of [
    ["WWW.example.com", "one"],
    ["a.example.COM", "wild"],
    ["a.b.example.com", "server"],
    ["example.com", "server"],
    ["*.example.com", "wild"],
    ["", "server"],
  ] as const)
    assert.equal(pairFor(material, name).certFile, filesOf(wanted).certFile, name);
});

test("the names of a certificate are read as Node writes them, quoted where they could be misread", () => {
  assert.deepEqual(alternativeNames("DNS:a.test, IP Address:127.0.0.1, URI:urn:x, email:a@b, DirName:CN=x"), [
    "a.test",
    "127.0.0.1",
    "urn:x",
    "a@b",
  ]);
  assert.deepEqual(alternativeNames('DNS:"a.test, DNS:evil.test", URI:b'), ["a.test, DNS:evil.test", "b"]);
  assert.deepEqual(alternativeNames('DNS:"a\\"b", DNS:c'), ['a"b', "c"]);
  assert.deepEqual(alternativeNames(""), []);
});
