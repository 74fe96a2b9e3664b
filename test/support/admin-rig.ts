/**
 * A router with the admin procedures over the real security model, and clients in memory. Logins are not what is tested: whoever names
 * a user is that user, with all its groups or the one it asks for.
 */
import assert from "node:assert/strict";
import { silentLog } from "../../src/base/log.ts";
import { type AdminParts, addAdminProcedures } from "../../src/admin/admin-api.ts";
import { type UsedTicket, Follower } from "../../src/admin/follow.ts";
import type { TicketService } from "../../src/admin/ticket-procedures.ts";
import { ChangeTopics } from "../../src/admin/topics.ts";
import type { AccessPolicy, AuthAnswer, Authenticator, HelloRequest, Identity } from "../../src/ports.ts";
import { errors, closeReasons, WampError } from "../../src/protocol/errors.ts";
import { Denials } from "../../src/router/denials.ts";
import type { RouterSession } from "../../src/router/types.ts";
import { ensureAdministrator } from "../../src/security/bootstrap.ts";
import type { Security } from "../../src/security/model.ts";
import type { SecurityService } from "../../src/security/service.ts";
import type { CoreParts } from "../../src/main/core.ts";
import { type ExtendedRouter, extendedRouter } from "./extended-router.ts";
import { TestSecurity } from "./security.ts";
import type { Wire } from "./wire.ts";

type Dict = Readonly<Record<string, unknown>>;

export const master = "com.leapsight.bondy";

/** Users as in `define`: the password of each is its name and "-secret". */
export const passwordOf = (username: string): string => `${username}-secret`;

/** Realms with an administrator, a user without rights, and grants that must not make one of it. */
async function populate(security: SecurityService): Promise<void> {
  for (const uri of ["com.a", "com.b", "com.open"]) {
    await security.createRealm({
      uri,
      security_enabled: uri !== "com.open",
      info: { oidc_providers: { idp: { issuer: "https://idp", client_secret: "idp-client-hidden" } } },
    });
    await populateRealm(security, uri);
  }
}

async function populateRealm(security: SecurityService, uri: string): Promise<void> {
  await security.addGroup(uri, { name: "admins" });
  await security.addGroup(uri, { name: "staff" });
  await security.addUser(uri, { username: "boss", password: passwordOf("boss"), groups: ["admins"] });
  await security.addUser(uri, { username: "plain", password: passwordOf("plain"), groups: ["staff"] });
  // What Bondy's own examples grant: on everything, to everybody.
  await security.grant(uri, { permissions: ["wamp.call"], uri: "", match: "prefix", roles: "all" });
  await security.grant(uri, { permissions: ["wamp.call"], uri: "", match: "prefix", roles: ["anonymous"] });
  for (const prefix of ["bondy.", "spanwire."])
    await security.grant(uri, {
      permissions: ["wamp.call", "wamp.subscribe"],
      uri: prefix,
      match: "prefix",
      roles: ["admins"],
    });
  await security.grant(uri, {
    permissions: ["wamp.register", "wamp.subscribe"],
    uri: "com.",
    match: "prefix",
    roles: ["staff"],
  });
}

class NamedAuthenticator implements Authenticator {
  readonly #security: Security;
  constructor(security: Security) {
    this.#security = security;
  }
  begin({ realm, authid, authrole }: HelloRequest): AuthAnswer {
    if (authid === undefined) return { kind: "welcome", identity: anonymous };
    const user = this.#security.user(realm, authid);
    if (user === undefined) return { kind: "abort", error: errors.authenticationFailed.uri, message: "no" };
    const roles = authrole === undefined ? user.groups : [authrole];
    const identity: Identity = {
      authid: user.username,
      authrole: roles.join(","),
      authmethod: "password",
      authprovider: "test",
      user: user.username,
      roles,
    };
    return { kind: "welcome", identity };
  }
}

const anonymous: Identity = {
  authid: "nobody",
  authrole: "anonymous",
  authmethod: "anonymous",
  authprovider: "static",
};

/** Tickets of no value but with a record: what is issued is the id. */
class PlainTickets implements TicketService {
  readonly #security: Security;
  #last = 0;
  constructor(security: Security) {
    this.#security = security;
  }
  async issue({ identity }: RouterSession, realm: string, request: Dict): Promise<Dict> {
    const id = `t${++this.#last}`;
    const scope = { realm, client_id: (request["client_id"] as string | undefined) ?? null, device_id: null };
    const { authid } = identity!;
    const record = { id, authrealm: realm, authid, scope, issued_by: "test", issued_at: 1, expires_at: 2e9 };
    await this.#security.putTicket(record);
    return { ticket: id, id, issued_at: 1, expires_at: 2e9, scope, request };
  }
  async verify(realm: string, ticket: string): Promise<Dict> {
    const record = this.#security.ticket(realm, ticket);
    if (record === undefined) throw new WampError(errors.authenticationFailed.uri, "no such ticket");
    return { ...record };
  }
}

export interface AdminRig extends ExtendedRouter {
  readonly security: SecurityService;
  readonly denials: Denials;
  readonly follower: Follower;
  /** Realms that were told to ask for their rights anew. */
  readonly refreshed: string[];
  /** What a session has logged in with, by authid. */
  readonly ticketsInUse: Map<string, UsedTicket>;
  /** Anonymous without an authid. */
  join(realm: string, authid?: string, authrole?: string): Promise<Wire>;
}

export async function adminRig(): Promise<AdminRig> {
  const test = new TestSecurity();
  const security = await test.open();
  await ensureAdministrator(security, passwordOf("admin"));
  await populateRealm(security, master);
  await populate(security);
  let lastDenial = 1_000;
  const denials = new Denials({ denials_max: 10, random: () => ++lastDenial, wall_ms: () => 0 });
  const refreshed: string[] = [];
  const ticketsInUse = new Map<string, UsedTicket>();
  let follower: Follower | undefined;
  // A session inside the process may do everything; access control is that of the model.
  const rulesFor: AccessPolicy["rulesFor"] = (realm, identity) =>
    identity.authrole === "trusted" ? null : security.rulesFor(realm, identity);
  const faults: unknown[] = [];
  const log = { ...silentLog, error: (...what: unknown[]) => void faults.push(what) };
  const realms = security.realms().map(({ uri }) => uri);
  const extended = await extendedRouter({ realms, access: { rulesFor }, log }, (core) => {
    const realmOf: AdminParts["realmOf"] = (uri) => core.realms.get(uri);
    addAdminProcedures({
      ...core,
      security,
      realmOf,
      tickets: new PlainTickets(security),
      denials,
      async backup() {
        throw new WampError(errors.unavailable.uri, "a store in memory has no backup");
      },
    });
    follower = follow(core, test, security, { refreshed, ticketsInUse });
    const topics = new ChangeTopics({ model: security, events: core.events, realmOf });
    security.onChange(topics.onChange);
    const authenticator = new NamedAuthenticator(security);
    return { authenticator, observers: [...core.observers, follower, topics] };
  });
  return {
    ...extended,
    async [Symbol.asyncDispose]() {
      await extended[Symbol.asyncDispose]();
      assert.deepEqual(faults, [], "the router noticed a fault of its own");
    },
    security,
    denials,
    follower: follower!,
    refreshed,
    ticketsInUse,
    join: (realm, authid, authrole) =>
      extended.open().join({ realm, details: { authid, authrole, authmethods: ["anonymous", "password"] } }),
  };
}

function follow(
  core: CoreParts,
  test: TestSecurity,
  security: SecurityService,
  { refreshed, ticketsInUse }: Pick<AdminRig, "refreshed" | "ticketsInUse">,
): Follower {
  const follower = new Follower({
    model: security,
    refreshRealm(uri) {
      refreshed.push(uri);
      core.accessRefresh.refresh([uri]);
    },
    closeRealm(uri) {
      const realm = core.realms.close(uri);
      for (const session of core.sessions.all())
        if (session.realm === realm) session.goodbye(closeReasons.closeRealm, "the realm has been deleted");
    },
    setIdentity(session, identity) {
      core.targets.get(session.target).identity = identity;
    },
    ticketOf: ({ identity }) => ticketsInUse.get(identity?.authid ?? ""),
    wall_ms: () => test.now_ms,
    afterTurn: (task) => core.outbox.afterTurn(task),
    turnShare: core.turnShare,
  });
  security.onChange(follower.onChange);
  return follower;
}

/** As an administrator of com.a, and of the master realm. */
export async function administrators(rig: AdminRig): Promise<{ boss: Wire; root: Wire }> {
  return { boss: await rig.join("com.a", "boss"), root: await rig.join(master, "boss") };
}
