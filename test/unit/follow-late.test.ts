// What changes between the proof of a login and the beginning of its session.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../../src/admin/follow.ts";
import type { Identity } from "../../src/ports.ts";
import { TurnShare } from "../../src/router/turn-share.ts";
import type { RouterSession } from "../../src/router/types.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { TestSecurity } from "../support/security.ts";

const uri = "com.acme.app";

/** The reasons by which a session of this identity is ended that begins now. */
function joins(security: SecurityService, more: Partial<Identity> = {}): string[] {
  const follower = new Follower({
    model: security,
    refreshRealm: () => undefined,
    closeRealm: () => undefined,
    setIdentity: () => undefined,
    ticketOf: ({ identity }) => security.ticket(uri, identity?.ticket ?? ""),
    wall_ms: () => 0,
    afterTurn: (task) => task(),
    turnShare: new TurnShare((task) => task()),
  });
  const said: string[] = [];
  const identity = {
    authid: "bob",
    authrole: "",
    authmethod: "ticket",
    authprovider: "spanwire",
    user: "bob",
  };
  const session = { id: 1, realm: { uri }, identity: { ...identity, ...more } };
  follower.onJoin({ ...session, goodbye: (reason: string) => said.push(reason) } as unknown as RouterSession);
  return said;
}

test("a session whose user or ticket has gone before it begins is ended at once", async () => {
  const security = await new TestSecurity().open({});
  await security.createRealm({ uri });
  await security.addUser(uri, { username: "bob" });
  const killed = ["wamp.close.killed"];
  const scope = { realm: uri, client_id: null, device_id: null };
  const ticket = {
    id: "t1",
    authrealm: uri,
    authid: "bob",
    scope,
    issued_by: "bob",
    issued_at: 1,
    expires_at: 2e9,
  };
  await security.putTicket(ticket);
  assert.deepEqual(joins(security), []);
  assert.deepEqual(joins(security, { ticket: "t1" }), []);
  await security.revokeTicket(uri, "t1");
  assert.deepEqual(joins(security, { ticket: "t1" }), killed);
  await security.setUserEnabled(uri, "bob", false);
  assert.deepEqual(joins(security), killed);
  await security.deleteUser(uri, "bob");
  assert.deepEqual(joins(security), killed);
});
