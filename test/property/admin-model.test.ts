/** Random administration of one realm through WAMP calls, against a model in a few lines. Set SEED to repeat a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Message } from "../../src/protocol/messages.ts";
import { adminRig } from "../support/admin-rig.ts";
import type { Dict, Wire } from "../support/wire.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const about = `SEED=${seed}`;

interface UserModel {
  groups: string[];
  enabled: boolean;
}

interface RealmModel {
  readonly users: Map<string, UserModel>;
  readonly groups: Set<string>;
  /** `role uri` */
  readonly grants: Set<string>;
}

type Answer = { readonly result: unknown } | { readonly error: string };
const nothing: Answer = { result: undefined };
const notFound: Answer = { error: "bondy.error.not_found" };
const exists: Answer = { error: "bondy.error.already_exists" };

interface Operation {
  readonly procedure: string;
  readonly args: readonly unknown[];
  /** Does it to the model, and says what the router must answer. */
  expected(model: RealmModel): Answer;
}

const userArb = fc.constantFrom("usr1", "usr2", "usr3");
const groupArb = fc.constantFrom("g1", "g2");
const uriArb = fc.constantFrom("com.x", "com.y");

/** What is done to a user that is there. */
const onUser = (
  procedure: string,
  args: readonly unknown[],
  act: (user: UserModel, model: RealmModel) => Answer,
): Operation => ({
  procedure,
  args,
  expected(model) {
    const user = model.users.get(String(args[0]));
    return user === undefined ? notFound : act(user, model);
  },
});

const addUser = userArb.map(
  (username): Operation => ({
    procedure: "user.add",
    args: [{ username }],
    expected({ users }) {
      if (users.has(username)) return exists;
      users.set(username, { groups: [], enabled: true });
      return { result: { username, groups: [], enabled: true } };
    },
  }),
);
const deleteUser = userArb.map((name) =>
  onUser("user.delete", [name], (_, { users, grants }) => {
    users.delete(name);
    forget(grants, `user/${name}`);
    return nothing;
  }),
);
const setEnabled = fc.tuple(userArb, fc.boolean()).map(([name, enabled]) =>
  onUser(enabled ? "user.enable" : "user.disable", [name], (user) => {
    user.enabled = enabled;
    return nothing;
  }),
);
const isEnabled = userArb.map((name) =>
  onUser("user.is_enabled", [name], ({ enabled }) => ({ result: enabled })),
);
const getUser = userArb.map((name) =>
  onUser("user.get", [name], ({ groups, enabled }) => ({ result: { username: name, groups, enabled } })),
);
const joinGroup = fc.tuple(userArb, groupArb).map(([name, group]) =>
  onUser("user.add_group", [name, group], (user, { groups }) => {
    if (!groups.has(group)) return { error: "bondy.error.no_such_groups" };
    if (!user.groups.includes(group)) user.groups.push(group);
    return nothing;
  }),
);
const leaveGroup = fc.tuple(userArb, groupArb).map(([name, group]) =>
  onUser("user.remove_group", [name, group], (user) => {
    user.groups = user.groups.filter((other) => other !== group);
    return nothing;
  }),
);
const addGroup = groupArb.map(
  (name): Operation => ({
    procedure: "group.add",
    args: [{ name }],
    expected({ groups }) {
      if (groups.has(name)) return exists;
      groups.add(name);
      return { result: { name, groups: [] } };
    },
  }),
);
const deleteGroup = groupArb.map(
  (name): Operation => ({
    procedure: "group.delete",
    args: [name],
    expected({ groups, users, grants }) {
      if (!groups.delete(name)) return notFound;
      for (const user of users.values()) user.groups = user.groups.filter((other) => other !== name);
      forget(grants, `group/${name}`);
      return nothing;
    },
  }),
);
const roleArb = fc.oneof(
  userArb.map((name) => `user/${name}`),
  groupArb.map((name) => `group/${name}`),
);
const grant = fc.tuple(roleArb, uriArb, fc.boolean()).map(
  ([role, uri, isGrant]): Operation => ({
    procedure: isGrant ? "grant.create" : "grant.revoke",
    args: [{ permissions: ["wamp.publish"], uri, match: "exact", roles: [role] }],
    expected({ users, groups, grants }) {
      const [kind, name = ""] = role.split("/");
      const isThere = kind === "user" ? users.has(name) : groups.has(name);
      if (!isThere) return { error: "bondy.error.unknown_roles" };
      if (isGrant) grants.add(`${role} ${uri}`);
      else grants.delete(`${role} ${uri}`);
      return nothing;
    },
  }),
);
const authorize = fc.tuple(userArb, uriArb).map(([name, uri]) =>
  onUser("rbac.authorize", [name, "wamp.publish", uri], ({ groups }, { grants }) => ({
    result: [`user/${name}`, ...groups.map((group) => `group/${group}`)].some((role) =>
      grants.has(`${role} ${uri}`),
    ),
  })),
);

function forget(grants: Set<string>, role: string): void {
  for (const entry of grants) if (entry.startsWith(`${role} `)) grants.delete(entry);
}

const operations = fc.array(
  fc.oneof(
    addUser,
    deleteUser,
    setEnabled,
    isEnabled,
    getUser,
    joinGroup,
    leaveGroup,
    addGroup,
    deleteGroup,
    { weight: 2, arbitrary: grant },
    { weight: 2, arbitrary: authorize },
  ),
  { minLength: 1, maxLength: 40 },
);

async function answerOf(wire: Wire, { procedure, args }: Operation): Promise<Answer> {
  wire.call(`bondy.${procedure}`, {}, ["com.a", ...args]);
  const message = await wire.next();
  if (message[0] === Message.error) return { error: String(message[4]) };
  return { result: (message[3] as unknown[] | undefined)?.[0] };
}

/** Of a form, the fields that the model knows. */
function asKnown(answer: Answer, expected: Answer): Answer {
  if (!("result" in answer) || !("result" in expected)) return answer;
  const { result } = expected;
  if (typeof result !== "object" || result === null) return answer;
  const form = answer.result as Dict;
  return { result: Object.fromEntries(Object.keys(result).map((name) => [name, form[name]])) };
}

test(`random administration answers as the model does (${about})`, async () => {
  const property = fc.asyncProperty(operations, async (run) => {
    await using rig = await adminRig();
    const boss = await rig.join("com.a", "boss");
    const model: RealmModel = { users: new Map(), groups: new Set(), grants: new Set() };
    for (const operation of run) {
      const expected = operation.expected(model);
      const what = `${operation.procedure} ${JSON.stringify(operation.args)}`;
      assert.deepEqual(asKnown(await answerOf(boss, operation), expected), expected, what);
    }
    const users = rig.security.users("com.a").filter(({ username }) => username.startsWith("usr"));
    assert.deepEqual(users.map(({ username }) => username).sort(), [...model.users.keys()].sort());
  });
  await fc.assert(property, { seed, numRuns: 40, includeErrorInReport: true });
});
