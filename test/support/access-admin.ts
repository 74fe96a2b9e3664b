/** Rights changed as an administrator changes them, by calls of the procedures, beside the model: for property/security-live. */
import assert from "node:assert/strict";
import type { ClientSession } from "../../src/client/session.ts";
import { errors } from "../../src/protocol/errors.ts";
import type { GrantRecord } from "../../src/security/records.ts";
import type { AccessRealms } from "./access-realms.ts";
import { type Changed, type Changes, realmOfSlot, realmUris, type Step, userOfSlot } from "./access-world.ts";

export const prototypeUri = "proto";
const groups = ["g", "h", "i"];
const users = ["ann", "bob"];

/** Both realms, as a file of definitions has them: groups are the prototype's, users their own. */
export const definitions = [
  { uri: prototypeUri, is_prototype: true, groups: groups.map((name) => ({ name })) },
  ...realmUris.map((uri) => realmOf(uri, () => [])),
];

function realmOf(uri: string, groupsOf: (user: string) => readonly string[]) {
  return {
    uri,
    prototype_uri: prototypeUri,
    users: users.map((username) => ({ username, groups: groupsOf(username) })),
  };
}

const slotsOf = (uri: string, user: string | null): readonly number[] =>
  [0, 1, 2, 3, 4, 5].filter(
    (slot) => realmOfSlot(slot) === uri && (user === null || userOfSlot(slot) === user),
  );

const formOf = ({ role, uri, match, effect, permissions }: GrantRecord) => ({
  permissions,
  uri,
  match,
  roles: [role],
  effect,
});

/** What is left when permissions are taken away from all grants of the same role, pattern and effect. */
function without(grants: readonly GrantRecord[], taken: GrantRecord): GrantRecord[] {
  const isSame = ({ role, uri, match, effect }: GrantRecord): boolean =>
    role === taken.role && uri === taken.uri && match === taken.match && effect === taken.effect;
  return grants.flatMap((grant) => {
    if (!isSame(grant)) return [grant];
    const permissions = grant.permissions.filter((name) => !taken.permissions.includes(name));
    return permissions.length === 0 ? [] : [{ ...grant, permissions }];
  });
}

export class AdminChanges implements Changes {
  readonly #admin: ClientSession;
  readonly #model: AccessRealms;

  constructor(admin: ClientSession, model: AccessRealms) {
    this.#admin = admin;
    this.#model = model;
  }

  async #call(procedure: string, ...args: readonly unknown[]): Promise<void> {
    await this.#admin.call(`bondy.${procedure}`, args);
  }

  async make(step: Step): Promise<Changed | null> {
    const changed = await this.#change(step);
    // Who is ended hears it at the end of the turn, and who loses much a share per turn.
    for (let turns = 0; turns < 12; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
    return changed;
  }

  async #change({ kind, grant, realm, choice, flag }: Step): Promise<Changed | null> {
    const uri = realmUris[realm]!;
    switch (kind) {
      case "grant":
        return this.#grant(uri, grant);
      case "revoke":
        return this.#revoke(uri, choice);
      case "prototype":
        return flag ? this.grantPrototype(grant) : this.#revokePrototype(choice);
      case "groups":
        return this.#join(
          flag ? "ann" : "bob",
          groups.filter((_, i) => (choice >> i) & 1),
        );
      case "nesting":
        return flag
          ? this.#nest("g", choice % 2 === 0 ? ["h"] : [])
          : this.#nest("h", choice % 3 === 0 ? ["i"] : []);
      case "mode":
        return this.#setMode(uri, flag);
      case "switch":
        await this.#call(`realm.security.${flag ? "enable" : "disable"}`, uri);
        this.#model.realm(uri).isOn = flag;
        return { realms: [uri] };
      case "new user":
        return this.#renewUser(uri, flag ? "ann" : "bob");
      case "new group":
        return this.#renewGroup(groups[choice % groups.length]!);
      case "new realm":
        return this.#renewRealm(uri);
      default:
        return null;
    }
  }

  async #grant(uri: string, given: GrantRecord): Promise<Changed> {
    const here = this.#model.realm(uri);
    const grant = here.mostSpecific ? given : { ...given, effect: "allow" as const };
    await this.#call("grant.create", uri, formOf(grant));
    here.grants.push(grant);
    return { realms: [uri] };
  }

  async #revoke(uri: string, choice: number): Promise<Changed | null> {
    const here = this.#model.realm(uri);
    const taken = here.grants[choice % Math.max(1, here.grants.length)];
    if (taken === undefined) return null;
    await this.#call("grant.revoke", uri, formOf(taken));
    here.grants = without(here.grants, taken);
    return { realms: [uri] };
  }

  /** The prototype has no users to grant anything to, and no grants that deny. */
  async grantPrototype(given: GrantRecord): Promise<Changed | null> {
    if (given.role.startsWith("user/")) return null;
    const grant = { ...given, effect: "allow" as const };
    await this.#call("grant.create", prototypeUri, formOf(grant));
    this.#model.prototype.push(grant);
    return { realms: realmUris };
  }

  async #revokePrototype(choice: number): Promise<Changed | null> {
    const { prototype } = this.#model;
    const taken = prototype[choice % Math.max(1, prototype.length)];
    if (taken === undefined) return null;
    await this.#call("grant.revoke", prototypeUri, formOf(taken));
    this.#model.prototype = without(prototype, taken);
    return { realms: realmUris };
  }

  async #join(user: string, names: readonly string[]): Promise<Changed> {
    for (const uri of realmUris) await this.#call("user.update", uri, user, { groups: names });
    this.#model.users.set(user, names);
    return { realms: realmUris };
  }

  async #nest(group: string, above: readonly string[]): Promise<Changed> {
    await this.#call("group.update", prototypeUri, group, { groups: above });
    this.#model.groups.set(group, above);
    return { realms: realmUris };
  }

  /** A realm with grants that deny stays one that lets them. */
  async #setMode(uri: string, mostSpecific: boolean): Promise<Changed | null> {
    const here = this.#model.realm(uri);
    const rbac = mostSpecific ? "most_specific" : "additive";
    const change = this.#call("realm.update", uri, { rbac });
    if (!mostSpecific && here.grants.some(({ effect }) => effect === "deny")) {
      await assert.rejects(change, { uri: errors.invalidArgument.uri });
      return null;
    }
    await change;
    here.mostSpecific = mostSpecific;
    return { realms: [uri] };
  }

  /** One of the same name is another one. */
  async #renewUser(uri: string, username: string): Promise<Changed> {
    await this.#call("user.delete", uri, username);
    await this.#call("user.add", uri, { username, groups: this.#model.users.get(username) ?? [] });
    const here = this.#model.realm(uri);
    here.grants = here.grants.filter(({ role }) => role !== `user/${username}`);
    return { realms: [uri], ended: slotsOf(uri, username), reason: "wamp.close.killed" };
  }

  async #renewGroup(name: string): Promise<Changed> {
    await this.#call("group.delete", prototypeUri, name);
    await this.#call("group.add", prototypeUri, { name });
    const model = this.#model;
    const isOther = (other: string): boolean => other !== name;
    for (const [user, names] of model.users) model.users.set(user, names.filter(isOther));
    model.groups.delete(name);
    for (const [group, above] of model.groups) model.groups.set(group, above.filter(isOther));
    const isLeft = ({ role }: GrantRecord): boolean => role !== `group/${name}`;
    model.prototype = model.prototype.filter(isLeft);
    for (const realm of model.realms.values()) realm.grants = realm.grants.filter(isLeft);
    return { realms: realmUris };
  }

  async #renewRealm(uri: string): Promise<Changed> {
    await this.#admin.call("bondy.realm.delete", [uri], { force: true });
    await this.#call(
      "realm.create",
      realmOf(uri, (user) => this.#model.users.get(user) ?? []),
    );
    this.#model.realms.set(uri, { grants: [], mostSpecific: false, isOn: true });
    return { realms: [uri], ended: slotsOf(uri, null), reason: "wamp.close.close_realm" };
  }
}
