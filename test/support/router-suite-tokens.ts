/** Access tokens, and the router's own tickets, over the wire. */
import assert from "node:assert/strict";
import { importJWK, type JWTPayload, SignJWT } from "jose";
import { fixedLimits } from "../../src/base/limits.ts";
import { Message } from "../../src/protocol/messages.ts";
import { authRealm } from "./auth-realm.ts";
import { authenticate, challenged, failed, guarded, joeByCra, loggedIn } from "./auth-wire.ts";
import { issuerKey } from "./key-server.ts";
import { resultOf } from "./meta-calls.ts";
import type { Suite, World } from "./router-suite.ts";
import type { Dict } from "./wire.ts";

const byToken = { authid: "joe", authmethods: ["oauth2"] };
const now_s = (): number => Math.floor(Date.now() / 1_000);

/** A token of the realm's own. */
async function ownToken(world: World, more: JWTPayload = {}): Promise<string> {
  const { kid, jwk } = await world.router.security!.signingKey(authRealm);
  const claims = { iss: authRealm, aud: authRealm, sub: "joe", exp: now_s() + 600, ...more };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" })
    .sign(await importJWK({ ...jwk }, "ES256"));
}

export function tokenSuite(suite: Suite): void {
  accessTokens(suite);
  tickets(suite);
}

function accessTokens(suite: Suite): void {
  const skew_s = fixedLimits.tokenSkew_s;

  suite.testWith(
    "[A-13] an access token of the realm lets its user in, and clocks may differ a little",
    guarded(),
    async (world) => {
      for (const claims of [{}, { exp: now_s() - skew_s / 2 }, { nbf: now_s() + skew_s / 2 }]) {
        const token = await ownToken(world, claims);
        const wire = await loggedIn(world, byToken, () => [token]);
        assert.deepEqual(
          [wire.authid, wire.authrole, wire.welcome["authmethod"]],
          ["joe", "staff", "oauth2"],
        );
      }
      const wrong = [
        await ownToken(world, { exp: now_s() - skew_s - 60 }),
        await ownToken(world, { nbf: now_s() + skew_s + 60 }),
        await ownToken(world, { sub: "svc" }),
        await ownToken(world, { aud: "com.example.other" }),
        `${await ownToken(world)}A`,
        (await ownToken(world)).slice(0, -6),
        "",
        "x".repeat(50_000),
      ];
      for (const token of wrong) {
        const { wire } = await challenged(world, byToken);
        authenticate(wire, token);
        await wire.expectAbort(failed, /^the login was refused$/);
      }
    },
  );
}

const issuer = "https://issuer.example.com/";

/** Its key has to be there before the router is. */
export async function issuerSuite(suite: Suite): Promise<void> {
  const key = await issuerKey("k1");
  const realm = { issuers: [{ issuer, audience: "wamp", jwks: { keys: [key.jwk] } }] };
  suite.testWith(
    "[A-13] the token of an issuer that the realm names lets in, with the groups that it says",
    guarded(realm),
    async (world) => {
      const claims = { iss: issuer, aud: "wamp", sub: "joe", exp: now_s() + 600 };
      const token = await key.sign({ ...claims, roles: ["staff", "unknown"] });
      const wire = await loggedIn(world, byToken, () => [token]);
      assert.deepEqual([wire.authid, wire.authrole], ["joe", "staff"]);
      const forged = await issuerKey("k1");
      for (const other of [await forged.sign(claims), await key.sign({ ...claims, iss: "https://other/" })]) {
        const { wire: refused } = await challenged(world, byToken);
        authenticate(refused, other);
        await refused.expectAbort(failed);
      }
    },
  );
}

function tickets(suite: Suite): void {
  suite.testWith(
    "[A-02] a ticket that one session was issued lets another in, until it is revoked, which ends that session",
    guarded(),
    async (world) => {
      const first = await joeByCra(world);
      const issued = (await resultOf(first, "bondy.ticket.issue", [], { expiry_time_secs: 600 })) as Dict;
      const ticket = String(issued["ticket"]);
      const hello = { authid: "joe", authmethods: ["ticket"] };
      const second = await loggedIn(world, hello, () => [ticket]);
      assert.deepEqual([second.authid, second.welcome["authmethod"]], ["joe", "ticket"]);
      // Not for somebody else, and not when it was changed.
      for (const [authid, text] of [
        ["svc", ticket],
        ["joe", `${ticket.slice(0, -8)}AAAAAAAA`],
        ["joe", ticket.slice(0, -1)],
      ] as const) {
        const { wire } = await challenged(world, { ...hello, authid });
        authenticate(wire, text);
        await wire.expectAbort(failed);
      }
      assert.equal(await world.router.security!.revokeTicket(authRealm, String(issued["id"])), true);
      const [type, , reason] = await second.next();
      assert.deepEqual([type, reason], [Message.goodbye, "wamp.close.killed"]);
      const { wire } = await challenged(world, hello);
      authenticate(wire, ticket);
      await wire.expectAbort(failed);
      // The session that was issued it goes on.
      await first.subscribe("com.example.staff.news");
      assert.equal(world.router.stats().sessions, 1);
    },
  );
}
