// Keys of issuers over real HTTP: fetched once, kept, and missed without harm.
import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { KeySets } from "../../src/auth/jwks.ts";
import { fixedLimits } from "../../src/base/limits.ts";
import { KeyServer } from "../support/key-server.ts";

const key = (kid: string) => ({ kty: "EC", crv: "P-256", x: "AA", y: "AA", kid });

async function world(t: TestContext) {
  const server = new KeyServer();
  t.after(() => server.close());
  const uri = await server.listen();
  const clock = { now_ms: 1_000_000 };
  const problems: string[] = [];
  const sets = new KeySets({
    now_ms: () => clock.now_ms,
    onProblem: (from, why) => problems.push(`${from === uri ? "" : from}${why}`),
  });
  const kids = async (isMissed = false): Promise<readonly unknown[] | null> =>
    (await sets.keys(uri, isMissed))?.keys.map(({ kid }) => kid) ?? null;
  return { server, uri, clock, problems, sets, kids };
}

test("keys are fetched once for all who wait, and kept while they are fresh", async (t) => {
  const { server, clock, kids } = await world(t);
  server.serve([key("a")]);
  assert.deepEqual(await Promise.all([kids(), kids(), kids(true)]), [["a"], ["a"], ["a"]]);
  assert.equal(server.requests, 1);
  clock.now_ms += fixedLimits.jwksFresh_ms - 1;
  server.serve([key("b")]);
  assert.deepEqual(await kids(), ["a"]);
  clock.now_ms += 1;
  assert.deepEqual(await kids(), ["b"]);
  assert.equal(server.requests, 2);
});

test("a key that is missed is asked for, but not again and again", async (t) => {
  const { server, clock, kids } = await world(t);
  server.serve([key("a")]);
  await kids();
  server.serve([key("b")]);
  for (let guess = 0; guess < 5; guess++) assert.deepEqual(await kids(true), ["a"]);
  assert.equal(server.requests, 1);
  clock.now_ms += fixedLimits.jwksPause_ms;
  assert.deepEqual(await kids(true), ["b"]);
  for (let guess = 0; guess < 5; guess++) await kids(true);
  assert.equal(server.requests, 2);
});

test("where asking again fails the old keys are used, but not for ever", async (t) => {
  const { server, clock, problems, kids } = await world(t);
  server.serve([key("a")]);
  await kids();
  server.answer = (response) => response.writeHead(503).end("no");
  clock.now_ms += fixedLimits.jwksFresh_ms;
  assert.deepEqual(await kids(), ["a"]);
  assert.deepEqual(problems, ["the answer has status 503"]);
  assert.deepEqual(await kids(), ["a"]);
  assert.equal(server.requests, 2);
  clock.now_ms += fixedLimits.jwksStale_ms;
  assert.equal(await kids(), null);
  server.serve([key("b")]);
  clock.now_ms += fixedLimits.jwksPause_ms;
  assert.deepEqual(await kids(), ["b"]);
});

test("what is no set of keys, too long, or leads elsewhere counts as not fetched", async (t) => {
  const answers: ((response: import("node:http").ServerResponse) => void)[] = [
    (response) => response.end("<html>"),
    (response) => response.end("[]"),
    (response) => response.end('{"keys":{}}'),
    (response) => response.end('{"keys":[1]}'),
    (response) => response.end(`{"keys":[],"x":"${"x".repeat(fixedLimits.jwksBytes_max)}"}`),
    (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
    (response) => response.writeHead(404).end('{"keys":[]}'),
    (response) => response.destroy(),
  ];
  for (const answer of answers) {
    const { server, problems, kids } = await world(t);
    server.answer = answer;
    assert.equal(await kids(), null);
    assert.equal(problems.length, 1);
    assert.equal(server.requests, 1);
  }
});

test("an issuer that talks without end, or not at all, is given up", { timeout: 60_000 }, async (t) => {
  const endless = await world(t);
  endless.server.answer = (response) => {
    const piece = "x".repeat(64 << 10);
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on("drain", more);
    response.on("error", () => {});
    more();
  };
  assert.equal(await endless.kids(), null);
  assert.deepEqual(endless.problems, ["the answer is too long"]);
  const silent = await world(t);
  silent.server.answer = () => {};
  assert.equal(await silent.kids(), null);
  assert.equal(silent.problems.length, 1);
});

test("keys come over https, or from this machine", async () => {
  const problems: string[] = [];
  const sets = new KeySets({ now_ms: () => 0, onProblem: (_, why) => problems.push(why) });
  const uris = [
    "http://keys.example.com/",
    "http://127.0.0.1.example.com/",
    "ftp://localhost/",
    "file:///etc/passwd",
    "x",
  ];
  for (const uri of uris) assert.equal(await sets.keys(uri), null);
  assert.equal(problems.length, uris.length);
});

test("no more sets are kept than the bound says", async (t) => {
  const { server, sets, uri } = await world(t);
  server.serve([key("a")]);
  await sets.keys(uri);
  for (let other = 0; other < fixedLimits.jwksSets_max; other++) await sets.keys(`x:${other}`);
  await sets.keys(uri);
  assert.equal(server.requests, 2);
});
