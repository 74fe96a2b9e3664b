import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { threadId, Worker } from "node:worker_threads";
import { createKeyDerivation } from "../../src/auth/kdf.ts";
import type { KdfParameters } from "../../src/ports.ts";
import { WampError } from "../../src/protocol/errors.ts";

const limits = { derivations_max: 8, derivationsRunning_max: 2 };
const salt = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const pbkdf2 = (iterations: number): KdfParameters => ({ kdf: "pbkdf2", iterations });
const argon2 = (iterations: number, memory: number): KdfParameters => ({
  kdf: "argon2id13",
  iterations,
  memory,
});
const refused = (uri: string) => (cause: unknown) => cause instanceof WampError && cause.uri === uri;

test("PBKDF2 with SHA-256 gives the keys of RFC 7914 and of the SHA-256 variant of RFC 6070", async () => {
  const kdf = createKeyDerivation(limits);
  const vectors: readonly (readonly [string, string, number, string])[] = [
    ["passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"],
    ["Password", "NaCl", 80_000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"],
    ["password", "salt", 1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"],
    ["password", "salt", 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"],
  ];
  for (const [password, text, iterations, key] of vectors) {
    assert.equal(hex(await kdf.derive(password, salt(text), pbkdf2(iterations))), key);
  }
  assert.equal(kdf.count, vectors.length);
  await kdf.close();
});

test("Argon2id 1.3 with one lane gives the keys of the reference implementation", async () => {
  const kdf = createKeyDerivation(limits);
  const vectors: readonly (readonly [string, number, number, string])[] = [
    ["somesalt", 2, 256, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"],
    ["somesalt", 1, 65_536, "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98"],
    ["diffsalt", 2, 65_536, "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c"],
  ];
  const keys = await Promise.all(
    vectors.map(([text, iterations, memory]) =>
      kdf.derive("password", salt(text), argon2(iterations, memory)),
    ),
  );
  assert.deepEqual(
    keys.map(hex),
    vectors.map(([, , , key]) => key),
  );
  await kdf.close();
});

for (const [name, parameters] of [
  ["PBKDF2", pbkdf2(400_000)],
  ["Argon2id", argon2(2, 65_536)],
] as const) {
  test(`the event loop goes on while ${name} derives`, async () => {
    const kdf = createKeyDerivation(limits);
    let done = false;
    let turns = 0;
    const deriving = kdf.derive("password", salt("somesalt"), parameters).then(() => {
      done = true;
    });
    while (!done) {
      await turn();
      turns++;
    }
    await deriving;
    // On the caller's own thread the promise would be settled in the first turns.
    assert.ok(turns > 20, `${turns} turns`);
    await kdf.close();
  });
}

test("keys are derived in a thread of their own", async () => {
  const worker = new Worker(new URL("../../src/auth/kdf-worker.js", import.meta.url));
  const answer = await new Promise<unknown>((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
    worker.postMessage({ id: 1, password: "password", salt: salt("somesalt"), parameters: argon2(2, 256) });
  });
  assert.ok(typeof answer === "object" && answer !== null && "key" in answer);
  assert.notEqual(worker.threadId, threadId);
  worker.postMessage({ id: 2, password: "password", salt: salt("short"), parameters: argon2(2, 256) });
  const failed = await new Promise<unknown>((resolve) => worker.once("message", resolve));
  assert.ok(typeof failed === "object" && failed !== null && "problem" in failed);
  await worker.terminate();
});

test("beyond derivations_max a derivation is refused with wamp.error.unavailable and not counted", async () => {
  const kdf = createKeyDerivation({ derivations_max: 3, derivationsRunning_max: 1 });
  const three = ["a", "b", "c"].map((password) => kdf.derive(password, salt("salt"), pbkdf2(1_000)));
  await assert.rejects(kdf.derive("d", salt("salt"), pbkdf2(1_000)), refused("wamp.error.unavailable"));
  assert.equal(new Set((await Promise.all(three)).map(hex)).size, 3);
  assert.equal(kdf.count, 3);
  await kdf.derive("d", salt("salt"), pbkdf2(1));
  await kdf.close();
});

test("one failed derivation fails alone", async () => {
  const kdf = createKeyDerivation(limits);
  const short = kdf.derive("password", salt("short"), argon2(2, 256));
  const good = kdf.derive("password", salt("somesalt"), argon2(2, 256));
  await assert.rejects(short, /derivation failed/);
  assert.equal((await good).length, 32);
  await kdf.close();
});

test("parameters that are none, or cost too much, are refused before anything is derived", async () => {
  const kdf = createKeyDerivation(limits);
  const wrong: KdfParameters[] = [
    pbkdf2(0),
    pbkdf2(1.5),
    pbkdf2(1e9),
    argon2(1, 4),
    argon2(1, 1e9),
    argon2(1e6, 64),
    // Records come from files; a wrong name there must not become some function.
    { kdf: "md5", iterations: 1 } as unknown as KdfParameters,
  ];
  for (const parameters of wrong) {
    await assert.rejects(
      kdf.derive("x", salt("somesalt"), parameters),
      refused("wamp.error.invalid_argument"),
    );
  }
  assert.equal(kdf.count, 0);
  await kdf.close();
});

test("closing refuses what waits and what comes later", async () => {
  const kdf = createKeyDerivation({ derivations_max: 8, derivationsRunning_max: 1 });
  const running = kdf.derive("a", salt("somesalt"), argon2(2, 65_536));
  const waiting = kdf.derive("b", salt("somesalt"), pbkdf2(1));
  const outcomes = Promise.allSettled([running, waiting]);
  await kdf.close();
  for (const { status } of await outcomes) assert.equal(status, "rejected");
  await assert.rejects(kdf.derive("c", salt("salt"), pbkdf2(1)), refused("wamp.error.unavailable"));
});

test("a process waits for its derivations, and ends after them although nobody closes", () => {
  const module = new URL("../../src/auth/kdf.js", import.meta.url).href;
  const program = `
    const { createKeyDerivation } = await import(${JSON.stringify(module)});
    const kdf = createKeyDerivation({ derivations_max: 8, derivationsRunning_max: 2 });
    const parameters = { kdf: "argon2id13", iterations: 2, memory: 256 };
    const key = await kdf.derive("password", new TextEncoder().encode("somesalt"), parameters);
    console.log(Buffer.from(key).toString("hex").slice(0, 8));`;
  const options = { encoding: "utf8", timeout: 60_000 } as const;
  const language = process.versions["bun"] === undefined ? ["--input-type=module"] : [];
  const run = spawnSync(process.execPath, [...language, "-e", program], options);
  assert.equal(run.stdout.trim(), "9dfeb910", run.stderr);
  assert.equal(run.status, 0);
});
