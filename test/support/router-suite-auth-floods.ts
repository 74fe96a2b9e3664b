/** Logins at the router's expense, and what happens to one while something else changes. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { authRealm, password } from "./auth-realm.ts";
import {
  authenticate,
  challenged,
  type Challenged,
  clientNonce,
  endRealm,
  failed,
  guarded,
  joeByCra,
  joesCra,
  joesScram,
  sayHello,
  service,
  violation,
  welcomed,
} from "./auth-wire.ts";
import { signCra } from "./login-world.ts";
import type { Suite, World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const unavailable = "wamp.error.unavailable";
const noMatch = "wamp.error.no_matching_auth_method";

export function authFloodSuite(suite: Suite): void {
  floods(suite);
  meanwhile(suite);
}

/** Nested lists, this deep. */
const nested = (depth: number): unknown => (depth === 0 ? [] : [nested(depth - 1)]);

function floods(suite: Suite): void {
  suite.testWith(
    "a large or deep authextra is taken up to the limits of messages, and nothing of it is looked at",
    guarded(),
    async (world) => {
      for (const authextra of [
        { much: "x".repeat(60_000) },
        { deep: nested(50) },
        { __proto__: null, toString: 1 },
      ])
        assert.equal((await joeByCra(world, { authextra })).authid, "joe");
      const deep = await world.open();
      sayHello(deep, { ...joesCra, authextra: { deep: nested(100) } });
      await deep.expectAbort(violation);
      const long = await world.open();
      sayHello(long, { ...joesCra, authextra: { much: "x".repeat(1_000_000) } });
      await long.expectAbort("wamp.error.payload_size_exceeded");
      const { wire } = await challenged(world, joesCra);
      authenticate(wire, "x".repeat(1_000_000));
      await wire.expectAbort("wamp.error.payload_size_exceeded");
    },
  );

  suite.testWith("texts in HELLO that are too long, or none, are refused", guarded(), async (world) => {
    const long = "n".repeat(513);
    for (const details of [
      { authid: long },
      { authid: 7 },
      { authrole: long },
      { authmethods: "wampcra" },
      { authmethods: [1] },
      { authextra: [] },
    ]) {
      const wire = await world.open();
      sayHello(wire, { ...joesCra, ...details });
      await wire.expectAbort(violation);
    }
    const nonces: readonly unknown[] = ["A".repeat(60_000), "", 5, null, "not base64!", clientNonce.slice(1)];
    for (const nonce of nonces) {
      const wire = await world.open();
      sayHello(wire, { ...joesScram, authextra: { nonce } });
      await wire.expectAbort("wamp.error.invalid_argument", /nonce/);
    }
    for (const pubkey of ["0".repeat(60_000), "zz".repeat(32), "00", 7, null]) {
      const wire = await world.open();
      sayHello(wire, { authid: "joe", authmethods: ["cryptosign"], authextra: { pubkey } });
      await wire.expectAbort(failed, /pubkey/);
    }
    const methods = Array.from({ length: 7_000 }, (_, index) => `m${index}`);
    const wire = await world.open();
    sayHello(wire, { authid: "joe", authmethods: [...methods, "wampcra"] });
    await wire.expectAbort(noMatch);
  });

  const guess = async (world: World, authid: string): Promise<Challenged | null> => {
    const wire = await world.open();
    sayHello(wire, { ...joesCra, authid });
    const [type, ...rest] = await wire.next();
    if (type !== Message.challenge) {
      assert.deepEqual([type, rest[1]], [Message.abort, unavailable]);
      return null;
    }
    authenticate(wire, "guess");
    await wire.expectAbort(failed);
    return { wire, method: "wampcra", extra: rest[1] as Dict };
  };

  suite.testWith(
    "guesses at a name are limited, whether there is such a user or not",
    guarded({}, { limits: { failedLoginsPerAuthid_max: 3 } }),
    async (world) => {
      for (const authid of ["joe", "jim"]) {
        for (let guesses = 0; guesses < 3; guesses++) assert.notEqual(await guess(world, authid), null);
        assert.equal(await guess(world, authid), null);
      }
      // Others may still come.
      await service(world);
    },
  );

  suite.testWith(
    "guesses from an address are limited, whatever the names",
    guarded({}, { limits: { failedLoginsPerSource_max: 3 } }),
    async (world) => {
      for (const authid of ["joe", "jim", "off"]) assert.notEqual(await guess(world, authid), null);
      assert.equal(await guess(world, "svc"), null);
      assert.equal(world.router.metrics.loginsLimited, 1);
    },
  );

  suite.testWith(
    "logins under way from one address are limited",
    guarded({}, { limits: { loginsPerSource_max: 2 } }),
    async (world) => {
      const [first] = [await challenged(world, joesCra), await challenged(world, joesCra)];
      const third = await world.open();
      sayHello(third, joesCra);
      await third.expectAbort(unavailable);
      authenticate(first.wire, signCra(first.extra, password));
      await welcomed(first.wire);
      await challenged(world, joesCra);
    },
  );
}

function meanwhile(suite: Suite): void {
  const decide = "com.example.auth.decide";
  suite.testWith(
    "AUTHENTICATE while it is decided how to challenge ends the login, and the decision comes too late",
    guarded({
      authenticators: { wampcra: decide },
      sources: [{ usernames: ["svc"], authmethod: "wamp-scram", cidr: "127.0.0.0/8" }],
    }),
    async (world) => {
      const callee = await service(world);
      await callee.register(decide);
      const wire = await world.open();
      sayHello(wire, joesCra);
      const { request } = await callee.invocation();
      authenticate(wire, signCra({ challenge: "" }, password));
      await wire.expectAbort(violation);
      callee.yield(request, {}, [{ role: "staff", secret: password }]);
      // By a round trip the answer has been heard.
      await callee.register("com.example.done");
      assert.equal(world.router.stats().sessions, 2);
      await endRealm(world);
    },
  );

  suite.testWith(
    "a client that goes while its password is hashed leaves nothing behind",
    guarded(),
    async (world) => {
      const hello = { authid: "joe", authmethods: ["ticket"] };
      for (let times = 0; times < 5; times++) {
        const { wire } = await challenged(world, hello);
        authenticate(wire, times % 2 === 0 ? password : "wrong");
        wire.close();
      }
      await until("they are gone", () => world.router.connectionCount === 0);
      const { wire } = await challenged(world, hello);
      authenticate(wire, password);
      await welcomed(wire);
      assert.equal(world.router.stats().sessions, 1);
    },
  );

  type Change = (security: NonNullable<World["router"]["security"]>) => Promise<unknown>;
  const changes: readonly (readonly [string, Change])[] = [
    ["is deleted", (security) => security.deleteUser(authRealm, "joe")],
    ["is disabled", (security) => security.setUserEnabled(authRealm, "joe", false)],
    ["gets another password", (security) => security.changePassword(authRealm, "joe", "another one")],
    [
      "may come from elsewhere only",
      (security) => security.deleteSource(authRealm, ["joe"], "127.0.0.0/8", "wampcra"),
    ],
  ];
  for (const [what, change] of changes) {
    suite.testWith(
      `a user who ${what} between CHALLENGE and AUTHENTICATE is refused`,
      guarded(),
      async (world) => {
        const { wire, extra } = await challenged(world, joesCra);
        await change(world.router.security!);
        authenticate(wire, signCra(extra, password));
        await wire.expectAbort(failed, /^the login was refused$/);
      },
    );
  }

  suite.testWith("a realm that is deleted during a login lets nobody in", guarded(), async (world) => {
    const { wire, extra } = await challenged(world, joesCra);
    await world.router.security!.deleteRealm(authRealm, { force: true });
    authenticate(wire, signCra(extra, password));
    await expectRefusal(wire);
    assert.equal(world.router.stats().sessions, 0);
  });
}

async function expectRefusal(wire: Wire): Promise<void> {
  assert.equal((await wire.next())[0], Message.abort);
  await wire.expectEnd();
}
