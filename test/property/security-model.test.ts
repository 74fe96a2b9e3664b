/**
 * The security model against the plainest model of it: changes in random order, valid and not, with restarts between. Set SEED to
 * repeat a run, and RUNS for more or fewer of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WampError } from "../../src/protocol/errors.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { TestSecurity, wholeModel } from "../support/security.ts";
import {
  type Outcome,
  type RealmName,
  realms,
  type Resource,
  SecurityOracle,
} from "../support/security-oracle.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const numRuns = Number(process.env["RUNS"] ?? 300);

const realm = fc.constantFrom<RealmName>(...realms);
// One name is in both lists: it may become a user, a group or both.
const groupNames = ["aaa", "bbb", "ccc", "both"];
const userNames = ["bob", "eve", "both"];
const groupName = fc.constantFrom(...groupNames);
const userName = fc.constantFrom(...userNames);
const groupList = fc.uniqueArray(groupName, { maxLength: 3 });
const roleName = fc.constantFrom("all", "anonymous", ...groupNames, "bob", "eve");
const permissions = ["wamp.call", "my.own"];
const resources: readonly Resource[] = [
  { uri: "a.b", match: "exact" },
  { uri: "a.", match: "prefix" },
  { uri: "", match: "prefix" },
  { uri: "a..c", match: "wildcard" },
];
const uris = ["a.b", "a.b.c", "a.bc", "b", "a.x.c"];
const mode = fc.constantFrom<"add" | "update">("add", "add", "update");

type Step = readonly [
  name: string,
  real: (to: SecurityService) => Promise<unknown>,
  oracle: (to: SecurityOracle) => Outcome,
];

const step: fc.Arbitrary<Step | "restart"> = fc.oneof(
  { weight: 1, arbitrary: fc.constant("restart" as const) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(realm, groupName, groupList, mode)
      .map(
        ([uri, name, groups, how]): Step => [
          `${how} group ${uri} ${name} [${groups.join()}]`,
          (to) =>
            how === "add" ? to.addGroup(uri, { name, groups }) : to.updateGroup(uri, name, { groups }),
          (to) => to.putGroup(uri, name, groups, how),
        ],
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(realm, groupName)
      .map(
        ([uri, name]): Step => [
          `delete group ${uri} ${name}`,
          (to) => to.deleteGroup(uri, name),
          (to) => to.deleteGroup(uri, name),
        ],
      ),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(realm, userName, groupList, mode)
      .map(
        ([uri, username, groups, how]): Step => [
          `${how} user ${uri} ${username} [${groups.join()}]`,
          (to) =>
            how === "add" ? to.addUser(uri, { username, groups }) : to.updateUser(uri, username, { groups }),
          (to) => to.putUser(uri, username, groups, how),
        ],
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(realm, userName)
      .map(
        ([uri, name]): Step => [
          `delete user ${uri} ${name}`,
          (to) => to.deleteUser(uri, name),
          (to) => to.deleteUser(uri, name),
        ],
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(realm, fc.constantFrom("all", ...userNames))
      .map(
        ([uri, name]): Step => [
          `add source ${uri} ${name}`,
          (to) => to.addSource(uri, { usernames: [name], authmethod: "password", cidr: "10.0.0.0/8" }),
          (to) => to.addSource(uri, name),
        ],
      ),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(realm, roleName, fc.constantFrom(...resources), fc.constantFrom(...permissions), fc.boolean())
      .map(
        ([uri, role, resource, permission, give]): Step => [
          `${give ? "grant" : "revoke"} ${uri} ${role} ${permission} ${resource.match} "${resource.uri}"`,
          (to) =>
            to[give ? "grant" : "revoke"](uri, { roles: [role], permissions: [permission], ...resource }),
          (to) => to.changeGrant(uri, role, { resource, permission, give }),
        ],
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(realm, fc.boolean())
      .map(
        ([uri, enabled]): Step => [
          `security ${uri} ${enabled}`,
          (to) => to.setSecurityEnabled(uri, enabled),
          (to) => to.setSecurityEnabled(uri, enabled),
        ],
      ),
  },
);

async function outcomeOf(change: Promise<unknown>): Promise<string> {
  try {
    await change;
    return "ok";
  } catch (cause) {
    if (!(cause instanceof WampError)) throw cause;
    return cause.uri.slice(cause.uri.lastIndexOf(".") + 1);
  }
}

function compare(real: SecurityService, oracle: SecurityOracle): void {
  for (const uri of realms) {
    assert.deepEqual(
      real
        .groups(uri)
        .map(({ name }) => name)
        .sort(),
      oracle.groups(uri),
      uri,
    );
    const users = real
      .users(uri)
      .map(({ username, groups }) => [username, groups])
      .sort();
    assert.deepEqual(users, [...oracle.users(uri)].sort(), uri);
    assert.deepEqual(
      real
        .sources(uri)
        .map(({ username }) => username)
        .sort(),
      oracle.sources(uri),
      uri,
    );
    const grants = real
      .grants(uri)
      .map((grant) => `${grant.role} ${grant.match} ${grant.uri} ${grant.permissions}`);
    assert.deepEqual(grants.sort(), oracle.grants(uri), uri);
    for (const name of groupNames)
      assert.deepEqual(
        [...real.closure(uri, [name])].sort(),
        [...oracle.closure(uri, [name])].sort(),
        `${uri} ${name}`,
      );
    for (const user of [undefined, ...oracle.users(uri).keys()]) {
      const identity = user === undefined ? {} : { user, roles: real.user(uri, user)!.groups };
      for (const permission of permissions)
        for (const asked of uris)
          assert.equal(
            real.isGranted(uri, identity, permission, asked),
            oracle.isGranted(uri, user, { permission, uri: asked }),
            `${uri} ${user} ${permission} ${asked}`,
          );
    }
  }
}

test("changes in any order make what the plain model makes, before and after a restart", async (t) => {
  t.diagnostic(`SEED=${seed}`);
  let changed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80, size: "max" }), async (steps) => {
      const bench = new TestSecurity();
      const oracle = new SecurityOracle();
      let real = await bench.open();
      await real.createRealm({ uri: "proto", is_prototype: true, security_enabled: true });
      for (const uri of ["one", "two"])
        await real.createRealm({ uri, prototype_uri: "proto", security_enabled: true });
      await real.createRealm({ uri: "solo" });
      for (const taken of steps) {
        if (taken === "restart") {
          const before = wholeModel(real);
          real = await bench.open();
          assert.deepEqual(wholeModel(real), before);
          compare(real, oracle);
          continue;
        }
        const [name, change, expected] = taken;
        const outcome = await outcomeOf(change(real));
        assert.equal(outcome, expected(oracle), name);
        if (outcome === "ok") changed++;
      }
      compare(real, oracle);
      const again = await bench.open();
      assert.deepEqual(wholeModel(again), wholeModel(real));
      compare(again, oracle);
    }),
    { seed, numRuns },
  );
  assert.ok(changed > numRuns * 5, `only ${changed} changes were made`);
});
