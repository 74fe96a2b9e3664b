/** Clients of two realms whose rights change, beside a model of what each of them may: for property/access-model. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Router } from "../../src/main.ts";
import type { Identity } from "../../src/ports.ts";
import { errors } from "../../src/protocol/errors.ts";
import { Match, Message, matchNames } from "../../src/protocol/messages.ts";
import { Permission } from "../../src/protocol/permissions.ts";
import { isAllowed } from "../../src/security/decide.ts";
import type { GrantRecord, Role } from "../../src/security/records.ts";
import { AccessClient, type Held, nameOf } from "./access-client.ts";
import type { AccessRealms } from "./access-realms.ts";
import { bestModel, matchesOne } from "./pattern-model.ts";

export const realmUris = ["one", "two"] as const;
const permissionNames = [
  "wamp.call",
  "wamp.register",
  "wamp.unregister",
  "wamp.subscribe",
  "wamp.unsubscribe",
  "wamp.publish",
  "wamp.disclose_publisher",
  "wamp.disclose_caller",
  "an.own.permission",
];
const uris = ["a", "a.b", "a.a", "ab.a", "b.a", "b.b", "a.b.a", "a.a.a", "wamp.session.count"];
const patterns: readonly Held[] = [
  ...uris.slice(0, 8).map((uri) => ({ uri, match: Match.exact })),
  ...["", "a", "a.", "a.b", "ab", "b."].map((uri) => ({ uri, match: Match.prefix })),
  ...["a.", ".a", "a..a", "..", "a.b", ".b.", "."].map((uri) => ({ uri, match: Match.wildcard })),
];
const granted: readonly Held[] = [...patterns, { uri: "wamp.session.count", match: Match.exact }];
const roles: readonly Role[] = ["all", "anonymous", "user/ann", "user/bob", "group/g", "group/h", "group/i"];

export const grantArb: fc.Arbitrary<GrantRecord> = fc
  .tuple(
    fc.constantFrom(...roles),
    fc.constantFrom(...granted),
    // More that allow than that deny.
    fc.integer({ min: 0, max: 3 }),
    fc.subarray(permissionNames, { minLength: 5 }),
  )
  .map(([role, { uri, match }, allows, permissions]) => ({
    role,
    uri,
    match: matchNames[match],
    effect: allows > 0 ? "allow" : "deny",
    permissions,
    meta: {},
  }));

const step = <T extends string>(kind: T, weight: number) => ({
  weight,
  arbitrary: fc.record({
    kind: fc.constant(kind),
    grant: grantArb,
    client: fc.nat({ max: 5 }),
    realm: fc.nat({ max: 1 }),
    choice: fc.nat({ max: 5_039 }),
    flag: fc.boolean(),
  }),
});
export const stepArb = fc.oneof(
  step("grant", 6),
  step("revoke", 4),
  step("groups", 2),
  step("nesting", 1),
  step("prototype", 2),
  step("mode", 1),
  step("switch", 1),
  step("new user", 1),
  step("new group", 1),
  step("new realm", 1),
  step("subscribe", 10),
  step("unsubscribe", 3),
  step("register", 6),
  step("unregister", 2),
  step("publish", 10),
  step("call", 8),
  step("reconnect", 1),
);
export type Step = typeof stepArb extends fc.Arbitrary<infer T> ? T : never;

/** Changes rights of the router as the model's are changed; in which realms, and whose sessions that ends, by slot. */
export interface Changes {
  make(step: Step): Promise<Changed | null>;
}
export interface Changed {
  readonly realms: readonly string[];
  readonly ended?: readonly number[];
  /** Of the GOODBYE that they are told. */
  readonly reason?: string;
}

/** The realm that a slot's client is in, and its user; null: nobody in particular. */
export const realmOfSlot = (slot: number): string => realmUris[slot < 3 ? 0 : 1];
export const userOfSlot = (slot: number): string | null => (["ann", "bob", null] as const)[slot % 3]!;

const identityOf = (slot: number, { users }: AccessRealms): Identity => {
  const base = { authrole: "r", authprovider: "test" };
  const user = userOfSlot(slot);
  if (user === null) return { ...base, authid: `nobody${slot}`, authmethod: "anonymous" };
  return { ...base, authid: user, authmethod: "password", user, roles: users.get(user) ?? [] };
};

/** The policy is the router's and the model's at once; the router is told. */
class PolicyChanges implements Changes {
  readonly #router: Router;
  readonly #policy: AccessRealms;

  constructor(router: Router, policy: AccessRealms) {
    this.#router = router;
    this.#policy = policy;
  }

  async make(step: Step): Promise<Changed | null> {
    const realms = this.#change(step);
    if (realms === null) return null;
    this.#router.refreshAccess(realms);
    return { realms };
  }

  #change({ kind, grant, realm, choice, flag }: Step): readonly string[] | null {
    const uri = realmUris[realm]!;
    const here = this.#policy.realm(uri);
    switch (kind) {
      case "grant":
        here.grants.push(grant);
        return [uri];
      case "revoke":
        here.grants.splice(choice % Math.max(1, here.grants.length), 1);
        return [uri];
      case "prototype":
        if (flag) this.#policy.prototype.push(grant);
        else this.#policy.prototype.splice(choice % Math.max(1, this.#policy.prototype.length), 1);
        return realmUris;
      case "groups":
        this.#policy.users.set(
          flag ? "ann" : "bob",
          ["g", "h", "i"].filter((_, i) => (choice >> i) & 1),
        );
        return realmUris;
      case "nesting":
        this.#policy.groups.set("g", choice % 2 === 0 ? ["h"] : []);
        this.#policy.groups.set("h", choice % 3 === 0 ? ["i"] : []);
        return realmUris;
      case "mode":
        here.mostSpecific = flag;
        return [uri];
      case "switch":
        here.isOn = flag;
        return [uri];
      default:
        return null;
    }
  }
}

/** A client, what it holds as the model has it, and what must come. */
class Player {
  readonly client: AccessClient;
  readonly subscriptions = new Map<string, Held>();
  due: string[] = [];
  constructor(client: AccessClient) {
    this.client = client;
    this.due.push("welcome");
  }
}

interface Registration extends Held {
  readonly realm: string;
  readonly owner: Player;
}

export class AccessWorld {
  readonly policy: AccessRealms;
  readonly router: Router;
  readonly players: Player[];
  registrations: Registration[] = [];
  compared = 0;
  refused = 0;
  revoked = 0;
  ended = 0;
  #published = 0;
  readonly #changes: Changes;

  constructor(router: Router, policy: AccessRealms, changes: Changes = new PolicyChanges(router, policy)) {
    this.router = router;
    this.policy = policy;
    this.#changes = changes;
    this.players = Array.from({ length: 6 }, (_, slot) => this.#enter(slot));
  }

  #enter(slot: number): Player {
    return new Player(new AccessClient(this.router, realmOfSlot(slot), identityOf(slot, this.policy)));
  }

  async take(step: Step): Promise<void> {
    const { kind, client, choice, flag } = step;
    const player = this.players[client]!;
    const pattern = patterns[choice % patterns.length]!;
    switch (kind) {
      case "subscribe":
        return this.#subscribe(player, pattern);
      case "unsubscribe":
        return this.#unsubscribe(player, choice);
      case "register":
        return this.#register(player, pattern);
      case "unregister":
        return this.#unregister(player, choice);
      case "publish":
        return this.#publish(player, uris[choice % 8]!, flag);
      case "call":
        return this.#call(player, uris[choice % uris.length]!, flag);
      case "reconnect":
        return this.#reconnect(client);
      default: {
        const changed = await this.#changes.make(step);
        if (changed !== null) this.#changed(changed);
      }
    }
  }

  allows({ client }: Player, permission: Permission, uri: string, match: Match = Match.exact): boolean {
    return isAllowed(this.policy.rulesFor(client.realm, client.identity), { permission, uri, match });
  }

  #refuse(player: Player, request: number, error: string = errors.notAuthorized.uri): void {
    this.refused++;
    player.due.push(`error ${request} ${error}`);
  }

  /** What nobody may hold any more, ends. */
  #changed({ ended = [], reason }: Changed): void {
    for (const slot of ended) {
      const player = this.players[slot]!;
      assert.equal(player.client.take().at(-1), `goodbye ${reason}`);
      player.due = [];
      this.#reconnect(slot);
      this.ended++;
    }
    for (const player of this.players) {
      for (const [name, { uri, match }] of player.subscriptions) {
        if (this.allows(player, Permission.subscribe, uri, match)) continue;
        player.subscriptions.delete(name);
        player.due.push(`unsubscribed by the router: ${name}`);
        this.revoked++;
      }
    }
    this.registrations = this.registrations.filter((registration) => {
      const { owner, uri, match } = registration;
      if (this.allows(owner, Permission.register, uri, match)) return true;
      owner.due.push(`unregistered by the router: ${nameOf(registration)}`);
      this.revoked++;
      return false;
    });
  }

  #subscribe(player: Player, held: Held): void {
    const { uri, match } = held;
    const request = player.client.ask(Message.subscribe, { match: matchNames[match] }, uri);
    if (!this.allows(player, Permission.subscribe, uri, match)) return this.#refuse(player, request);
    player.subscriptions.set(nameOf(held), held);
    player.due.push(`subscribed ${request}`);
  }

  #unsubscribe(player: Player, choice: number): void {
    const [name, held] = [...player.subscriptions][choice % Math.max(1, player.subscriptions.size)] ?? [];
    if (name === undefined || held === undefined) return;
    const request = player.client.giveUp(Message.unsubscribe, name);
    if (!this.allows(player, Permission.unsubscribe, held.uri, held.match))
      return this.#refuse(player, request);
    player.subscriptions.delete(name);
    player.due.push(`unsubscribed ${request}`);
  }

  #register(player: Player, held: Held): void {
    const { uri, match } = held;
    const { realm } = player.client;
    const request = player.client.ask(Message.register, { match: matchNames[match] }, uri);
    if (!this.allows(player, Permission.register, uri, match)) return this.#refuse(player, request);
    if (this.registrations.some((other) => other.realm === realm && nameOf(other) === nameOf(held)))
      return void player.due.push(`error ${request} ${errors.procedureAlreadyExists.uri}`);
    this.registrations.push({ ...held, realm, owner: player });
    player.due.push(`registered ${request}`);
  }

  #unregister(player: Player, choice: number): void {
    const own = this.registrations.filter(({ owner }) => owner === player);
    const registration = own[choice % Math.max(1, own.length)];
    if (registration === undefined) return;
    const request = player.client.giveUp(Message.unregister, nameOf(registration));
    if (!this.allows(player, Permission.unregister, registration.uri, registration.match))
      return this.#refuse(player, request);
    this.registrations = this.registrations.filter((other) => other !== registration);
    player.due.push(`unregistered ${request}`);
  }

  #publish(player: Player, topic: string, disclose_me: boolean): void {
    const number = ++this.#published;
    const request = player.client.ask(Message.publish, { acknowledge: true, disclose_me }, topic, [number]);
    if (!this.allows(player, Permission.publish, topic)) return this.#refuse(player, request);
    if (disclose_me && !this.allows(player, Permission.disclosePublisher, topic))
      return this.#refuse(player, request, errors.discloseMeDisallowed.uri);
    player.due.push(`published ${request}`);
    for (const other of this.players) {
      if (other === player || other.client.realm !== player.client.realm) continue;
      for (const [name, held] of other.subscriptions)
        if (matchesOne({ id: 0, ...held }, topic)) other.due.push(`event ${name} ${number}`);
    }
  }

  async #call(player: Player, uri: string, disclose_me: boolean): Promise<void> {
    const number = ++this.#published;
    const { realm } = player.client;
    const isOwn = uri.startsWith("wamp.");
    const request = player.client.ask(Message.call, { disclose_me }, uri, ...(isOwn ? [] : [[number]]));
    if (!this.allows(player, Permission.call, uri)) return this.#refuse(player, request);
    if (disclose_me && !this.allows(player, Permission.discloseCaller, uri))
      return this.#refuse(player, request, errors.discloseMeDisallowed.uri);
    if (isOwn) return void player.due.push(`result ${request} 3`);
    const here = this.registrations
      .map((one, i) => ({ ...one, id: i + 1 }))
      .filter((one) => one.realm === realm);
    const best = here.find(({ id }) => id === bestModel(here, uri));
    if (best === undefined) return void player.due.push(`error ${request} ${errors.noSuchProcedure.uri}`);
    best.owner.due.push(`invocation ${nameOf(best)} ${number}`);
    await this.settle();
    const invocation = best.owner.client.invocations.pop()!;
    best.owner.client.send([Message.yield, invocation.request, {}, [number]]);
    player.due.push(`result ${request} ${number}`);
  }

  #reconnect(slot: number): void {
    const player = this.players[slot]!;
    player.client.leave();
    this.registrations = this.registrations.filter(({ owner }) => owner !== player);
    this.players[slot] = this.#enter(slot);
  }

  /** Lets the router come to rest, and compares. What comes for one client in one go may be in any order. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 24; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
    for (const player of this.players) {
      const came = player.client.take();
      this.compared += came.length;
      assert.deepEqual(
        came.sort(),
        player.due.sort(),
        `${player.client.identity.authid} of ${player.client.realm}`,
      );
      player.due = [];
    }
  }

  async leave(): Promise<void> {
    for (const { client } of this.players) client.leave();
    for (let turns = 0; turns < 4; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
