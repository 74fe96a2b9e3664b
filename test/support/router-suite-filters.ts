/** Who may receive an event: the six lists of PUBLISH.Options, alone and together, and the publisher's own exclusion on top. */
import assert from "node:assert/strict";
import type { Suite, World } from "./router-suite.ts";
import type { Dict, Wire } from "./wire.ts";

export function filterSuite(suite: Suite): void {
  single(suite);
  combined(suite);
}

interface Cast {
  readonly publisher: Wire;
  /** alice and bob have the role staff, carol has the role guest; dave is an ordinary client of the leg. */
  readonly alice: Wire;
  readonly bob: Wire;
  readonly carol: Wire;
  readonly dave: Wire;
}

async function cast(world: World): Promise<Cast> {
  const people = {
    publisher: await world.joinAs({ authid: "pub", authrole: "press" }),
    alice: await world.joinAs({ authid: "alice", authrole: "staff" }),
    bob: await world.joinAs({ authid: "bob", authrole: "staff" }),
    carol: await world.joinAs({ authid: "carol", authrole: "guest" }),
    dave: await world.join(),
  };
  for (const wire of Object.values(people)) await wire.subscribe("com.a");
  return people;
}

/** Publishes, and returns who received it: exactly those, since the others are asked for what they have. */
async function receivers(people: Cast, options: Dict): Promise<string[]> {
  const publication = await people.publisher.publish("com.a", options);
  const names: string[] = [];
  for (const [name, wire] of Object.entries(people) as [string, Wire][]) {
    const request = wire.request();
    wire.send([34, request, 2 ** 53]);
    for (let message = await wire.next(); message[0] !== 8; message = await wire.next()) {
      assert.deepEqual(message.slice(0, 3), [36, message[1], publication]);
      names.push(name);
    }
  }
  return names;
}

const everyone = ["alice", "bob", "carol", "dave"];

function single(suite: Suite): void {
  suite.test(
    "[P-01] exclude keeps an event from the sessions it names, and an empty or unknown one from nobody",
    async (world) => {
      const people = await cast(world);
      const { alice, dave } = people;
      assert.deepEqual(await receivers(people, {}), everyone);
      assert.deepEqual(await receivers(people, { exclude: [] }), everyone);
      assert.deepEqual(await receivers(people, { exclude: [alice.id, dave.id, alice.id] }), ["bob", "carol"]);
      assert.deepEqual(await receivers(people, { exclude: [1, 2, 3] }), everyone);
    },
  );

  suite.test(
    "[P-01] eligible lets an event go to the sessions it names only, and an empty one to nobody",
    async (world) => {
      const people = await cast(world);
      const { alice, dave } = people;
      assert.deepEqual(await receivers(people, { eligible: [dave.id, alice.id, 7] }), ["alice", "dave"]);
      assert.deepEqual(await receivers(people, { eligible: [] }), []);
      assert.deepEqual(await receivers(people, { eligible: [1] }), []);
    },
  );

  suite.test("[P-01] exclude_authid and eligible_authid go by authid", async (world) => {
    const people = await cast(world);
    assert.deepEqual(await receivers(people, { exclude_authid: ["bob", people.dave.authid] }), [
      "alice",
      "carol",
    ]);
    assert.deepEqual(await receivers(people, { exclude_authid: [] }), everyone);
    assert.deepEqual(await receivers(people, { eligible_authid: ["bob", "nobody"] }), ["bob"]);
    assert.deepEqual(await receivers(people, { eligible_authid: [] }), []);
    assert.deepEqual(await receivers(people, { eligible_authid: ["Bob", "bo", ""] }), []);
  });

  suite.test("[P-01] exclude_authrole and eligible_authrole go by authrole", async (world) => {
    const people = await cast(world);
    assert.deepEqual(await receivers(people, { exclude_authrole: ["staff"] }), ["carol", "dave"]);
    assert.deepEqual(await receivers(people, { exclude_authrole: [] }), everyone);
    assert.deepEqual(await receivers(people, { eligible_authrole: ["staff", people.dave.authrole] }), [
      "alice",
      "bob",
      "dave",
    ]);
    assert.deepEqual(await receivers(people, { eligible_authrole: [] }), []);
  });
}

function combined(suite: Suite): void {
  suite.test("[P-01] a receiver must be in every eligible list that is given", async (world) => {
    const people = await cast(world);
    const { alice, carol } = people;
    assert.deepEqual(
      await receivers(people, { eligible: [alice.id, carol.id], eligible_authrole: ["staff"] }),
      ["alice"],
    );
    assert.deepEqual(
      await receivers(people, { eligible_authid: ["alice", "carol"], eligible_authrole: ["guest"] }),
      ["carol"],
    );
    assert.deepEqual(await receivers(people, { eligible: [alice.id], eligible_authid: ["bob"] }), []);
    assert.deepEqual(await receivers(people, { eligible: [], eligible_authrole: ["staff"] }), []);
  });

  suite.test("[P-01] a receiver must be in no exclude list, also where it is eligible", async (world) => {
    const people = await cast(world);
    const { alice, bob } = people;
    assert.deepEqual(await receivers(people, { eligible_authrole: ["staff"], exclude: [alice.id] }), ["bob"]);
    assert.deepEqual(
      await receivers(people, { eligible: [alice.id, bob.id], exclude_authid: ["alice", "bob"] }),
      [],
    );
    assert.deepEqual(
      await receivers(people, { exclude: [alice.id], exclude_authid: ["bob"], exclude_authrole: ["guest"] }),
      ["dave"],
    );
    const all = {
      exclude: [1],
      exclude_authid: ["nobody"],
      exclude_authrole: ["none"],
      eligible: [alice.id, bob.id],
      eligible_authid: ["bob", "carol"],
      eligible_authrole: ["staff"],
    };
    assert.deepEqual(await receivers(people, all), ["bob"]);
  });

  suite.test(
    "[P-01 P-02] the publisher is excluded even where it is eligible, unless exclude_me is false",
    async (world) => {
      const people = await cast(world);
      const { publisher, alice } = people;
      const lists = { eligible: [publisher.id, alice.id] };
      assert.deepEqual(await receivers(people, lists), ["alice"]);
      publisher.send([16, publisher.request(), { ...lists, exclude_me: false }, "com.a"]);
      assert.equal((await publisher.event()).payload.length, 0);
      assert.equal((await alice.event()).payload.length, 0);
      publisher.send([16, publisher.request(), { exclude: [publisher.id], exclude_me: false }, "com.a"]);
      await publisher.expectQuiet();
    },
  );

  suite.test("[P-01 P-05] lists hold for pattern subscriptions too, and may be long", async (world) => {
    const [publisher, wire, other] = [await world.join(), await world.join(), await world.join()];
    for (const receiver of [wire, other]) {
      await receiver.subscribe("com", { match: "prefix" });
      await receiver.subscribe("com.", { match: "wildcard" });
    }
    const many = Array.from({ length: 5_000 }, (_, i) => i + 1);
    await publisher.publish("com.a", { exclude: [...many, wire.id] });
    await wire.expectQuiet();
    assert.deepEqual((await other.event()).details, { topic: "com.a" });
    assert.deepEqual((await other.event()).details, { topic: "com.a" });
    await publisher.publish("com.a", { eligible: [...many, wire.id] });
    await other.expectQuiet();
    assert.equal((await wire.event()).publication, (await wire.event()).publication);
  });
}
