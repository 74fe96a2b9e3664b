/** The security model in several workers: the first has it, the others are asked alike and change it alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import { fillRandom } from "../../src/host.ts";
import { openReplica, type Replicated, shareSecurity } from "../../src/main/shared-security.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { openSecurity } from "../../src/security/open.ts";
import type { SecurityChange, SecurityModel } from "../../src/security/model.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { testChannels } from "../support/worker-channels.ts";

interface Workers {
  readonly home: SecurityService;
  readonly replicas: readonly Replicated[];
  join(): Promise<Replicated>;
}

async function workers(count: number): Promise<Workers> {
  const store = new MemoryStore();
  await store.commit([{ key: "router/secret", value: new Uint8Array([1, 2, 3]) }]);
  const home = await openSecurity({
    store,
    hashPassword: () => Promise.reject(new Error("no passwords here")),
    verifyPassword: () => Promise.resolve(false),
    wall_ms: () => Date.now(),
    fillRandom,
    automaticRealms: { description: "made because somebody came" },
  });
  const channels = testChannels();
  shareSecurity({ security: home, store, secretKeys: ["router/secret"], channel: channels.home });
  const join = (): Promise<Replicated> => openReplica(channels.join(), silentLog);
  return { home, replicas: await Promise.all(Array.from({ length: count }, join)), join };
}

/** What the model says of everything that is asked for below. */
const told = (model: SecurityModel): unknown => ({
  realms: model.realms().map(({ uri }) => uri),
  users: model.users("com.example"),
  groups: model.groups("com.example"),
  grants: model.grants("com.example"),
  sources: model.sources("com.example"),
  rules: model.rulesFor("com.example", {
    authid: "kim",
    authrole: "staff",
    authmethod: "trust",
    authprovider: "local",
    user: "kim",
    roles: ["staff"],
  }),
});

const grant = {
  permissions: ["wamp.call"],
  uri: "com.example.",
  match: "prefix",
  roles: ["staff"],
};

test("a change is in force in all workers when it is answered, whichever of them asked for it", async () => {
  const { home, replicas } = await workers(2);
  const [one, other] = replicas.map(({ security }) => security);
  const heard: SecurityChange[] = [];
  other!.onChange((change) => heard.push(change));
  await one!.createRealm({ uri: "com.example" });
  await home.addGroup("com.example", { name: "staff" });
  await other!.addUser("com.example", { username: "Kim", groups: ["staff"] });
  assert.equal(one!.user("com.example", "kim")?.username, "kim");
  await one!.grant("com.example", grant);
  assert.deepEqual(told(one!), told(home));
  assert.deepEqual(told(other!), told(home));
  assert.deepEqual(
    heard.map(({ kind, action }) => `${kind} ${action}`),
    ["realm created", "group created", "user created", "grant created"],
  );
  await other!.revoke("com.example", grant);
  assert.deepEqual(one!.grants("com.example"), []);
});

test("a worker that begins later has what the others have, and hears what changes meanwhile", async () => {
  const { home, replicas, join } = await workers(1);
  await home.createRealm({ uri: "com.example", groups: [{ name: "staff" }] });
  const [late] = await Promise.all([
    join(),
    home.addUser("com.example", { username: "kim", groups: ["staff"] }),
    replicas[0]!.security.grant("com.example", grant),
  ]);
  assert.deepEqual(told(late.security), told(home));
  assert.equal(late.security.nodeId, home.nodeId);
  assert.deepEqual([...(late.secrets.get("router/secret") ?? [])], [1, 2, 3]);
});

test("what is refused by the first thread is refused in the same words, and rights are asked about where the caller is", async () => {
  const { replicas } = await workers(1);
  const { security } = replicas[0]!;
  await assert.rejects(
    security.createRealm({ uri: 7 }),
    (cause) => cause instanceof WampError && cause.uri === "wamp.error.invalid_argument",
  );
  await security.createRealm({ uri: "com.sso", is_sso_realm: true });
  await security.createRealm({ uri: "com.example", sso_realm_uri: "com.sso" });
  await security.addUser("com.sso", { username: "kim" });
  await security.addUser("com.example", { username: "kim", sso_realm_uri: "com.sso" });
  const asked: string[] = [];
  const refuse = (realm: string): never => {
    asked.push(realm);
    throw new WampError("wamp.error.not_authorized", "not here");
  };
  const key = "a".repeat(64);
  await assert.rejects(
    security.updateUser("com.example", "kim", { authorized_keys: [key] }, refuse),
    /not here/,
  );
  assert.deepEqual(asked, ["com.sso"]);
  await security.updateUser("com.example", "kim", { meta: { a: 1 } }, refuse);
  assert.deepEqual(security.user("com.example", "kim")?.meta, { a: 1 });
});

test("a realm that a HELLO names is made once, and is there where it was asked for", async () => {
  const { home, replicas } = await workers(2);
  const made = await Promise.all(replicas.map(({ security }) => security.automaticRealm("com.new")));
  assert.deepEqual(
    made.map((realm) => realm?.uri),
    ["com.new", "com.new"],
  );
  assert.equal(home.realms().filter(({ uri }) => uri === "com.new").length, 1);
});
