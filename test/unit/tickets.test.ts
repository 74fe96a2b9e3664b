// Tickets on the real security model: who is given one, what it is good for, and how it ends.
import assert from "node:assert/strict";
import test from "node:test";
import { decodeJwt, decodeProtectedHeader, importJWK, SignJWT } from "jose";
import type { Method } from "../../src/auth/method.ts";
import { TicketMethod } from "../../src/auth/ticket.ts";
import { type IssuedTicket, TicketService } from "../../src/auth/tickets.ts";
import { fixedLimits } from "../../src/base/limits.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { wampError } from "../support/client-peer.ts";
import { TestSecurity } from "../support/security.ts";
import { answered, loginOf } from "../support/security-double.ts";

const local = "com.example";
const sister = "com.example.sister";
const sso = "com.example.sso";
const notAuthorized = wampError("wamp.error.not_authorized");
const invalid = wampError("wamp.error.invalid_argument");

const proved = ({ id }: { readonly id: string }) => ({ kind: "proved", ticket: id });

/** Says which password it was asked for. */
const passwordStandIn: Method = {
  name: "password",
  suits: () => true,
  begin: () => ({
    kind: "challenge",
    extra: {},
    proceed: (secret) =>
      secret === "pencil" ? { kind: "proved" } : { kind: "failed", why: `password ${secret.slice(0, 20)}` },
  }),
};

class World {
  readonly clock: { wall_ms: number };
  readonly security: SecurityService;
  readonly tickets: TicketService;
  readonly method: TicketMethod;
  /** Ids. */
  readonly revoked: string[] = [];

  private constructor(security: SecurityService, clock: { wall_ms: number }) {
    this.clock = clock;
    this.security = security;
    this.tickets = new TicketService({ security, node: "n1", wall_ms: () => this.clock.wall_ms });
    this.method = new TicketMethod({ tickets: this.tickets, password: passwordStandIn });
    security.onChange(({ kind, action, name }) => {
      if (kind === "ticket" && action === "deleted") this.revoked.push(name);
    });
  }

  static async open(): Promise<World> {
    const clock = { wall_ms: 1_700_000_000_000 };
    const security = await new TestSecurity().open({ wall_ms: () => clock.wall_ms });
    await security.createRealm({ uri: sso, is_sso_realm: true });
    for (const uri of [sso, local, sister]) {
      if (uri !== sso) await security.createRealm({ uri, sso_realm_uri: sso });
      const permissions = ["bondy.issue"];
      await security.grant(uri, { permissions, uri: "bondy.ticket.scope.", match: "prefix", roles: ["all"] });
    }
    await security.addUser(local, { username: "joe" });
    await security.addUser(sso, { username: "ann" });
    for (const uri of [local, sister]) await security.addUser(uri, { username: "ann", sso_realm_uri: sso });
    return new World(security, clock);
  }

  issue(
    user: string,
    kwargs: Record<string, unknown> = {},
    authmethod = "wampcra",
    realm = local,
  ): Promise<IssuedTicket> {
    const identity = { authid: user, authrole: "", authmethod, authprovider: "spanwire", user, roles: [] };
    return this.tickets.issue({ realm, identity }, kwargs);
  }

  /** Proved, or why not. */
  async login(token: string, authid = "joe", realmUri = local): Promise<unknown> {
    const realm = this.security.realm(realmUri)!;
    const principal = this.security.principal(realmUri, authid);
    const answer = await answered(this.method.begin(loginOf({ authid, realm, principal })), token);
    return answer.kind === "failed" ? answer.why : answer;
  }

  /** A ticket with other claims or header than the router would make, signed with the realm's key. */
  async forge(issued: IssuedTicket, claims: object, header: object = {}): Promise<string> {
    const { kid, jwk } = await this.security.signingKey(local);
    return new SignJWT({ ...decodeJwt(issued.ticket), ...claims })
      .setProtectedHeader({ alg: "ES256", kid, typ: "ticket+jwt", ...header })
      .sign(await importJWK({ ...jwk }, "ES256"));
  }
}

test("a ticket is a JWT with the standard claims and Bondy's, and logs its owner in", async () => {
  const world = await World.open();
  const issued = await world.issue("joe", { expiry_time_secs: 600, client_id: "app", device_id: "d1" });
  const now_s = 1_700_000_000;
  const scope = { realm: local, client_id: "app", device_id: "d1" };
  const { ticket, id, ...rest } = issued;
  assert.deepEqual(rest, { issued_at: now_s, expires_at: now_s + 600, scope });
  const { kid } = await world.security.signingKey(local);
  assert.deepEqual(decodeProtectedHeader(ticket), { alg: "ES256", kid, typ: "ticket+jwt" });
  const standard = { iss: local, sub: "joe", aud: local, iat: now_s, nbf: now_s, exp: now_s + 600, jti: id };
  const bondys = {
    id,
    authrealm: local,
    authid: "joe",
    authmethod: "wampcra",
    issued_by: "joe",
    issued_on: "n1",
  };
  const more = { issued_at: now_s, expires_at: now_s + 600, scope, kid };
  assert.deepEqual(decodeJwt(ticket), { ...standard, ...bondys, ...more });
  assert.deepEqual(await world.login(ticket), proved({ id }));
});

test("an ordinary ticket is good for its realm, one of same sign-on for all that share the users", async () => {
  const world = await World.open();
  const everywhere = await world.issue("ann");
  assert.equal(everywhere.scope.realm, null);
  for (const realm of [local, sister])
    assert.deepEqual(await world.login(everywhere.ticket, "ann", realm), proved(everywhere));
  const here = await world.issue("ann", { allow_sso: false });
  assert.equal(here.scope.realm, local);
  assert.deepEqual(await world.login(here.ticket, "ann"), proved(here));
  assert.match(String(await world.login(here.ticket, "ann", sister)), /\(aud\)/);
  const atHome = await world.issue("ann", {}, "wampcra", sso);
  assert.equal(await world.login(atHome.ticket, "ann", sister), "the ticket is for another realm");
  const joes = await world.issue("joe");
  assert.equal(await world.login(joes.ticket, "ann", sister), "the ticket is of another realm");
});

test("each scope takes a permission of its own", async () => {
  const world = await World.open();
  const everything = {
    permissions: ["bondy.issue"],
    uri: "bondy.ticket.scope.",
    match: "prefix",
    roles: ["all"],
  };
  await world.security.revoke(local, everything);
  const scopes: [string, string, Record<string, unknown>][] = [
    ["local", "joe", {}],
    ["client_local", "joe", { client_id: "app" }],
    ["sso", "ann", {}],
    ["client_sso", "ann", { client_id: "app" }],
  ];
  for (const [scope, user, kwargs] of scopes) {
    await assert.rejects(world.issue(user, kwargs), notAuthorized, scope);
    const grant = {
      permissions: ["bondy.issue"],
      uri: `bondy.ticket.scope.${scope}`,
      match: "exact",
      roles: ["all"],
    };
    await world.security.grant(local, grant);
    await world.issue(user, kwargs);
  }
});

test("sessions that came by ticket, or without a user, are given none", async () => {
  const world = await World.open();
  await assert.rejects(world.issue("joe", {}, "ticket"), notAuthorized);
  await assert.rejects(world.issue("joe", {}, "anonymous"), notAuthorized);
  await assert.rejects(world.issue("nobody"), notAuthorized);
  const identity = { authid: "x", authrole: "", authmethod: "oauth2", authprovider: "spanwire" };
  await assert.rejects(world.tickets.issue({ realm: local, identity }, {}), notAuthorized);
});

test("arguments of the wrong kind are refused, and a longer life than allowed is shortened", async () => {
  const world = await World.open();
  const long = "x".repeat(fixedLimits.ticketText_max + 1);
  const wrong: Record<string, unknown>[] = [
    { expiry_time_secs: 0 },
    { expiry_time_secs: "60" },
    { expiry_time_secs: 1.5 },
    { allow_sso: 1 },
    { client_id: "" },
    { client_id: 7 },
    { client_id: long },
    { device_id: long },
    { client_ticket: "x" },
    { client_ticket: 7 },
  ];
  for (const kwargs of wrong)
    await assert.rejects(world.issue("joe", kwargs), invalid, JSON.stringify(kwargs));
  for (const expiry_time_secs of [undefined, null, 2 ** 40]) {
    const { issued_at, expires_at } = await world.issue("joe", { expiry_time_secs });
    assert.equal(expires_at - issued_at, 30 * 86_400);
  }
});

test("a client's ticket names the client, and is not its own", async () => {
  const world = await World.open();
  const clients = await world.issue("ann", { allow_sso: false });
  const issued = await world.issue("joe", { client_ticket: clients.ticket });
  assert.equal(issued.scope.client_id, "ann");
  await assert.rejects(world.issue("joe", { client_ticket: clients.ticket, client_id: "app" }), invalid);
  await assert.rejects(world.issue("ann", { client_ticket: clients.ticket }), invalid);
  await assert.rejects(world.issue("ann", { client_ticket: issued.ticket }), invalid);
  await world.security.revokeTickets(sso, "ann");
  await assert.rejects(world.issue("joe", { client_ticket: clients.ticket }), invalid);
});

test("a ticket for the same realm, client and device replaces the one before", async () => {
  const world = await World.open();
  const first = await world.issue("joe", { device_id: "d1" });
  const other = await world.issue("joe", { device_id: "d2" });
  const second = await world.issue("joe", { device_id: "d1" });
  assert.equal(await world.login(first.ticket), "the ticket was revoked, or replaced by another");
  for (const { ticket, id } of [other, second]) assert.deepEqual(await world.login(ticket), proved({ id }));
  assert.deepEqual(world.revoked, [first.id]);
  const both = await Promise.all([world.issue("joe"), world.issue("joe")]);
  const kinds = await Promise.all(both.map(({ ticket }) => world.login(ticket)));
  assert.equal(kinds.filter((answer) => typeof answer === "object").length, 1);
});

test("revoked is revoked at once: one, all of a user, or with the user; and whoever asks is told", async () => {
  const world = await World.open();
  const gone = "the ticket was revoked, or replaced by another";
  const one = await world.issue("joe", { device_id: "1" });
  const two = await world.issue("joe", { device_id: "2" });
  assert.equal(await world.security.revokeTicket(local, one.id), true);
  assert.equal(await world.login(one.ticket), gone);
  assert.deepEqual(await world.login(two.ticket), proved(two));
  assert.equal(await world.security.revokeTickets(local, "joe"), 1);
  assert.equal(await world.login(two.ticket), gone);
  const everywhere = await world.issue("ann");
  assert.equal(await world.security.revokeTickets(sso, "ann"), 1);
  assert.equal(await world.login(everywhere.ticket, "ann"), gone);
  const last = await world.issue("joe");
  await world.security.deleteUser(local, "joe");
  await world.security.addUser(local, { username: "joe" });
  assert.equal(await world.login(last.ticket), gone);
  assert.deepEqual(world.revoked, [one.id, two.id, everywhere.id, last.id]);
});

test("a ticket is somebody's, for a time, and nothing but a ticket", async () => {
  const world = await World.open();
  const issued = await world.issue("joe", { expiry_time_secs: 600 });
  assert.equal(await world.login(issued.ticket, "ann"), "the ticket is somebody else's");
  assert.equal(await world.login(issued.ticket, "nobody"), "the ticket is somebody else's");
  // Signed by the realm, but not what was stored.
  const cases: [string, RegExp][] = [
    [await world.forge(issued, {}, { typ: "at+jwt" }), /\(typ\)/],
    [await world.forge(issued, {}, { typ: "JWT" }), /\(typ\)/],
    [await world.forge(issued, { iss: sister }), /another realm/],
    [await world.forge(issued, { iss: sso }), /NO_MATCHING_KEY/],
    [await world.forge(issued, { jti: "x" }), /revoked/],
    [await world.forge(issued, { jti: undefined }), /revoked/],
    [await world.forge(issued, { nbf: 1_700_000_000 + 120 }), /\(nbf\)/],
    [await world.forge(issued, { exp: undefined }), /\(exp\)/],
  ];
  for (const [token, why] of cases) assert.match(String(await world.login(token)), why);
  const changed = `${issued.ticket.slice(0, -4)}AAAA`;
  assert.match(String(await world.login(changed)), /ERR_JWS_SIGNATURE_VERIFICATION_FAILED/);
  world.clock.wall_ms += 600_000;
  assert.equal(await world.login(issued.ticket), "the ticket has expired");
  world.clock.wall_ms += 61_000;
  assert.match(String(await world.login(issued.ticket)), /EXPIRED/);
  const longer = await world.forge(issued, { exp: 1_800_000_000 });
  assert.equal(await world.login(longer), "the ticket has expired");
});

test("two users of one name, one of the realm and one of its sign-on realm, do not share tickets", async () => {
  const world = await World.open();
  const { security } = world;
  await security.addUser(sso, { username: "eve" });
  await security.addUser(sister, { username: "eve", sso_realm_uri: sso });
  await security.addUser(local, { username: "eve" });
  const foreign = await world.issue("eve", {}, "wampcra", sister);
  assert.equal(foreign.scope.realm, null);
  assert.deepEqual(await world.login(foreign.ticket, "eve", sister), proved(foreign));
  assert.equal(await world.login(foreign.ticket, "eve", local), "the ticket's owner is not known here");
  assert.equal((await world.tickets.verify(local, foreign.ticket)).ok, false);
});

test("keys that are rotated out verify until they expire", async () => {
  const world = await World.open();
  const issued = await world.issue("joe");
  await world.security.rotateKeys(local, 3_600);
  assert.deepEqual(await world.login(issued.ticket), proved(issued));
  const next = await world.issue("joe", { device_id: "d" });
  assert.notEqual(decodeProtectedHeader(next.ticket).kid, decodeProtectedHeader(issued.ticket).kid);
  assert.deepEqual(await world.login(next.ticket), proved(next));
});

test("a secret that is no token is the password, as users of other routers expect", async () => {
  const world = await World.open();
  assert.deepEqual(await world.login("pencil"), { kind: "proved" });
  assert.equal(await world.login("wrong"), "password wrong");
  assert.equal(await world.login("a.b.c"), "password a.b.c");
  const realm = world.security.realm(local)!;
  const known = loginOf({ realm, principal: world.security.principal(local, "joe") });
  assert.deepEqual([world.method.suits(known), world.method.suits(loginOf({ realm }))], [true, false]);
});

test("verify tells whose ticket it is", async () => {
  const world = await World.open();
  const issued = await world.issue("joe");
  const verified = await world.tickets.verify(local, issued.ticket);
  assert.ok(verified.ok);
  assert.deepEqual([verified.ticket.authid, verified.ticket.id], ["joe", issued.id]);
  assert.deepEqual(await world.tickets.verify(local, "x"), { ok: false, why: "it is no ticket" });
  assert.equal((await world.tickets.verify("com.nowhere", issued.ticket)).ok, false);
});

test("a session that acts in some groups only is given no ticket for all of them", async () => {
  const world = await World.open();
  const { security, tickets } = world;
  for (const name of ["staff", "admins"]) await security.addGroup(local, { name });
  await security.addUser(local, { username: "may", groups: ["staff", "admins"] });
  const issue = (roles: readonly string[], authmethod = "oauth2") => {
    const who = {
      authid: "may",
      authrole: roles.join(","),
      authmethod,
      authprovider: "spanwire",
      user: "may",
      roles,
    };
    return tickets.issue({ realm: local, identity: who }, {});
  };
  for (const roles of [[], ["staff"], ["staff", "kings"]]) await assert.rejects(issue(roles), notAuthorized);
  await assert.rejects(issue(["staff"], "wampcra"), notAuthorized);
  assert.equal((await issue(["admins", "staff"])).scope.realm, local);
});

test("a ticket that is asked for while its user changes does not outlive the change", async () => {
  const changes: readonly ((security: SecurityService) => Promise<unknown>)[] = [
    (security) => security.setUserEnabled(local, "joe", false),
    (security) => security.deleteUser(local, "joe"),
    (security) => security.changePassword(local, "joe", "pencil-2"),
  ];
  for (const change of changes) {
    const world = await World.open();
    await world.issue("joe", { device_id: "first" });
    // Whichever is done first, in whatever order they were asked for.
    const [issued] = await Promise.allSettled([world.issue("joe"), change(world.security)]);
    assert.deepEqual(world.security.tickets(local, "joe"), []);
    assert.equal(issued.status, "rejected");
  }
});
