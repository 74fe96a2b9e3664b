/** Each method of authentication with the right secret and a wrong one, and what grants allow. Over sockets: sources want an address. */
import assert from "node:assert/strict";
import nacl from "tweetnacl";
import { Message } from "../../src/protocol/messages.ts";
import { authRealm, granted, open, password, publicKey, refused } from "./auth-realm.ts";
import {
  authenticate,
  challenged,
  clientNonce,
  failed,
  guarded,
  joeByCra,
  joesCra,
  joesScram,
  loggedIn,
  scramAnswer,
  sayHello,
  service,
  signChallenge,
  welcomed,
} from "./auth-wire.ts";
import { proveScram, signCra } from "./login-world.ts";
import type { Suite } from "./router-suite.ts";
import type { Dict } from "./wire.ts";

const denied = "wamp.error.not_authorized";
const joe = { realm: authRealm, authid: "joe", authrole: "staff", authprovider: "spanwire" };

export function authSuite(suite: Suite): void {
  secrets(suite);
  keys(suite);
  permissions(suite);
}

function identityOf(welcome: Dict): Dict {
  const { realm, authid, authrole, authprovider, authmethod } = welcome;
  return { realm, authid, authrole, authprovider, authmethod };
}

function secrets(suite: Suite): void {
  suite.testWith(
    "[A-02] a ticket is asked for, lets in, and a wrong one is refused",
    guarded(),
    async (world) => {
      const hello = { authid: "joe", authmethods: ["ticket"] };
      const { wire, method, extra } = await challenged(world, hello);
      assert.deepEqual([method, extra], ["ticket", {}]);
      authenticate(wire, password);
      const welcome = await welcomed(wire);
      assert.deepEqual(identityOf(welcome), { ...joe, authmethod: "ticket" });
      assert.deepEqual(welcome["authextra"], { meta: { floor: 3 } });
      const other = await challenged(world, hello);
      authenticate(other.wire, "wrong");
      await other.wire.expectAbort(failed);
    },
  );

  suite.testWith(
    "[A-03] WAMP-CRA: the challenge names the session that WELCOME has, and a signature with the derived key lets in",
    guarded(),
    async (world) => {
      const { wire, method, extra } = await challenged(world, joesCra);
      assert.equal(method, "wampcra");
      assert.deepEqual([extra["iterations"], extra["keylen"]], [4_096, 32]);
      const said = JSON.parse(String(extra["challenge"])) as Dict;
      assert.deepEqual([said["authid"], said["authmethod"]], ["joe", "wampcra"]);
      authenticate(wire, signCra(extra, password));
      assert.deepEqual(identityOf(await welcomed(wire)), { ...joe, authmethod: "wampcra" });
      assert.equal(said["session"], wire.id);
      const other = await challenged(world, joesCra);
      authenticate(other.wire, signCra(other.extra, "wrong"));
      await other.wire.expectAbort(failed);
    },
  );

  suite.testWith(
    "[A-07] SCRAM: a proof lets in, WELCOME has the verifier, and a wrong proof is refused",
    guarded(),
    async (world) => {
      const { wire, extra } = await challenged(world, joesScram);
      assert.deepEqual([extra["kdf"], extra["iterations"], extra["memory"]], ["pbkdf2", 4_096, null]);
      authenticate(wire, ...scramAnswer(extra, password));
      const welcome = await welcomed(wire);
      const { verifier } = proveScram(extra, password, "joe", { nonce: clientNonce });
      assert.deepEqual(welcome["authextra"], { meta: { floor: 3 }, verifier });
      assert.deepEqual(identityOf(welcome), { ...joe, authmethod: "wamp-scram" });
      const other = await challenged(world, joesScram);
      authenticate(other.wire, ...scramAnswer(other.extra, "wrong"));
      await other.wire.expectAbort(failed);
    },
  );

  suite.testWith("an alias logs its user in, under the user's own name", guarded(), async (world) => {
    const wire = await joeByCra(world, { authid: "JOEY" });
    assert.equal(wire.authid, "joe");
  });

  suite.testWith(
    "one role can be asked for, and a role that the user has not is refused",
    guarded(),
    async (world) => {
      assert.equal((await joeByCra(world, { authrole: "staff" })).authrole, "staff");
      const { wire, extra } = await challenged(world, { ...joesCra, authrole: "services" });
      authenticate(wire, signCra(extra, password));
      await wire.expectAbort("wamp.error.no_such_role");
    },
  );
}

function keys(suite: Suite): void {
  const hello = { authid: "joe", authmethods: ["cryptosign"], authextra: { pubkey: publicKey } };

  suite.testWith(
    "[A-04] cryptosign: the user's key lets in, in both forms of the signature; another key does not",
    guarded(),
    async (world) => {
      for (const length of [64, 96]) {
        const { wire, method, extra } = await challenged(world, hello);
        assert.equal(method, "cryptosign");
        assert.match(String(extra["challenge"]), /^[0-9a-f]{64}$/);
        authenticate(wire, signChallenge(extra).slice(0, 2 * length));
        assert.deepEqual(identityOf(await welcomed(wire)), { ...joe, authmethod: "cryptosign" });
      }
      const other = nacl.sign.keyPair();
      const pubkey = Buffer.from(other.publicKey).toString("hex");
      for (const authextra of [{ pubkey }, hello.authextra]) {
        const { wire, extra } = await challenged(world, { ...hello, authextra });
        authenticate(wire, signChallenge(extra, undefined, other));
        await wire.expectAbort(failed);
      }
    },
  );

  suite.testWith(
    "[A-06] cryptosign: the router signs the client's challenge with a key that stays the same",
    guarded(),
    async (world) => {
      const challenge = Buffer.alloc(32, 9);
      const routerKeys = new Set<unknown>();
      for (let logins = 0; logins < 2; logins++) {
        const authextra = { ...hello.authextra, challenge: challenge.toString("hex") };
        const { wire, extra } = await challenged(world, { ...hello, authextra });
        const { pubkey, signature } = extra;
        routerKeys.add(pubkey);
        const key = Buffer.from(String(pubkey), "hex");
        const signed = Buffer.from(String(signature), "hex").subarray(0, 64);
        assert.ok(nacl.sign.detached.verify(challenge, signed, key), "the signature is the router's");
        authenticate(wire, signChallenge(extra));
        await welcomed(wire);
      }
      assert.equal(routerKeys.size, 1);
    },
  );
}

function permissions(suite: Suite): void {
  suite.testWith(
    "[A-11] sessions may do what their roles are granted, and nothing else, whether it is there or not",
    guarded(),
    async (world) => {
      const callee = await service(world);
      for (const uri of [granted, open, refused]) await callee.register(uri);
      const wire = await joeByCra(world);
      for (const uri of [granted, open]) {
        const call = wire.call(uri);
        callee.yield((await callee.invocation()).request);
        await wire.expect([Message.result, call, {}]);
      }
      for (const uri of [refused, "com.example.secret.nothing"]) {
        await wire.expectError(Message.call, wire.call(uri), denied);
      }
      const subscription = await wire.subscribe("com.example.staff.news");
      const asked: readonly (readonly [number, string, Dict])[] = [
        [Message.subscribe, "com.example.secret.news", {}],
        [Message.subscribe, "com.example", { match: "prefix" }],
        [Message.subscribe, "com..staff.news", { match: "wildcard" }],
        [Message.register, "com.example.staff.mine", {}],
        [Message.publish, "com.example.secret.news", { acknowledge: true }],
      ];
      for (const [type, uri, options] of asked) {
        const request = wire.request();
        wire.send([type, request, options, uri]);
        await wire.expectError(type, request, denied);
      }
      const other = await joeByCra(world);
      await other.publish("com.example.staff.news", {}, [1]);
      assert.equal((await wire.event()).subscription, subscription);
    },
  );

  suite.testWith(
    "[A-11] anonymous sessions have the rights of anonymous, and those that are revoked end at once",
    guarded(),
    async (world) => {
      const wire = await world.open();
      sayHello(wire, {});
      assert.equal((await welcomed(wire))["authrole"], "anonymous");
      await wire.expectError(Message.call, wire.call(granted), denied);
      await wire.expectError(Message.call, wire.call(open), "wamp.error.no_such_procedure");
      const joes = await joeByCra(world);
      await joes.subscribe("com.example.staff.news");
      const gone = {
        roles: ["staff"],
        uri: "com.example.staff.",
        match: "prefix",
        permissions: ["wamp.subscribe"],
      };
      await world.router.security!.revoke(authRealm, gone);
      const request = joes.request();
      // The subscription is ended by the router, so that it is not there any more, and cannot be made again.
      for (;;) {
        const message = await joes.next();
        if (message[0] === Message.unsubscribed) break;
      }
      joes.send([Message.subscribe, request, {}, "com.example.staff.news"]);
      await joes.expectError(Message.subscribe, request, denied);
      const call = joes.call(granted);
      await joes.expectError(Message.call, call, "wamp.error.no_such_procedure");
    },
  );

  suite.testWith("a second login on the same connection is a login of its own", guarded(), async (world) => {
    const wire = await joeByCra(world);
    await wire.leave();
    sayHello(wire, {});
    assert.equal((await welcomed(wire))["authrole"], "anonymous");
    await wire.leave();
    const again = await loggedIn(world, joesCra, (extra) => [signCra(extra, password)]);
    assert.equal(again.authid, "joe");
  });
}
