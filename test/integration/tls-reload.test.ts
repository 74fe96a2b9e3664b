/** Certificates that change while the router runs: new connections get the new one, sessions go on, and a bad one is not taken. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Log } from "../../src/base/log.ts";
import { CertificateCopies } from "../support/certificate-copies.ts";
import { filesOf, type Subject } from "../support/certificates.ts";
import { nameShown, type Served, serving, session, type Way, ways } from "../support/tls-ways.ts";
import { until } from "../support/wire.ts";

class Said implements Log {
  readonly errors: string[] = [];
  error(_part: string, message: string): void {
    this.errors.push(message);
  }
  warn(): void {}
  info(): void {}
  debug(): void {}
}

/** Many reloads of one listener; a client that came before all of them is asked after each. */
async function reloading(
  way: Way,
  task: (at: {
    files: CertificateCopies;
    said: Said;
    served: Served;
    talks: () => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const files = new CertificateCopies();
  const said = new Said();
  files.put("main", "server");
  files.put("named", "one");
  try {
    const tls = { ...files.at("main"), servers: { "one.test": files.at("named") } };
    await serving(
      way,
      tls,
      async (served) => {
        const { client, session: probed } = await session(way, served);
        let count = 0;
        const talks = async (): Promise<void> => {
          const bytes = Uint8Array.of(7, ++count);
          client.send(bytes);
          assert.deepEqual(Buffer.from(await probed.frames.next()), Buffer.from(bytes));
          probed.post(bytes);
          assert.deepEqual(Buffer.from(await client.message()), Buffer.from(bytes));
        };
        await talks();
        await task({ files, said, served, talks });
      },
      { log: said },
    );
  } finally {
    files.remove();
  }
}

const seen = (port: number, servername: string): Promise<unknown> => nameShown(port, { servername });

/** Waits until a client gets this certificate. */
async function shows(port: number, wanted: Subject, servername = "localhost"): Promise<void> {
  for (let tries = 0; (await seen(port, servername)) !== wanted; tries++) {
    assert.ok(tries < 400, `clients do not get the certificate of ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

for (const way of ways) {
  const limit = { timeout: 60_000 };

  test(
    `TLS, ${way.name}: files written over or renamed over are taken, for every name, and sessions go on`,
    limit,
    () =>
      reloading(way, async ({ files, said, served, talks }) => {
        const { port } = served.listener;
        await shows(port, "server");
        await shows(port, "one", "one.test");
        files.swap("main", "renewed");
        await shows(port, "renewed");
        await shows(port, "one", "one.test");
        await talks();
        files.put("named", "wild");
        await shows(port, "wild", "one.test");
        files.put("main", "server");
        await shows(port, "server");
        await talks();
        // New sessions find everything in its place.
        await session(way, served);
        assert.deepEqual(said.errors, []);
      }),
  );

  test(
    `TLS, ${way.name}: bad files are not taken, and said to be bad; when they are good again they are`,
    limit,
    () =>
      reloading(way, async ({ files, said, served, talks }) => {
        const { port } = served.listener;
        for (const [spoil, why] of [
          [
            () => writeFileSync(files.at("main").certFile, "nothing"),
            /main\.crt holds no PEM, and no certificate/,
          ],
          [
            () => copyFileSync(filesOf("renewed").certFile, files.at("main").certFile),
            /main\.key is not the key of/,
          ],
          [() => files.swap("main", "expired"), /main\.crt has expired on /],
          [() => rmSync(files.at("main").keyFile), /main\.key: there is no such file/],
          [
            () => writeFileSync(files.at("named").keyFile, "-----BEGIN PRIVATE KEY-----\n"),
            /(main|named)\.key/,
          ],
        ] as const) {
          const before = said.errors.length;
          spoil();
          await until("it is said", () => said.errors.length > before);
          assert.match(said.errors.at(-1)!, why);
          assert.match(said.errors.at(-1)!, /^the changed certificates are not used, the old ones stay: /);
          assert.doesNotMatch(said.errors.at(-1)!, /BEGIN PRIVATE KEY-----\n/);
          await shows(port, "server");
          await talks();
        }
        files.put("named", "one");
        files.swap("main", "renewed");
        await shows(port, "renewed");
        await talks();
      }),
  );
}

test("TLS: a link that is turned to another folder is noticed, as Kubernetes changes its secrets", {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "spanwire-tls-"));
  const version = (name: string, subject: Subject): void => {
    mkdirSync(join(folder, name));
    copyFileSync(filesOf(subject).certFile, join(folder, name, "tls.crt"));
    copyFileSync(filesOf(subject).keyFile, join(folder, name, "tls.key"));
  };
  version("..1", "server");
  symlinkSync("..1", join(folder, "..data"));
  const files = { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  symlinkSync("..data/tls.crt", files.certFile);
  symlinkSync("..data/tls.key", files.keyFile);
  try {
    await serving(ways[0]!, files, async ({ listener }) => {
      await shows(listener.port, "server");
      version("..2", "renewed");
      symlinkSync("..2", join(folder, "..next"));
      renameSync(join(folder, "..next"), join(folder, "..data"));
      await shows(listener.port, "renewed");
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
