/** Realms that a HELLO creates. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/client/index.ts";
import { createRouter } from "../../src/index.ts";

const like = {
  authmethods: ["anonymous"],
  sources: [{ usernames: ["anonymous"], authmethod: "anonymous", cidr: "127.0.0.0/8" }],
  grants: [{ permissions: ["wamp.call", "wamp.register"], uri: "", match: "prefix", roles: ["anonymous"] }],
};

test("a HELLO to an unknown realm creates one like the definition, once; a name that is none creates nothing", async () => {
  await using router = await createRouter({ websocket: { port: 0 }, security: { automaticRealms: like } });
  const url = router.listeners[0]!.url;
  const [one, other] = await Promise.all([
    connect({ url, realm: "com.new" }),
    connect({ url, realm: "com.new" }),
  ]);
  await one.register("com.new.add", ({ args }) => Number(args[0]) + Number(args[1]));
  assert.deepEqual((await other.call("com.new.add", [2, 3])).args, [5]);
  assert.equal(router.security?.realm("com.new")?.record.info["automatically_created"], true);
  for (const realm of ["not a uri", "com.leapsight.bondy.mine"])
    await assert.rejects(connect({ url, realm }), { uri: "wamp.error.no_such_realm" });
});

test("without such a definition there is no such realm", async () => {
  await using router = await createRouter({ websocket: { port: 0 }, security: {} });
  const url = router.listeners[0]!.url;
  await assert.rejects(connect({ url, realm: "com.new" }), { uri: "wamp.error.no_such_realm" });
});

test("rules of a realm are checked before they are kept, and hold for sessions that are there", async () => {
  await using router = await createRouter({ websocket: { port: 0 }, security: {} });
  const admin = await router.session("com.leapsight.bondy");
  await assert.rejects(admin.call("bondy.realm.create", [{ uri: "com.a", options: { allowKil: true } }]), {
    uri: "wamp.error.invalid_argument",
  });
  await assert.rejects(
    admin.call("bondy.realm.create", [{ uri: "com.a", options: { trustLevels: { staff: -1 }, profile: 7 } }]),
    { uri: "wamp.error.invalid_argument" },
  );
  await admin.call("bondy.realm.create", [{ uri: "com.a" }]);
  const inside = await router.session("com.a");
  await inside.register("com.a.open", () => 1, { discloseCaller: true });
  await admin.call("bondy.realm.update", ["com.a", { options: { allowDisclosure: false } }]);
  await assert.rejects(
    inside.register("com.a.closed", () => 1, { discloseCaller: true }),
    { uri: "wamp.error.option_disallowed.disclose_me" },
  );
});
