/** Sessions: HELLO to WELCOME or ABORT, and the messages that end a session. */
import assert from "node:assert/strict";
import { brokerFeatures, dealerFeatures } from "../../src/protocol/features.ts";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import { until } from "./wire.ts";

const roles = { caller: {}, callee: {}, publisher: {}, subscriber: {} };
const violation = "wamp.error.protocol_violation";

export function sessionSuite(suite: Suite): void {
  welcomes(suite);
  refusals(suite);
}

function welcomes(suite: Suite): void {
  const { leg } = suite;
  suite.test("[B-01] HELLO is answered by WELCOME with exactly three elements", async (world) => {
    const wire = await world.open();
    wire.send([Message.hello, "realm1", { roles }]);
    const welcome = await wire.next();
    assert.equal(welcome.length, 3);
    assert.equal(welcome[0], Message.welcome);
    assert.ok(Number.isSafeInteger(welcome[1]) && (welcome[1] as number) > 0);
  });

  suite.test("[B-01 A-01] WELCOME names realm, agent, and who the client is", async (world) => {
    const { welcome } = await world.join();
    const { authid, agent, roles: announced, ...rest } = welcome;
    assert.deepEqual(rest, { realm: "realm1", ...leg.identity });
    assert.match(String(authid), /./);
    assert.match(String(agent), /^spanwire/);
    assert.ok(announced);
  });

  suite.test(
    "[B-01] WELCOME announces broker and dealer with exactly the features that are built",
    async (world) => {
      const { welcome } = await world.join();
      assert.deepEqual(welcome["roles"], {
        broker: { features: brokerFeatures },
        dealer: { features: dealerFeatures },
      });
      const values = [...Object.values(brokerFeatures), ...Object.values(dealerFeatures)];
      assert.ok(values.every((value) => value === true));
    },
  );

  suite.test("[B-11] session ids are random and differ", async (world) => {
    const wires = await world.joinMany(8);
    const ids = wires.map(({ id }) => id);
    assert.equal(new Set(ids).size, 8);
    assert.ok(
      ids.some((id) => id > 2 ** 40),
      "ids are drawn from all of 1..2^53",
    );
    if (leg.identity.authmethod === "anonymous")
      assert.equal(new Set(wires.map(({ authid }) => authid)).size, 8);
  });

  suite.test("[B-01] any one of the four client roles is enough, with or without features", async (world) => {
    for (const role of Object.keys(roles)) {
      await world.join({ roles: { [role]: {} } });
      await world.join({ roles: { [role]: { features: {} } } });
    }
  });

  suite.test("[B-01] unknown details, roles and features of HELLO are ignored", async (world) => {
    const odd = { x_custom: [1, { deep: [null, true] }], agent: 7, _own: new Uint8Array([0, 255]) };
    await world.join({ roles: { ...roles, broker: {}, wizard: { features: { fly: 1 } } }, details: odd });
    await world.join({ roles: { caller: { features: { call_canceling: "yes", unheard_of: true } } } });
  });

  suite.test(
    "[A-01] unknown authentication methods are passed over, and an empty list means anonymous",
    async (world) => {
      await world.join({ details: { authmethods: ["x_quantum", "anonymous", "ticket"] } });
      await world.join({ details: { authmethods: [] } });
    },
  );

  suite.test("[B-02] a realm that is not there is answered by ABORT no_such_realm", async (world) => {
    for (const realm of ["elsewhere", "", "Realm1", "realm1."]) {
      const wire = await world.open();
      wire.send([Message.hello, realm, { roles }]);
      await wire.expectAbort("wamp.error.no_such_realm");
    }
  });

  suite.testWith(
    "sessions of two realms do not hear of each other",
    { realms: ["realm1", "realm2"] },
    async (world) => {
      const one = await world.join({ realm: "realm1" });
      const two = await world.join({ realm: "realm2" });
      assert.equal(two.welcome["realm"], "realm2");
      const first = await one.subscribe("com.a");
      const second = await two.subscribe("com.a");
      assert.notEqual(first, second);
      await one.register("com.proc");
      two.send([Message.publish, two.request(), { exclude_me: false }, "com.a"]);
      assert.equal((await two.event()).subscription, second);
      const call = two.call("com.proc");
      await two.expectError(Message.call, call, "wamp.error.no_such_procedure");
      await one.expectQuiet();
      // An id of the other realm means nothing here.
      two.send([Message.unsubscribe, two.request(), first]);
      await two.expectError(Message.unsubscribe, call + 1, "wamp.error.no_such_subscription");
    },
  );
}

function refusals(suite: Suite): void {
  suite.test(
    "[B-02] HELLO without a role that a client can have is answered by ABORT no_such_role",
    async (world) => {
      for (const given of [{}, { broker: {}, dealer: {} }, undefined, [], "caller", { caller: null }]) {
        const wire = await world.open();
        wire.send([Message.hello, "realm1", given === undefined ? {} : { roles: given }]);
        await wire.expectAbort("wamp.error.no_such_role");
      }
    },
  );

  if (suite.leg.identity.authmethod === "anonymous") {
    suite.test(
      "[B-02] no common authentication method is answered by ABORT no_matching_auth_method",
      async (world) => {
        const wire = await world.open();
        wire.send([Message.hello, "realm1", { roles, authmethods: ["ticket", "wampcra"] }]);
        await wire.expectAbort("wamp.error.no_matching_auth_method");
      },
    );

    suite.test(
      "[B-02] authmethods or an authid of the wrong type are answered by ABORT protocol_violation",
      async (world) => {
        for (const details of [
          { authmethods: "anonymous" },
          { authmethods: [1] },
          { authid: 5 },
          { authid: "x".repeat(5_000) },
        ]) {
          const wire = await world.open();
          wire.send([Message.hello, "realm1", { roles, ...details }]);
          await wire.expectAbort(violation);
        }
      },
    );
  }

  suite.test("[B-05] a first message other than HELLO: ABORT protocol_violation", async (world) => {
    const firsts = [
      [Message.subscribe, 1, {}, "com.a"],
      [Message.publish, 1, { acknowledge: true }, "com.a"],
      [Message.call, 1, {}, "com.a"],
      [Message.goodbye, {}, "wamp.close.normal"],
      [Message.authenticate, "signature", {}],
      [Message.welcome, 1, { roles: {} }],
      [Message.challenge, "ticket", {}],
      [Message.yield, 1, {}],
    ];
    for (const first of firsts) {
      const wire = await world.open();
      wire.send(first, [Message.hello, "realm1", { roles }]);
      const { code } = await wire.expectAbort(violation);
      if (world.leg.closeCodes) assert.equal(code, 1002);
    }
  });

  suite.test(
    "[B-05] HELLO, AUTHENTICATE, or what only routers send, in an open session: ABORT protocol_violation",
    async (world) => {
      const unexpected = [
        [Message.hello, "realm1", { roles }],
        [Message.welcome, 1, { roles: {} }],
        [Message.challenge, "ticket", {}],
        [Message.authenticate, "signature", {}],
        [Message.published, 1, 1],
        [Message.subscribed, 1, 1],
        [Message.unsubscribed, 1],
        [Message.event, 1, 1, {}],
        [Message.result, 1, {}],
        [Message.registered, 1, 1],
        [Message.unregistered, 1],
        [Message.invocation, 1, 1, {}],
        [Message.interrupt, 1, {}],
      ];
      for (const message of unexpected) {
        const wire = await world.join();
        // What follows the violation in the same packet is not looked at.
        wire.send(message, [Message.subscribe, 1, {}, "com.a"], [Message.goodbye, {}, "wamp.close.normal"]);
        await wire.expectAbort(violation);
      }
      await until("all are gone", () => world.router.stats().connections === 0);
      assert.equal(world.router.metrics.violations, unexpected.length);
    },
  );

  suite.test(
    "[B-05] ERROR for anything but an INVOCATION is answered by ABORT protocol_violation",
    async (world) => {
      for (const type of [Message.call, Message.publish, Message.subscribe, 69, 0]) {
        const wire = await world.join();
        wire.send([Message.error, type, 1, {}, "com.error"]);
        await wire.expectAbort(violation);
      }
    },
  );

  suite.test("ABORT from the client ends the session without an answer", async (world) => {
    const before = await world.open();
    before.send([Message.abort, {}, "wamp.error.cannot_authenticate"]);
    await before.expectEnd();
    const [wire, other] = [await world.join(), await world.join()];
    await wire.subscribe("com.a");
    await wire.register("com.proc");
    wire.send(
      [Message.abort, { message: "I have had enough" }, "com.reason"],
      [Message.subscribe, 9, {}, "com.b"],
    );
    await wire.expectEnd();
    const call = other.call("com.proc");
    await other.expectError(Message.call, call, "wamp.error.no_such_procedure");
    assert.equal(world.router.stats().subscriptions, 0);
  });

  suite.test(
    "after the router's ABORT its subscriptions and registrations are gone at once",
    async (world) => {
      const [wire, other] = [await world.join(), await world.join()];
      await wire.subscribe("com.a");
      await wire.register("com.proc");
      wire.send([Message.hello, "realm1", { roles }]);
      await wire.expectAbort(violation);
      const { subscriptions, registrations, sessions } = world.router.stats();
      assert.deepEqual(
        { subscriptions, registrations, sessions },
        { subscriptions: 0, registrations: 0, sessions: 1 },
      );
      await other.register("com.proc");
    },
  );
}
