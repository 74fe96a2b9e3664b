/** Bondy's security_config.json, applied at every start: it means the same, and changes what it should and nothing else. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { WampError } from "../../src/protocol/errors.ts";
import { applyDefinitions, dropOtherDefinitions } from "../../src/security/file.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { TestSecurity, wholeModel } from "../support/security.ts";

const master = "com.leapsight.bondy";
const pem = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "sec1", format: "pem" })
  .toString();

/** Every shape that Bondy takes. */
const example = () => [
  {
    uri: "com.acme.app",
    prototype_uri: "com.acme.proto",
    security_enabled: true,
    private_keys: [pem],
    users: [
      {
        username: "bob",
        password: "123456",
        groups: ["staff"],
        sso_realm_uri: "com.acme.sso",
        meta: { foo: 1 },
        aliases: ["bobby"],
      },
      { username: "device1", authorized_keys: ["17".repeat(32)], groups: ["devices"] },
    ],
    groups: [
      { name: "devices", groups: ["staff"], meta: {} },
      { name: "api_clients" },
      { name: "resource_owners" },
    ],
    sources: [
      { usernames: ["device1"], authmethod: "cryptosign", cidr: "10.0.0.0/8", meta: {} },
      { usernames: ["anonymous"], authmethod: "anonymous", cidr: "0.0.0.0/0" },
    ],
    grants: [
      {
        permissions: ["wamp.register", "wamp.unregister"],
        uri: "com.acme..svc",
        match: "wildcard",
        roles: ["devices"],
      },
      {
        permissions: ["wamp.call"],
        resources: [
          { uri: "com.acme.add", match: "exact" },
          { uri: "com.acme.", match: "prefix" },
        ],
        roles: ["user/bob", "group/staff"],
      },
      { permissions: ["wamp.publish", "wamp.subscribe"], uri: "", match: "prefix", roles: "all" },
    ],
    info: {
      oidc_providers: {
        azure: { issuer: "https://i", client_id: "c", client_secret: "s", redirect_uri: "https://r" },
      },
    },
  },
  {
    uri: "com.acme.proto",
    is_prototype: true,
    sso_realm_uri: "com.acme.sso",
    authmethods: ["wampcra", "ticket", "anonymous"],
    groups: [{ name: "staff", groups: [], meta: {} }],
    sources: [{ usernames: "all", authmethod: "wampcra", cidr: "0.0.0.0/0", meta: {} }],
    grants: [
      { permissions: ["wamp.call", "wamp.subscribe"], uri: "com.acme.", match: "prefix", roles: ["staff"] },
    ],
  },
  {
    uri: "com.acme.sso",
    is_sso_realm: true,
    allow_connections: false,
    authmethods: ["cryptosign", "wampcra", "ticket"],
    security_enabled: true,
  },
];
interface AppRealm extends Record<string, unknown> {
  users: Record<string, unknown>[];
  grants: unknown[];
  sources: unknown[];
}

const app = "com.acme.app";
/** A store that counts what is written. */
class CountingStore extends MemoryStore {
  written = 0;
  override async commit(changes: Parameters<MemoryStore["commit"]>[0]): Promise<void> {
    this.written += changes.length;
    await super.commit(changes);
  }
}

class Boots {
  readonly store = new CountingStore();
  readonly bench = new TestSecurity(this.store);
  async boot(definitions: unknown = example(), name = "file"): Promise<SecurityService> {
    const security = await this.bench.open();
    await applyDefinitions(security, definitions, name);
    return security;
  }
}

const edited = (edit: (realm: AppRealm) => void): unknown => {
  const [first, ...others] = structuredClone(example());
  edit(first as unknown as AppRealm);
  return [first, ...others];
};

async function problemsOf(definitions: unknown, boots = new Boots()): Promise<string> {
  try {
    await boots.boot(definitions);
  } catch (cause) {
    assert.ok(cause instanceof WampError, String(cause));
    assert.equal(cause.uri, "wamp.error.invalid_argument");
    return (cause.kwargs["errors"] as string[]).join("\n");
  }
  return assert.fail("nothing was wrong");
}

test("the worked example means what it means to Bondy", async () => {
  const security = await new Boots().boot();
  assert.equal(security.realm(app)?.ssoRealmUri, "com.acme.sso");
  const bob = security.principal(app, "Bobby");
  assert.equal(bob?.credentialRealm, "com.acme.sso");
  assert.ok(bob?.enabled && bob.credentialUser.credentials !== null && bob.user.credentials === null);
  assert.deepEqual(security.closure(app, ["devices"]), ["devices", "staff"]);
  assert.equal(security.sources(app).length, 3);
  const device = { user: "device1", roles: ["devices"] };
  assert.ok(security.isGranted(app, device, "wamp.register", "com.acme.x.svc"));
  assert.ok(security.isGranted(app, device, "wamp.call", "com.acme.add"));
  assert.ok(!security.isGranted(app, {}, "wamp.call", "com.acme.add"));
  assert.ok(security.isGranted(app, {}, "wamp.publish", "anything"));
  assert.equal((await security.signingKey(app)).given, true);
  assert.equal(security.realm("com.acme.proto")?.allowConnections, false);
});

test("a file that did not change writes nothing", async () => {
  const boots = new Boots();
  const first = await boots.boot();
  const { written } = boots.store;
  const { hashed } = boots.bench;
  const second = await boots.boot();
  // In another order, with other order of keys.
  await boots.boot(
    example()
      .reverse()
      .map((realm) => Object.fromEntries(Object.entries(realm).reverse())),
  );
  assert.deepEqual([boots.store.written, boots.bench.hashed], [written, hashed]);
  assert.deepEqual(wholeModel(second), wholeModel(first));
});

test("what came from the file follows it, and what is no longer in it goes", async () => {
  const boots = new Boots();
  const before = await boots.boot();
  const security = await boots.boot(
    edited((realm) => {
      realm.users = [{ ...realm.users[0]!, meta: { foo: 2 } }];
      realm.grants.pop();
      realm.sources.shift();
      realm["description"] = "edited";
    }),
  );
  assert.deepEqual(security.user(app, "bob")?.meta, { foo: 2 });
  // The same password: nobody is logged out for it.
  const credentials = (of: SecurityService) => of.principal(app, "bob")?.credentialUser.credentials;
  assert.deepEqual(credentials(security), credentials(before));
  assert.equal(security.user(app, "device1"), undefined);
  assert.equal(security.realm(app)?.record.description, "edited");
  assert.ok(!security.isGranted(app, {}, "wamp.publish", "anything"));
  assert.equal(security.sources(app).length, 2);
  const changed = await boots.boot(edited((realm) => (realm.users[0]!.password = "654321")));
  assert.notDeepEqual(credentials(changed), credentials(before));
  const [, proto, sso] = example();
  const without = await boots.boot([proto, sso]);
  assert.equal(without.realm(app), undefined);
  assert.equal(without.user("com.acme.sso", "bob"), undefined);
});

test("what was changed or deleted at run time stays so, whatever the file says", async () => {
  const boots = new Boots();
  const security = await boots.boot();
  await security.updateUser(app, "bob", { meta: { at: "run time" } });
  await security.deleteUser(app, "device1");
  await security.revoke(app, { permissions: ["wamp.publish"], uri: "", roles: "all" });
  await security.deleteGroup(app, "api_clients");
  await security.rotateKeys(app, 0);
  await security.addUser(app, { username: "eve" });
  const after = wholeModel(security);
  const again = await boots.boot(edited((realm) => (realm.users[0]!.meta = { foo: 3 })));
  assert.deepEqual(wholeModel(again), after);
  // No longer in the file, what was changed stays, and what was deleted may come back by the file.
  const [, proto, sso] = example();
  const without = await boots.boot([proto, sso]);
  assert.deepEqual(
    without
      .users(app)
      .map(({ username }) => username)
      .sort(),
    ["bob", "eve"],
  );
  const back = await boots.boot();
  assert.equal(back.user(app, "device1")?.username, "device1");
  assert.deepEqual(back.user(app, "bob")?.meta, { at: "run time" });
});

test("a user who is deleted at run time, and taken out of the file, may come back with it", async () => {
  const boots = new Boots();
  const withUser = [{ uri: "a", users: [{ username: "bob" }] }];
  const security = await boots.boot(withUser);
  await security.deleteUser("a", "bob");
  assert.equal((await boots.boot(withUser)).user("a", "bob"), undefined);
  await boots.boot([{ uri: "a" }]);
  assert.equal((await boots.boot(withUser)).user("a", "bob")?.username, "bob");
});

test("a group that goes at run time does not stop the file from being followed", async () => {
  const boots = new Boots();
  const security = await boots.boot();
  await security.deleteGroup("com.acme.proto", "staff");
  assert.deepEqual(security.user(app, "bob")?.groups, []);
  const again = await boots.boot(edited((realm) => (realm.users[0]!.meta = { foo: 9 })));
  assert.deepEqual(again.user(app, "bob")?.meta, { foo: 9 });
  assert.deepEqual(again.user(app, "bob")?.groups, []);
  assert.equal(again.group(app, "staff"), undefined);
});

test("a realm that was deleted at run time stays away with all that the file says of it", async () => {
  const boots = new Boots();
  const security = await boots.boot();
  await security.deleteRealm(app, { force: true });
  const again = await boots.boot();
  assert.equal(again.realm(app), undefined);
  assert.deepEqual(again.users(app), []);
  await again.createRealm({ uri: app });
  assert.deepEqual((await boots.boot()).grants(app), []);
});

test("keys that the router made before the file had any verify on beside those of the file", async () => {
  const boots = new Boots();
  const without = edited((realm) => void delete realm["private_keys"]);
  const security = await boots.boot(without);
  const made = await security.signingKey(app);
  assert.equal((await (await boots.boot(without)).signingKey(app)).kid, made.kid);
  const given = await boots.boot();
  const keys = given.signingKeys(app);
  assert.deepEqual(
    keys.map((key) => key.given),
    [true, false],
  );
  assert.equal(keys[1]?.kid, made.kid);
});

test("all problems of a file are told at once, and nothing of it is applied", async () => {
  const boots = new Boots();
  const [first, ...others] = example();
  const told = await problemsOf(
    [
      {
        ...first,
        users: [
          { username: "bob", groups: ["nobody"] },
          { username: "Bob" },
          { username: "eve", sso_realm_uri: "com.acme.proto" },
        ],
        groups: [
          { name: "x", groups: ["y"] },
          { name: "y", groups: ["x"] },
        ],
        sources: [{ usernames: ["ghost"], authmethod: "password", cidr: "::/0" }],
        grants: [{ permissions: ["wamp.call"], uri: "a", roles: ["ghost", "bob"] }],
      },
      { uri: "com.leapsight.bondy.x" },
      { uri: "z", prototype_uri: "com.acme.sso" },
      ...others,
    ],
    boots,
  );
  for (const expected of [
    /^\[0\]\.users\[0\]\.groups: no such groups: nobody$/m,
    /^\[0\]\.users\[1\]\.username: the user bob is defined twice$/m,
    /^\[0\]\.users\[2\]\.sso_realm_uri: there is no same-sign-on realm com\.acme\.proto$/m,
    /^\[0\]\.groups\[0\]\.groups: x → y → x is a cycle$/m,
    /^\[0\]\.sources\[0\]\.usernames: no such users: ghost$/m,
    /^\[0\]\.grants\[0\]\.roles: neither user nor group: ghost$/m,
    /^\[1\]\.uri: com\.leapsight\.bondy is the router's own$/m,
    /^\[2\]\.prototype_uri: there is no prototype com\.acme\.sso$/m,
  ])
    assert.match(told, expected);
  const security = await boots.bench.open();
  assert.deepEqual(
    security.realms().map(({ uri }) => uri),
    [master],
  );
});

test("hostile files end in problems", async () => {
  for (const definitions of [
    null,
    5,
    "x",
    {},
    [null],
    [[]],
    [{ uri: 5 }],
    [{ uri: "a", users: {} }],
    [{ uri: "a" }, { uri: "A" }],
    JSON.parse('[{"uri": "a", "__proto__": 1}]'),
  ])
    assert.notEqual(await problemsOf(definitions), "");
});

test("two files do not define the same thing", async () => {
  const boots = new Boots();
  const security = await boots.boot([{ uri: "a" }], "one");
  await assert.rejects(
    applyDefinitions(security, [{ uri: "a" }], "two"),
    /the realm a is defined in one too/,
  );
  await applyDefinitions(security, [{ uri: "b" }], "two");
  assert.ok(security.realm("a") !== undefined && security.realm("b") !== undefined);
  // Nor does one undo what was done to what the other defines.
  await security.deleteRealm("a", { force: false });
  const again = await boots.boot([{ uri: "b" }], "two");
  await applyDefinitions(again, [{ uri: "a" }], "one");
  assert.equal(again.realm("a"), undefined);
});

test("passwords of a file are not to be guessed from what is stored", async () => {
  const digests = async (): Promise<string> => {
    const boots = new Boots();
    await boots.boot();
    const entries = [...boots.store.entries("")].map(
      ([key, value]) => `${key} ${Buffer.from(value).toString("latin1")}`,
    );
    const stored = entries.join("\n");
    assert.ok(!stored.includes("123456"));
    return (
      /[\w-]{43} file/.exec(entries.find((entry) => entry.includes("user com.acme.sso bob")) ?? "")?.[0] ?? ""
    );
  };
  const [one, other] = [await digests(), await digests()];
  assert.ok(one !== "" && one !== other);
});

test("a file that is not among those of this start any more takes along what it said", async () => {
  const security = await new TestSecurity().open();
  const users = [{ username: "bob", password: "123456" }];
  await applyDefinitions(security, [{ uri: "com.one", users }], "one.json");
  await applyDefinitions(security, [{ uri: "com.two" }], "two.json");
  await dropOtherDefinitions(security, ["one.json", "two.json"]);
  assert.ok(security.user("com.one", "bob") !== undefined && security.realm("com.two") !== undefined);
  await dropOtherDefinitions(security, ["two.json"]);
  assert.equal(security.realm("com.one"), undefined);
  assert.ok(security.realm("com.two") !== undefined && security.realm(master) !== undefined);
});
