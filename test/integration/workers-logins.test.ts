// Guesses at passwords over connections to several workers: they are counted together, whichever of them a connection comes to.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limits } from "../../src/base/limits.ts";
import { layFoundation } from "../../src/main/core.ts";
import { openSecured } from "../../src/main/security.ts";
import { onlyThread } from "../../src/main/thread.ts";
import type { RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { failed, roles } from "../support/auth-wire.ts";
import { signCra } from "../support/login-world.ts";
import { MemoryLinks } from "../support/memory-links.ts";
import { adapters } from "../support/router-legs.ts";
import { type Dict, until, type Wire } from "../support/wire.ts";
import { WorkersRig } from "../support/workers-rig.ts";

const timeout = 120_000;
const busy = "wamp.error.unavailable";
const password = "correct horse";
const source = (authmethod: string) => ({ usernames: "all", authmethod, cidr: "127.0.0.0/8" });
const definition = {
  uri: "realm1",
  authmethods: ["wampcra", "anonymous"],
  groups: [{ name: "staff" }],
  users: ["joe", "kim"].map((username) => ({ username, password, groups: ["staff"] })),
  sources: [source("wampcra"), { ...source("anonymous"), usernames: "anonymous" }],
};

const options = (transport: RouterOptions["transport"], limits: Partial<Limits>): RouterOptions => ({
  websocket: { port: 0 },
  realms: [],
  security: { definitions: [{ name: "test", realms: [definition] }] },
  transport: transport!,
  limits,
});

/** HELLO, and what answers it: a CHALLENGE's extra, or the reason of an ABORT. */
async function hello(rig: WorkersRig, authid: string): Promise<{ wire: Wire; answer: Dict | string }> {
  const wire = await rig.connect();
  wire.send([Message.hello, "realm1", { roles, authid, authmethods: ["wampcra"] }]);
  const [type, , second] = await wire.next();
  return { wire, answer: type === Message.challenge ? (second as Dict) : String(second) };
}

/** "welcome", or the reason of the ABORT. The connection is closed. */
async function logIn(rig: WorkersRig, authid: string, secret: string): Promise<string> {
  const { wire, answer } = await hello(rig, authid);
  if (typeof answer === "string") return answer;
  wire.send([Message.authenticate, signCra(answer, secret), {}]);
  const [type, , reason] = await wire.next();
  wire.close();
  return type === Message.welcome ? "welcome" : String(reason);
}

/** How many guesses were looked at before one was refused without. */
async function guessUntilRefused(rig: WorkersRig, names: () => string): Promise<number> {
  for (let guesses = 0; ; guesses++) {
    assert.ok(guesses < 100);
    const reason = await logIn(rig, names(), "wrong horse");
    if (reason === busy) return guesses;
    assert.equal(reason, failed);
  }
}

/** Workers at which logins failed; the first does not say that it is one. */
const failedAt = (rig: WorkersRig): ReadonlySet<unknown> =>
  new Set(
    rig.lines
      .filter(({ message }) => message === "a login failed")
      .map(({ fields }) => fields["worker"] ?? 0),
  );

for (const { name, ...skip } of adapters) {
  const facts = { timeout, ...skip };

  test(
    `${name}: failed logins under a name are counted over all workers, those of a dead one too`,
    facts,
    async () => {
      await using rig = await WorkersRig.open(2, options(name, { failedLoginsPerAuthid_max: 20 }));
      assert.equal(await guessUntilRefused(rig, () => "joe"), 20);
      await until("both have said so", () => failedAt(rig).size === 2);
      for (let tries = 0; tries < 10; tries++) assert.equal(await logIn(rig, "joe", password), busy);
      rig.commit({ place: 1, kind: "throw" });
      await until("it has died", () => rig.logged(/another takes its place/) !== undefined);
      await rig.joinAll();
      for (let tries = 0; tries < 10; tries++) assert.equal(await logIn(rig, "joe", password), busy);
      assert.equal(await logIn(rig, "kim", password), "welcome");
    },
  );

  test(
    `${name}: failed logins from an address are counted over all workers, successful ones are not`,
    facts,
    async () => {
      await using rig = await WorkersRig.open(2, options(name, { failedLoginsPerSource_max: 20 }));
      for (let logins = 0; logins < 25; logins++) assert.equal(await logIn(rig, "kim", password), "welcome");
      let names = 0;
      assert.equal(await guessUntilRefused(rig, () => `nobody ${names++}`), 20);
      for (let tries = 0; tries < 10; tries++) assert.equal(await logIn(rig, "kim", password), busy);
    },
  );

  test(`${name}: logins under way are bounded over all workers, and end with theirs`, facts, async () => {
    const limits = { logins_max: 12, handshake_ms: 60_000 };
    await using rig = await WorkersRig.open(2, options(name, limits));
    const open = async (): Promise<readonly Wire[]> => {
      const wires: Wire[] = [];
      for (;;) {
        const { wire, answer } = await hello(rig, "joe");
        if (answer === busy) return wires;
        assert.equal(typeof answer, "object", `${answer}`);
        wires.push(wire);
      }
    };
    /** As many can be opened as have been closed, once that has been noticed. */
    const openAgain = async (count: number): Promise<void> => {
      let opened = (await open()).length;
      for (const giveUp_ms = performance.now() + timeout / 4; opened < count; opened += (await open()).length)
        assert.ok(performance.now() < giveUp_ms, `${opened}`);
      assert.equal(opened, count);
    };
    const wires = await open();
    assert.equal(wires.length, 12);
    for (const wire of wires.slice(0, 5)) wire.close();
    await openAgain(5);
    rig.commit({ place: 1, kind: "throw" });
    await until("it has died", () => rig.logged(/another takes its place/) !== undefined);
    await rig.joinAll();
    const more = await open();
    assert.ok(more.length > 0);
    for (const wire of more) wire.close();
    await openAgain(more.length);
  });
}

test("of the places where key derivations wait each worker has its part, and alone it has all", async () => {
  const given: RouterOptions = { security: {}, limits: { derivations_max: 10 } };
  const salt = new Uint8Array(16);
  for (const [count, part] of [
    [1, 10],
    [4, 3],
  ] as const) {
    const links = count === 1 ? null : new MemoryLinks({ count }).end(0);
    const base = layFoundation(given, { ...onlyThread(), links });
    const secured = await openSecured(given, base, {
      call: () => Promise.reject(new Error("nobody is asked")),
    });
    const derived = Array.from({ length: 12 }, () =>
      secured.kdf.derive("password", salt, { kdf: "pbkdf2", iterations: 1_000 }),
    );
    const ends = await Promise.allSettled(derived);
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, part);
    await secured.close();
  }
});
