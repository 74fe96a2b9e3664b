// Several threads of one router that fail at one time: what their sessions had ends everywhere, once, and whoever is left is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../src/protocol/messages.ts";
import { resultOf, Watcher } from "../support/meta-calls.ts";
import { adapters } from "../support/router-legs.ts";
import { until, type Wire } from "../support/wire.ts";
import { WorkersRig } from "../support/workers-rig.ts";

const timeout = 120_000;
const workers = 3;
const listen = { websocket: { port: 0 } };
const died = (rig: WorkersRig): number =>
  rig.lines.filter(({ message }) => /another takes its place/.test(message)).length;

const topicOf = (wire: Wire): string => `com.example.topic.${wire.id}`;
const procedureOf = (wire: Wire): string => `com.example.proc.${wire.id}`;
const shared = "com.example.shared";

/** The next EVENT. Calls whose callers died may have been interrupted before. */
async function eventOf(callee: Wire): Promise<{ readonly payload: readonly unknown[] }> {
  for (;;) {
    const [type, , , , ...payload] = await callee.next();
    if (type === Message.event) return { payload };
    assert.equal(type, Message.interrupt);
  }
}

/** Calls of each caller to each callee, at one time. */
const callsOfEach = 5;

/** Sessions at each worker: some are called and subscribed, some call. */
class Crowd {
  readonly callees: readonly Wire[];
  readonly callers: readonly Wire[];
  /** By caller: its requests, and whom each calls. */
  readonly #requests = new Map<Wire, Map<number, Wire>>();

  private constructor(callees: readonly Wire[], callers: readonly Wire[]) {
    this.callees = callees;
    this.callers = callers;
  }

  /** All calls have reached their callees, and wait. */
  static async of(rig: WorkersRig): Promise<Crowd> {
    const crowd = new Crowd(await rig.joinAll(), await rig.joinAll());
    for (const callee of crowd.callees) {
      await callee.subscribe(topicOf(callee));
      await callee.subscribe(shared);
      await callee.register(procedureOf(callee));
    }
    for (const caller of crowd.callers) {
      const requests = new Map<number, Wire>();
      crowd.#requests.set(caller, requests);
      for (let call = 0; call < callsOfEach; call++)
        for (const callee of crowd.callees) requests.set(caller.call(procedureOf(callee)), callee);
    }
    return crowd;
  }

  /** Takes the invocations that have come to a callee, and answers none. */
  async invoked(callee: Wire): Promise<readonly number[]> {
    const requests: number[] = [];
    while (requests.length < callsOfEach * workers) requests.push((await callee.invocation()).request);
    return requests;
  }

  /** Each call of this caller ends once: by ERROR where its callee is among the dead, by RESULT where it is not. */
  async assertAnswered(caller: Wire, dead: readonly Wire[]): Promise<void> {
    const waiting = this.#requests.get(caller)!;
    while (waiting.size > 0) {
      const message = await caller.next();
      const isError = message[0] === Message.error;
      const request = (isError ? message[2] : message[1]) as number;
      const callee = waiting.get(request);
      assert.ok(
        callee !== undefined && waiting.delete(request),
        `a second answer: ${JSON.stringify(message)}`,
      );
      if (isError) assert.equal(message[4], "wamp.error.canceled");
      assert.equal(isError, dead.includes(callee), JSON.stringify(message));
    }
    await caller.expectQuiet();
  }
}

/** Its connection ends. What came before is answers to calls. */
async function assertEnds(wire: Wire): Promise<void> {
  for (;;) {
    let message: unknown[];
    try {
      message = await wire.next();
    } catch (cause) {
      assert.match(String(cause), /closed/);
      return;
    }
    const may: readonly unknown[] = [Message.error, Message.goodbye, Message.interrupt];
    assert.ok(may.includes(message[0]), JSON.stringify(message));
  }
}

/** Nothing is left of the dead, whoever asks; the names that they had are free, and serve all. */
async function assertGone(rig: WorkersRig, dead: readonly Wire[]): Promise<void> {
  const wires = await rig.joinAll();
  for (const gone of dead)
    for (const wire of wires) {
      assert.equal(await resultOf(wire, "wamp.subscription.lookup", [topicOf(gone)]), null);
      assert.equal(await resultOf(wire, "wamp.registration.lookup", [procedureOf(gone)]), null);
    }
  for (const [place, gone] of dead.entries()) {
    const callee = wires[place]!;
    await callee.subscribe(topicOf(gone));
    await callee.register(procedureOf(gone));
    for (const wire of wires) {
      if (wire === callee) continue;
      const request = wire.call(procedureOf(gone));
      callee.yield((await callee.invocation()).request, {}, [wire.id]);
      await wire.expect([Message.result, request, {}, [wire.id]]);
      await wire.publish(topicOf(gone), {}, [wire.id]);
      assert.deepEqual((await callee.event()).payload, [[wire.id]]);
    }
  }
}

for (const { name, ...skip } of adapters) {
  const facts = { timeout, ...skip };
  const options = { ...listen, transport: name };

  test(`${name}: what ends with a worker is told to those who listen at the others`, facts, async () => {
    await using rig = await WorkersRig.open(workers, options);
    const [first, second, third] = await rig.joinAll();
    const [topic, shared, procedure] = ["com.example.topic", "com.example.shared", "com.example.proc"];
    const own = await second!.subscribe(topic);
    const both = await second!.subscribe(shared);
    assert.equal(await third!.subscribe(shared), both);
    const registration = await second!.register(procedure);
    const events = ["subscription.on_delete", "registration.on_unregister", "registration.on_delete"];
    const watchers = await Promise.all(
      [first!, third!].map((wire) => Watcher.of(wire, ...events.map((event) => `wamp.${event}`))),
    );
    rig.commit({ place: 1, kind: "throw" });
    for (const watcher of watchers)
      await watcher.expect(
        ["wamp.registration.on_unregister", [second!.id, registration]],
        ["wamp.registration.on_delete", [second!.id, registration]],
        // Who was subscribed there, nobody knows any more.
        ["wamp.subscription.on_delete", [0, own]],
      );
    await third!.unsubscribe(both);
    for (const watcher of watchers) await watcher.expect(["wamp.subscription.on_delete", [third!.id, both]]);
  });

  test(`${name}: they are told where nobody has joined the realm at the first worker`, facts, async () => {
    const realm = (uri: string) => ({
      uri,
      authmethods: ["anonymous"],
      sources: [{ usernames: "anonymous", authmethod: "anonymous", cidr: "127.0.0.0/8" }],
      grants: [
        { permissions: ["wamp.subscribe", "wamp.register"], uri: "", match: "prefix", roles: "anonymous" },
      ],
    });
    const definitions = [{ name: "test", realms: [realm("realm1"), realm("com.example.elsewhere")] }];
    await using rig = await WorkersRig.open(workers, { ...options, realms: [], security: { definitions } });
    const [, second, third] = await rig.joinAll();
    for (const wire of [second!, third!]) {
      await wire.leave();
      await wire.join({ realm: "com.example.elsewhere" });
    }
    assert.ok(!rig.router.realms.includes("com.example.elsewhere"));
    const events = ["registration.on_unregister", "registration.on_delete", "subscription.on_delete"];
    const watcher = await Watcher.of(third!, ...events.map((event) => `wamp.${event}`));
    const subscription = await second!.subscribe("com.example.topic");
    const registration = await second!.register("com.example.proc");
    rig.commit({ place: 1, kind: "throw" });
    await watcher.expect(
      ["wamp.registration.on_unregister", [second!.id, registration]],
      ["wamp.registration.on_delete", [second!.id, registration]],
      ["wamp.subscription.on_delete", [0, subscription]],
    );
  });

  test(
    `${name}: two workers of three die at one time: each call that is left ends once, and nothing of theirs stays`,
    facts,
    async () => {
      await using rig = await WorkersRig.open(workers, options);
      for (let round = 1; round <= 2; round++) {
        const crowd = await Crowd.of(rig);
        const [callee, ...dead] = crowd.callees;
        const invocations = await Promise.all(crowd.callees.map((each) => crowd.invoked(each)));
        for (const place of round === 1 ? [1, 2] : [2, 1]) rig.commit({ place, kind: "throw" });
        for (const wire of [...dead, ...crowd.callers.slice(1)]) await assertEnds(wire);
        for (const request of invocations[0]!) callee!.yield(request, {}, ["here"]);
        await crowd.assertAnswered(crowd.callers[0]!, dead);
        await until("both have died", () => died(rig) === 2 * round);
        await assertGone(rig, dead);
        await crowd.callers[0]!.publish(shared, {}, ["still"]);
        assert.deepEqual((await eventOf(callee!)).payload, [["still"]]);
        callee!.close();
      }
    },
  );

  // The first thread's exception comes before the other one's, while that ends, or while another is being made in its place.
  for (const moment of [/./, /a worker has failed/, /another takes its place/])
    test(
      `${name}: an exception in the first thread, and a worker that dies at the same time (${moment.source})`,
      facts,
      async () => {
        await using rig = await WorkersRig.open(workers, options);
        const crowd = await Crowd.of(rig);
        const [first, second, callee] = crowd.callees;
        const invocations = await Promise.all(crowd.callees.map((each) => crowd.invoked(each)));
        rig.commit({ place: 1, kind: "throw" });
        if (moment.source !== ".") await until("its moment", () => rig.logged(moment) !== undefined);
        rig.router.fault(new Error("nothing caught it"));
        for (const wire of [first!, second!, ...crowd.callers.slice(0, 2)]) await assertEnds(wire);
        for (const request of invocations[2]!) callee!.yield(request, {}, ["here"]);
        await crowd.assertAnswered(crowd.callers[2]!, [first!, second!]);
        await until("it has died", () => died(rig) === 1);
        await assertGone(rig, [first!, second!]);
        await crowd.callers[2]!.publish(shared, {}, ["still"]);
        assert.deepEqual((await eventOf(callee!)).payload, [["still"]]);
      },
    );
}
