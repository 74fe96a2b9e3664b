/**
 * What a router cannot do without: the master realm, and somebody who may administer it. Nobody has a password that was not chosen or
 * made for this one router.
 */
import { assert } from "../base/assert.ts";
import { Check } from "./check.ts";
import type { Draft } from "./draft.ts";
import { invalidInput } from "./errors.ts";
import { putGroups } from "./groups.ts";
import { type RealmGiven, readRealm } from "./realm-shape.ts";
import { putRealm, realmRecord } from "./realms.ts";
import type { RealmRecord } from "./records.ts";
import type { SecurityParts, SecurityService } from "./service.ts";
import { readPassword } from "./shapes.ts";
import { blankUser, hashFor, storeUser } from "./users.ts";
import { closureOf, masterRealm, principalOf } from "./view.ts";

export const administrators = "bondy.administrators";
const administrator = "admin";
/** Follows the router until a file of definitions says something of the realm. */
export const builtInName = "router";
const builtIn = `- ${builtInName}`;

const methods = ["password", "wampcra", "wamp-scram", "cryptosign"] as const;

const definition = {
  uri: masterRealm,
  description: "The realm of those who administer the router",
  authmethods: ["wamp-scram", "wampcra", "cryptosign", "password", "ticket"],
  allow_connections: true,
  security_enabled: true,
  groups: [{ name: administrators, groups: [], meta: {} }],
  sources: [...methods, "ticket"].flatMap((authmethod) =>
    ["0.0.0.0/0", "::/0"].map((cidr) => ({ usernames: "all", authmethod, cidr })),
  ),
  grants: [
    {
      uri: "",
      match: "prefix",
      roles: [`group/${administrators}`],
      permissions: [
        "wamp.call",
        "wamp.cancel",
        "wamp.register",
        "wamp.unregister",
        "wamp.subscribe",
        "wamp.unsubscribe",
        "wamp.publish",
        "wamp.disclose_caller",
        "wamp.disclose_publisher",
        "wamp.disclose_session_info",
        "bondy.issue",
        "bondy.revoke",
      ],
    },
  ],
};

function readDefinition(): RealmGiven {
  const check = new Check();
  const given = readRealm(check, definition, "");
  assert(check.problems.length === 0, "the definition of the master realm is sound");
  return given;
}

/** The realm as it is where nobody says anything else. */
export const masterRecord = (): RealmRecord => realmRecord(readDefinition(), undefined);

/** Makes the master realm where there is none. */
export function ensureMasterRealm(security: SecurityService): Promise<void> {
  return security.change(
    async (draft, _state, parts) => {
      if (draft.get("realm", masterRealm, "") !== undefined) return;
      await putRealm(draft, parts, readDefinition());
      draft.put("realm", masterRealm, "", masterRecord(), builtIn);
    },
    { fromFile: true },
  );
}

export interface Administrator {
  readonly realm: string;
  readonly username: string;
  /** Only where the router made it: shown once, kept nowhere. */
  readonly password: string | null;
}

/**
 * Makes the user `admin` of the master realm, with this password or a new one, where nobody is there who could administer: an enabled
 * user of the administrators' group with credentials. Resolves to null where there is one. Rejects with invalid_argument for a
 * password that is too short or too long.
 */
export function ensureAdministrator(
  security: SecurityService,
  password?: string,
): Promise<Administrator | null> {
  return security.change(
    (draft, _state, parts) => (hasAdministrator(draft) ? null : putAdministrator(draft, parts, password)),
    { fromFile: false },
  );
}

/** Whatever became of it: `admin` can sign on again, with this password or a new one, and may do everything in the master realm. */
export function resetAdministrator(security: SecurityService, password?: string): Promise<Administrator> {
  return security.change(
    async (draft, _state, parts) => {
      // The way in, not only the secret: whatever was switched off or taken away.
      await putRealm(draft, parts, readDefinition());
      return putAdministrator(draft, parts, password);
    },
    { fromFile: false },
  );
}

/** 160 bits. */
function makePassword({ fillRandom }: SecurityParts): string {
  const words = new Uint32Array(5);
  fillRandom(words);
  return Buffer.from(words.buffer).toString("base64url");
}

function hasAdministrator(draft: Draft): boolean {
  for (const [name] of draft.entries("user", masterRealm)) {
    const principal = principalOf(draft, masterRealm, name);
    if (principal?.enabled !== true) continue;
    const { credentials, authorized_keys } = principal.credentialUser;
    const canSignOn = credentials !== null || authorized_keys.length > 0;
    if (canSignOn && closureOf(draft, masterRealm, principal.user.groups).includes(administrators))
      return true;
  }
  return false;
}

async function putAdministrator(
  draft: Draft,
  parts: SecurityParts,
  given: string | undefined,
): Promise<Administrator> {
  const check = new Check();
  const password = given === undefined ? makePassword(parts) : readPassword(check, given, "password");
  if (check.problems.length > 0) throw invalidInput(check.problems);
  if (draft.get("group", masterRealm, administrators) === undefined)
    putGroups(draft, masterRealm, definition.groups);
  const before = draft.get("user", masterRealm, administrator) ?? blankUser(administrator);
  const credentials = await hashFor(draft, parts, masterRealm, { password, before: before.credentials });
  const groups = [...new Set([...before.groups, administrators])];
  storeUser(
    draft,
    masterRealm,
    Object.freeze({ ...before, groups, enabled: true, sso_realm_uri: null, credentials }),
  );
  return { realm: masterRealm, username: administrator, password: given === undefined ? password : null };
}
