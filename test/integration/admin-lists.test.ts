/** Lists of the admin procedures with thousands of entries, and sessions that are ended by the thousand: over several turns, and whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import { createRouter } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { type AdminRig, adminRig, administrators, master, passwordOf } from "../support/admin-rig.ts";
import type { Dict, Wire } from "../support/wire.ts";

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const count = 1_500;

/** Calls, and counts the turns until the answer is there. */
async function listed(wire: Wire, uri: string, ...args: readonly unknown[]): Promise<[Dict[], number]> {
  wire.call(uri, {}, args);
  let turns = 0;
  for (; wire.arrivedCount === 0; turns++) await turn();
  const answer = await wire.next();
  assert.equal(answer[0], Message.result, JSON.stringify(answer).slice(0, 300));
  return [(answer[3] as [Dict[]])[0], turns];
}

/** Each entry takes twelve steps at least, and a turn 4,096. */
const least = Math.floor((count * 12) / 4_096);

async function populate({ security }: AdminRig): Promise<void> {
  for (let i = 0; i < count; i++) {
    await security.addUser("com.a", { username: `user${i}`, meta: { number: i } });
    await security.addGroup("com.a", { name: `group${i}` });
    await security.grant("com.a", {
      permissions: ["wamp.call"],
      uri: `com.p${i}`,
      match: "exact",
      roles: ["user/user0"],
    });
    await security.addSource("com.a", {
      usernames: [`user${i % 2 === 0 ? i : 1}`],
      authmethod: "password",
      cidr: `10.${i >> 8}.${i & 255}.0/${24 + (i % 8)}`,
    });
  }
}

const namesOf = (entries: readonly Dict[], key: string): string[] =>
  entries.map((entry) => String(entry[key]).replace(/\D/g, "")).filter((name) => name !== "");

test("lists of thousands of records are whole, and take several turns", async () => {
  await using rig = await adminRig();
  await populate(rig);
  const { boss } = await administrators(rig);
  const all = Array.from({ length: count }, (_, i) => String(i));
  const cases: readonly [uri: string, key: string, ...args: unknown[]][] = [
    ["bondy.user.list", "username", "com.a"],
    ["bondy.group.list", "name", "com.a"],
    ["bondy.grant.list", "uri", "com.a"],
    ["bondy.user.grants", "uri", "com.a", "user0"],
  ];
  for (const [uri, key, ...args] of cases) {
    const [entries, turns] = await listed(boss, uri, ...args);
    assert.deepEqual(namesOf(entries, key).sort(), [...all].sort(), uri);
    assert.ok(turns >= least, `${uri}: ${turns} turns`);
  }
  const [sources, turns] = await listed(boss, "bondy.source.match", "com.a", "user1");
  assert.ok(turns >= 1);
  const bits = sources.map(({ cidr }) => Number(String(cidr).split("/")[1]));
  assert.equal(bits.length, count / 2);
  assert.deepEqual(
    bits,
    [...bits].sort((a, b) => b - a),
  );
});

test("sessions and what they hold are listed over several turns, and ended so", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const wires: Wire[] = [];
  for (let i = 0; i < count; i++) wires.push(await rig.join("com.a", "plain"));
  for (const [i, wire] of wires.entries()) {
    wire.send([Message.subscribe, 1, {}, `com.topic${i}`]);
    wire.send([Message.subscribe, 2, {}, "com.all"]);
  }
  for (const wire of wires) for (let i = 0; i < 2; i++) await wire.next();
  const ids = new Set(wires.map(({ id }) => id));
  const [sessions, sessionTurns] = await listed(boss, "bondy.session.list", "com.a");
  assert.ok(sessionTurns >= least, `${sessionTurns} turns`);
  assert.deepEqual(new Set(sessions.map(({ session }) => session)), new Set([...ids, boss.id]));
  const [held, heldTurns] = await listed(boss, "bondy.registry.list", "com.a");
  assert.ok(heldTurns >= least, `${heldTurns} turns`);
  assert.equal(held.length, 2 * count);
  const ofAll = held.filter(({ uri }) => uri === "com.all").map(({ session }) => session);
  assert.deepEqual(new Set(ofAll), ids);
  const kill = boss.call("bondy.session.kill_by_authid", {}, ["com.a", "plain"]);
  const worst = await worstFall(() => rig.router.stats().sessions, 2);
  assert.ok(worst <= 300, `${worst} sessions ended in one turn`);
  const [type, request, , [killed]] = (await boss.next()) as [number, number, object, [number[]]];
  assert.deepEqual([type, request, new Set(killed)], [Message.result, kill, ids]);
});

/** Lets turns pass until the number is as small; by how much it fell in one of them at most. */
async function worstFall(number: () => number, atLast: number): Promise<number> {
  let worst = 0;
  for (let before = number(); before > atLast; ) {
    await turn();
    const now = number();
    worst = Math.max(worst, before - now);
    before = now;
  }
  return worst;
}

test("the sessions of a realm that is deleted end over several turns", async () => {
  await using router = await createRouter({
    log: silentLog,
    security: {
      administrator: { password: passwordOf("admin") },
      definitions: [
        { name: "test", realms: [{ uri: "com.a", security_enabled: false, authmethods: ["anonymous"] }] },
      ],
    },
  });
  const admin = await router.session(master);
  for (let i = 0; i < count; i++) await router.session("com.a");
  await admin.call("bondy.realm.delete", ["com.a"], { force: true });
  const worst = await worstFall(() => router.stats().sessions, 1);
  assert.ok(worst <= 300, `${worst} sessions ended in one turn`);
});
