/** Realms whose procedures decide: who may come in (authenticators), and what sessions may do where no grant says so (authorizer). */
import assert from "node:assert/strict";
import type { RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { authRealm, granted, open, publicKey, refused } from "./auth-realm.ts";
import {
  authenticate,
  challenged,
  endRealm,
  failed,
  guarded,
  joeByCra,
  sayHello,
  service,
  signChallenge,
  welcomed,
} from "./auth-wire.ts";
import { signCra } from "./login-world.ts";
import type { Suite, World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const decide = "com.example.auth.decide";
const denied = "wamp.error.not_authorized";

export function dynamicAuthSuite(suite: Suite): void {
  authenticators(suite);
  authorizers(suite);
  pending(suite);
}

/** The next INVOCATION of the service, and how it is answered. */
async function asked(
  callee: Wire,
): Promise<{ readonly args: readonly unknown[]; answer(value: unknown): void; fail(): void }> {
  const { request, payload } = await callee.invocation();
  return {
    args: payload[0] as unknown[],
    answer: (value) => callee.yield(request, {}, [value]),
    fail: () => callee.send([Message.error, Message.invocation, request, {}, "com.example.error.no"]),
  };
}

// ---- who may come in

function authenticators(suite: Suite): void {
  suite.testWith(
    "[A-10] where sources name the method, they hold for whom a procedure lets in too",
    guarded({ authenticators: { ticket: decide } }),
    async (world) => {
      const callee = await service(world);
      await callee.register(decide);
      const { wire } = await challenged(world, { authid: "any", authmethods: ["ticket"] });
      authenticate(wire, "x");
      (await asked(callee)).answer("staff");
      await wire.expectAbort(failed);
      await endRealm(world);
    },
  );

  // No source names the method: the procedure decides about addresses too.
  const sources = [{ usernames: ["svc"], authmethod: "wamp-scram", cidr: "127.0.0.0/8" }];
  const dynamic = (method: string) => guarded({ authenticators: { [method]: decide }, sources });
  const identity = { authid: "someone", authrole: "staff", authprovider: "dynamic" };
  const check = (welcome: Dict, authmethod: string): void => {
    const { authid, authrole, authprovider, authextra } = welcome;
    assert.deepEqual({ authid, authrole, authprovider }, identity);
    assert.deepEqual([welcome["authmethod"], authextra], [authmethod, { floor: 4 }]);
  };
  const principal = { role: "staff", authid: "someone", extra: { floor: 4 } };

  suite.testWith(
    "[A-10 A-02] a procedure judges tickets: told realm, authid, ticket and connection",
    dynamic("ticket"),
    async (world) => {
      const callee = await service(world);
      await callee.register(decide);
      const hello = { authid: "any", authmethods: ["ticket"], authextra: { from: "test" } };
      const { wire } = await challenged(world, hello);
      authenticate(wire, "a secret of theirs");
      const { args, answer } = await asked(callee);
      const [realm, authid, details] = args as [string, string, Dict];
      assert.deepEqual([realm, authid], [authRealm, "any"]);
      assert.deepEqual(
        [details["authmethod"], details["ticket"], details["authextra"]],
        ["ticket", "a secret of theirs", { from: "test" }],
      );
      answer(principal);
      check(await welcomed(wire), "ticket");
      assert.equal(details["session"], wire.id);
      // It acts in the role that it was given, and has no grants by name.
      await wire.expectError(Message.call, wire.call(granted), "wamp.error.no_such_procedure");
      await wire.expectError(Message.call, wire.call(refused), denied);
      await endRealm(world);
    },
  );

  suite.testWith(
    "[A-10 A-03] a procedure knows the secrets of WAMP-CRA, plain and salted",
    dynamic("wampcra"),
    async (world) => {
      const callee = await service(world);
      await callee.register(decide);
      const salted = { salt: "a salt", iterations: 100, keylen: 32 };
      const derived = "cGxhY2Vob2xkZXI=";
      for (const [given, secret] of [
        [{}, "plain secret"],
        [salted, derived],
      ] as const) {
        const wire = await world.open();
        sayHello(wire, { authid: "any", authmethods: ["wampcra"] });
        (await asked(callee)).answer({ ...principal, ...given, secret });
        const [type, method, extra] = (await wire.next()) as [number, string, Dict];
        assert.deepEqual([type, method], [Message.challenge, "wampcra"]);
        const { challenge, ...told } = extra;
        assert.deepEqual(told, given);
        authenticate(wire, signCra({ challenge }, secret));
        check(await welcomed(wire), "wampcra");
      }
      const wire = await world.open();
      sayHello(wire, { authid: "any", authmethods: ["wampcra"] });
      (await asked(callee)).fail();
      const [type, , extra] = (await wire.next()) as [number, string, Dict];
      assert.deepEqual(
        [type, Object.keys(extra).sort()],
        [Message.challenge, ["challenge", "iterations", "keylen", "salt"]],
      );
      authenticate(wire, signCra({ challenge: extra["challenge"] }, derived));
      await wire.expectAbort(failed);
      await endRealm(world);
    },
  );

  suite.testWith("[A-10 A-04] a procedure says whose keys they are", dynamic("cryptosign"), async (world) => {
    const callee = await service(world);
    await callee.register(decide);
    const hello = { authid: "any", authmethods: ["cryptosign"], authextra: { pubkey: publicKey } };
    for (const pubkey of [publicKey, "00".repeat(32)]) {
      const wire = await world.open();
      sayHello(wire, hello);
      (await asked(callee)).answer({ ...principal, pubkey });
      const [, , extra] = (await wire.next()) as [number, string, Dict];
      authenticate(wire, signChallenge(extra));
      if (pubkey === publicKey) check(await welcomed(wire), "cryptosign");
      else await wire.expectAbort(failed);
    }
    await endRealm(world);
  });

  suite.testWith(
    "[A-10 A-01] a procedure decides about anonymous clients",
    dynamic("anonymous"),
    async (world) => {
      const callee = await service(world);
      await callee.register(decide);
      const wire = await world.open();
      sayHello(wire, {});
      (await asked(callee)).answer(principal);
      check(await welcomed(wire), "anonymous");
      // It has the rights of the role that it was given, and not those of everybody who is anonymous.
      await wire.expectError(Message.call, wire.call(granted), "wamp.error.no_such_procedure");
      const plain = await world.open();
      sayHello(plain, {});
      (await asked(callee)).answer("anonymous");
      assert.equal((await welcomed(plain))["authrole"], "anonymous");
      await plain.expectError(Message.call, plain.call(open), "wamp.error.no_such_procedure");
      await plain.expectError(Message.call, plain.call(granted), denied);
      await endRealm(world);
    },
  );

  suite.testWith(
    "[A-10] an authenticator that fails, is not there or answers nonsense lets nobody in",
    dynamic("ticket"),
    async (world) => {
      const hello = { authid: "any", authmethods: ["ticket"] };
      const nobody = await challenged(world, hello);
      authenticate(nobody.wire, "x");
      await nobody.wire.expectAbort(failed, /^the login was refused$/);
      const callee = await service(world);
      await callee.register(decide);
      for (const nonsense of [
        null,
        true,
        7,
        [],
        {},
        "",
        { role: 7 },
        { role: "a,b" },
        { ...principal, realm: "com.example.other" },
        { ...principal, authid: "n".repeat(600) },
      ]) {
        const { wire } = await challenged(world, hello);
        authenticate(wire, "x");
        (await asked(callee)).answer(nonsense);
        await wire.expectAbort(failed, /^the login was refused$/);
      }
      await endRealm(world);
    },
  );

  suite.slowTest(
    "[A-10] an authenticator that is slow lets nobody in, nor later",
    guarded({ authenticators: { ticket: decide }, sources }, { limits: { authenticator_ms: 200 } }),
    async (world) => {
      const callee = await service(world);
      await callee.register(decide);
      const { wire } = await challenged(world, { authid: "any", authmethods: ["ticket"] });
      authenticate(wire, "x");
      const { answer } = await asked(callee);
      await wire.expectAbort(failed);
      answer(principal);
      await endRealm(world);
    },
  );
}

// ---- what they may do

const authorized = (more: RouterOptions = {}): RouterOptions => guarded({ authorizer: decide }, more);

/** A callee that is the authorizer and has the procedure that nobody is granted, and joe. */
async function cast(world: World): Promise<{ callee: Wire; joe: Wire }> {
  const callee = await service(world);
  await callee.register(decide);
  await callee.register(refused);
  return { callee, joe: await joeByCra(world) };
}

function authorizers(suite: Suite): void {
  suite.testWith(
    "[A-12] where no grant decides, the authorizer does: told session, URI, action and match",
    authorized(),
    async (world) => {
      const { callee, joe } = await cast(world);
      const call = joe.call(refused);
      const { args, answer } = await asked(callee);
      const [session, uri, action, options] = args as [Dict, string, string, Dict];
      assert.deepEqual(
        [session["session"], session["authid"], session["authrole"]],
        [joe.id, "joe", "staff"],
      );
      assert.deepEqual([uri, action, options], [refused, "call", { match: "exact" }]);
      answer(true);
      const { request } = await callee.invocation();
      callee.yield(request, {}, ["done"]);
      await joe.expect([Message.result, call, {}, ["done"]]);
      // What is granted is not asked about.
      await joe.expectError(Message.call, joe.call(granted), "wamp.error.no_such_procedure");
      const others: readonly (readonly [number, Dict, string, string])[] = [
        [Message.subscribe, { match: "prefix" }, "subscribe", "prefix"],
        [Message.register, { match: "wildcard" }, "register", "wildcard"],
        [Message.publish, { acknowledge: true }, "publish", "exact"],
      ];
      for (const [type, given, name, match] of others) {
        const id = joe.request();
        joe.send([type, id, given, match === "wildcard" ? "com..free" : "com.free"]);
        const question = await asked(callee);
        assert.deepEqual(question.args.slice(2), [name, { match }]);
        question.answer({ allow: true });
        assert.equal((await joe.next())[1], id);
      }
      await endRealm(world);
    },
  );

  suite.testWith(
    "[A-12] a refusal, an error and every answer of another shape refuse",
    authorized(),
    async (world) => {
      const { callee, joe } = await cast(world);
      for (const no of [false, { allow: false }, { allow: "yes" }, {}, "true", 1, null, []]) {
        const call = joe.call(refused);
        (await asked(callee)).answer(no);
        await joe.expectError(Message.call, call, denied);
      }
      const call = joe.call(refused);
      (await asked(callee)).fail();
      await joe.expectError(Message.call, call, denied);
      callee.close();
      await until("it is gone", () => world.router.stats().sessions === 2);
      await joe.expectError(Message.call, joe.call(refused), denied);
      await endRealm(world);
    },
  );

  suite.testWith(
    "[A-12] an answer that may be kept is asked for once, until rights change",
    authorized(),
    async (world) => {
      const { callee, joe } = await cast(world);
      for (let times = 0; times < 3; times++) {
        const call = joe.call(refused);
        if (times === 0) (await asked(callee)).answer({ allow: true, cache: true });
        callee.yield((await callee.invocation()).request);
        await joe.expect([Message.result, call, {}]);
      }
      await world.router.security!.grant(authRealm, {
        roles: ["staff"],
        uri: "com.other",
        match: "exact",
        permissions: ["wamp.call"],
      });
      const call = joe.call(refused);
      (await asked(callee)).answer({ allow: false, cache: true });
      await joe.expectError(Message.call, call, denied);
      await joe.expectError(Message.call, joe.call(refused), denied);
      await endRealm(world);
    },
  );
}

function pending(suite: Suite): void {
  suite.testWith(
    "[A-12] what a session says while a decision is pending waits in order, and others do not wait",
    authorized(),
    async (world) => {
      const { callee, joe } = await cast(world);
      const other = await joeByCra(world);
      const subscribed = await other.subscribe("com.example.staff.news");
      const first = joe.call(refused);
      const publication = joe.request();
      joe.send([Message.publish, publication, { acknowledge: true }, "com.example.staff.news", [1]]);
      const last = joe.call(granted);
      const { answer } = await asked(callee);
      await other.expectError(Message.call, other.call(granted), "wamp.error.no_such_procedure");
      assert.equal(joe.arrivedCount, 0);
      answer(false);
      await joe.expectError(Message.call, first, denied);
      assert.deepEqual((await joe.next()).slice(0, 2), [Message.published, publication]);
      await joe.expectError(Message.call, last, "wamp.error.no_such_procedure");
      assert.equal((await other.event()).subscription, subscribed);
      await endRealm(world);
    },
  );

  suite.testWith(
    "[A-12] a session that goes while a decision is pending leaves nothing behind",
    authorized(),
    async (world) => {
      const { callee, joe } = await cast(world);
      joe.call(refused);
      const { answer } = await asked(callee);
      joe.close();
      await until("joe is gone", () => world.router.stats().sessions === 2);
      answer(true);
      const again = await joeByCra(world);
      const call = again.call(refused);
      (await asked(callee)).answer(false);
      await again.expectError(Message.call, call, denied);
      await endRealm(world);
    },
  );

  suite.testWith(
    "[A-12] questions under way are bounded: beyond, requests are refused",
    authorized({ limits: { authorizerCalls_max: 1 } }),
    async (world) => {
      const { callee, joe } = await cast(world);
      const other = await joeByCra(world);
      const call = joe.call(refused);
      const { answer } = await asked(callee);
      await other.expectError(Message.call, other.call(refused), denied);
      answer(false);
      await joe.expectError(Message.call, call, denied);
      await endRealm(world);
    },
  );

  suite.slowTest(
    "[A-12] an authorizer that is slow refuses, and its late answer changes nothing",
    authorized({ limits: { authorizer_ms: 200 } }),
    async (world) => {
      const { callee, joe } = await cast(world);
      const call = joe.call(refused);
      const { answer } = await asked(callee);
      await joe.expectError(Message.call, call, denied);
      answer({ allow: true, cache: true });
      const again = joe.call(refused);
      for (;;) {
        // The late question may be canceled at its callee first.
        const message = await callee.next();
        if (message[0] === Message.invocation) break;
      }
      await joe.expectError(Message.call, again, denied);
      await endRealm(world);
    },
  );
}
