/**
 * Who may administer what: the one place that decides it. The router's own access control has let the CALL pass before; here the
 * caller must hold the right to this procedure explicitly, whatever realms allow in general.
 *
 * - A session inside the process, with authprovider `local` and authrole `trusted`, may do everything.
 * - Any other must have logged in, to a realm whose access control is on, and be granted `wamp.call` on the procedure's canonical name
 *   (`bondy.…`). A grant to everyone counts only where it names the router's own procedures, and not where it is on everything.
 * - Other realms than its own, and what concerns all realms, are for sessions of the master realm.
 */
import type { Identity } from "../ports.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Match, matchNames } from "../protocol/messages.ts";
import { matches } from "../protocol/cover.ts";
import type { Denials } from "../router/denials.ts";
import type { ProcedureCall } from "../router/procedures.ts";
import type { RouterSession } from "../router/types.ts";
import type { SecurityModel } from "../security/model.ts";
import type { GrantRecord, Role } from "../security/records.ts";
import { masterRealm } from "../security/view.ts";
import { type AdminProcedure, canonicalName, type Reach } from "./catalogue.ts";

type Caller = Pick<RouterSession, "id" | "identity" | "info">;
export type RightsModel = Pick<SecurityModel, "realm" | "user" | "isGranted" | "grantsOf" | "closure">;

/** The session of the embedding program. Nobody outside of the process has this transport. */
const isTrusted = ({ identity, info }: Caller): boolean =>
  info.kind === "local" && identity?.authprovider === "local" && identity.authrole === "trusted";

/** It has shown who it is. */
export const isIdentified = (identity: Identity | null): identity is Identity =>
  identity !== null &&
  identity.authmethod !== "anonymous" &&
  identity.authrole !== "anonymous" &&
  (identity.user !== undefined || (identity.roles?.length ?? 0) > 0);

/** May this caller, whose session is in the realm `own`, call the procedure on the realm `target`? */
export interface RightQuestion {
  readonly caller: Caller;
  readonly own: string;
  readonly name: AdminProcedure;
  readonly reach: Reach;
  readonly target: string;
}

export class Rights {
  readonly #model: RightsModel;
  readonly #denials: Pick<Denials, "add">;

  constructor(model: RightsModel, denials: Pick<Denials, "add">) {
    this.#model = model;
    this.#denials = denials;
  }

  /**
   * Refuses, with wamp.error.not_authorized, callers that may not do this to this realm. They are told the number of the denial and
   * nothing else, as of any request that is refused; the denial is of wamp.call on the canonical name.
   */
  require(question: RightQuestion): void {
    if (this.allows(question)) return;
    const { caller, own, name } = question;
    this.#refuse(caller, own, canonicalName(name));
  }

  allows({ caller, own, name, reach, target }: RightQuestion): boolean {
    if (reach === "everyone" || isTrusted(caller)) return true;
    if (!this.#isIn(own, caller.identity)) return false;
    if (reach === "identified") return true;
    const isOwn = reach === "realm" && target === own;
    return this.#holds(own, caller.identity, canonicalName(name)) && (isOwn || own === masterRealm);
  }

  /** As `require`, but lets through a user that has logged in, where it is named itself. */
  requireSelf(question: RightQuestion, name: unknown): void {
    const { caller, own, target } = question;
    if (this.#isIn(own, caller.identity) && target === own && typeof name === "string") {
      const { user } = caller.identity;
      if (user !== undefined && this.#model.user(own, name)?.username === user) return;
    }
    this.require(question);
  }

  #isIn(realm: string, identity: Identity | null): identity is Identity {
    return isIdentified(identity) && this.#model.realm(realm)?.securityEnabled === true;
  }

  /**
   * Refuses callers of the meta API's procedures that end sessions of others, or take something from them, where they have no right to
   * just that: what a realm grants everybody on everything is not meant so. Not in realms that let everybody, or have no access control.
   */
  requireToEnd({ caller, realm, uri }: ProcedureCall): void {
    const own = realm.uri.toLowerCase();
    if (realm.allowKill || isTrusted(caller) || this.#model.realm(own)?.securityEnabled !== true) return;
    if (!this.#holds(own, caller.identity ?? {}, uri)) this.#refuse(caller, own, uri);
  }

  #refuse(caller: Caller, realm: string, uri: string): never {
    const authid = caller.identity?.authid ?? "";
    const refused = { session: caller.id, authid, realm, permission: "wamp.call", uri, match: Match.exact };
    throw new WampError(errors.notAuthorized.uri, `not authorized (denial ${this.#denials.add(refused)})`);
  }

  /** Of grants to everybody those count that name the router's own procedures. */
  #holds(realm: string, { user, roles = [] }: Pick<Identity, "user" | "roles">, uri: string): boolean {
    const model = this.#model;
    const who = { roles, ...(user === undefined ? {} : { user }) };
    if (!model.isGranted(realm, who, "wamp.call", uri)) return false;
    const own: Role[] = model.closure(realm, roles).map((group): Role => `group/${group}`);
    if (user !== undefined) own.push(`user/${user}`);
    const routers = uri.slice(0, uri.indexOf(".") + 1);
    const allows = (grant: GrantRecord): boolean =>
      grant.effect === "allow" &&
      grant.permissions.includes("wamp.call") &&
      matches({ uri: grant.uri, match: matchNames.indexOf(grant.match) as Match }, uri);
    return (
      own.some((role) => model.grantsOf(realm, role).some(allows)) ||
      model.grantsOf(realm, "all").some((grant) => allows(grant) && grant.uri.startsWith(routers))
    );
  }
}
