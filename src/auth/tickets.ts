/**
 * Tickets, as Bondy has them: a session that has shown who it is is given a token (JWT, ES256) by which it can log in again without the
 * password. A ticket counts while the security model has it and no longer: taking it out there is what revokes it, at once, and live
 * sessions hear of it as of every change of the model.
 */
import { randomUUID } from "node:crypto";
import { importJWK, SignJWT } from "jose";
import { fixedLimits } from "../base/limits.ts";
import type { Identity } from "../ports.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { credentialsDiffer } from "../security/draft.ts";
import type { Principal, Security } from "../security/model.ts";
import type { TicketRecord } from "../security/records.ts";
import { check, ownAlgorithms, publicKeySet, tokenTypes, unchecked } from "./jwt.ts";

type Dict = Readonly<Record<string, unknown>>;
type Scope = TicketRecord["scope"];

/** The session that asks. */
export interface TicketHolder {
  readonly realm: string;
  readonly identity: Identity;
}

/** What bondy.ticket.issue answers. */
export interface IssuedTicket {
  readonly ticket: string;
  readonly id: string;
  /** Seconds since 1970. */
  readonly issued_at: number;
  readonly expires_at: number;
  readonly scope: Scope;
}

export type VerifiedTicket =
  | { readonly ok: true; readonly ticket: TicketRecord }
  | { readonly ok: false; readonly why: string };

export interface TicketServiceOptions {
  readonly security: Security;
  /** The name of this router: `issued_on`. */
  readonly node: string;
  /** Milliseconds since 1970. */
  wall_ms(): number;
}

const invalid = (message: string): WampError => new WampError(errors.invalidArgument.uri, message);

export class TicketService {
  readonly #options: TicketServiceOptions;

  constructor(options: TicketServiceOptions) {
    this.#options = options;
  }

  /**
   * `bondy.ticket.issue`. Kwargs: `expiry_time_secs` (30 days where absent, and at most), `allow_sso` (true: good for all realms that have
   * the user from the same same-sign-on realm), `client_ticket` (a ticket of the client that the user has come through) or
   * `client_id`, `device_id`. Replaces the ticket for the same realm, client and device. Rejects with a WampError: not_authorized,
   * invalid_argument, unavailable.
   */
  async issue({ identity, realm }: TicketHolder, kwargs: Dict): Promise<IssuedTicket> {
    const { node, security, wall_ms } = this.#options;
    const principal = this.#entitled(identity, realm);
    const { credentialRealm: authrealm, credentialUser } = principal;
    const scope = await this.#scopeOf(identity, principal, kwargs);
    const lifetime_s = lifetimeOf(kwargs["expiry_time_secs"]);
    const issued_at = Math.floor(wall_ms() / 1_000);
    const ticket: TicketRecord = {
      id: randomUUID(),
      authrealm,
      authid: credentialUser.username,
      scope,
      issued_by: identity.authid,
      issued_at,
      expires_at: issued_at + lifetime_s,
    };
    const token = await this.#sign(ticket, { authmethod: identity.authmethod, issued_on: node });
    await security.putTicket(ticket);
    // Changes that were under way may have been made before this one.
    const now = security.principal(realm, principal.user.username);
    if (now?.enabled !== true || credentialsDiffer(now.credentialUser, principal.credentialUser)) {
      await security.revokeTicket(authrealm, ticket.id);
      throw new WampError(errors.notAuthorized.uri, "the user has changed meanwhile");
    }
    return { ticket: token, id: ticket.id, issued_at, expires_at: ticket.expires_at, scope };
  }

  #entitled({ authmethod, user, roles = [] }: Identity, realm: string): Principal {
    const principal = user === undefined ? undefined : this.#options.security.principal(realm, user);
    // A ticket for a ticket would outlive every expiry.
    if (principal === undefined || authmethod === "ticket" || authmethod === "anonymous")
      throw new WampError(
        errors.notAuthorized.uri,
        `a session that has come by ${authmethod} is given no ticket`,
      );
    // A ticket lets in with all of them: a token that was given for less would become one for everything.
    if (!principal.user.groups.every((group) => roles.includes(group)))
      throw new WampError(
        errors.notAuthorized.uri,
        "a session that acts in some of its user's groups only is given no ticket",
      );
    return principal;
  }

  async #scopeOf(who: Identity, principal: Principal, kwargs: Dict): Promise<Scope> {
    const { realm } = principal;
    const { allow_sso = true } = kwargs;
    if (typeof allow_sso !== "boolean") throw invalid("allow_sso is a boolean");
    const isSso = allow_sso && principal.credentialRealm !== realm;
    const device_id = textOf(kwargs, "device_id");
    const client_id = await this.#clientOf(principal, kwargs);
    const scope = { realm: isSso ? null : realm, client_id, device_id };
    const name = nameOfScope(scope);
    if (!this.#options.security.isGranted(realm, who, "bondy.issue", `bondy.ticket.scope.${name}`))
      throw new WampError(
        errors.notAuthorized.uri,
        `the session may not issue tickets of the scope ${name}: it takes bondy.issue on bondy.ticket.scope.${name}`,
      );
    return scope;
  }

  async #clientOf({ credentialUser, realm }: Principal, kwargs: Dict): Promise<string | null> {
    const client_id = textOf(kwargs, "client_id");
    const token = kwargs["client_ticket"] ?? null;
    if (token === null) return client_id;
    if (client_id !== null) throw invalid("either client_ticket or client_id, not both");
    const client = typeof token === "string" ? await this.verify(realm, token) : null;
    if (client === null || !client.ok) throw invalid("client_ticket is no valid ticket for this realm");
    const { authid, scope } = client.ticket;
    if (scope.client_id !== null || authid === credentialUser.username)
      throw invalid("client_ticket is not the ticket of a client");
    return authid;
  }

  async #sign(ticket: TicketRecord, more: Dict): Promise<string> {
    const { authrealm, authid, expires_at, id, issued_at, issued_by, scope } = ticket;
    const { jwk, kid } = await this.#options.security.signingKey(authrealm);
    const bondys = { id, authrealm, authid, issued_by, issued_at, expires_at, scope, kid };
    return new SignJWT({ ...bondys, ...more })
      .setProtectedHeader({ alg: "ES256", kid, typ: tokenTypes.ticket })
      .setIssuer(authrealm)
      .setSubject(authid)
      .setAudience(scope.realm ?? authrealm)
      .setIssuedAt(issued_at)
      .setNotBefore(issued_at)
      .setExpirationTime(expires_at)
      .setJti(id)
      .sign(await importJWK({ ...jwk }, "ES256"));
  }

  /**
   * `bondy.ticket.verify`: whether a ticket lets its owner into a realm now. `owner` is who says that it is its own; absent: anybody's.
   * Never rejects.
   */
  async verify(realm: string, token: string, owner?: Principal | null): Promise<VerifiedTicket> {
    const { security, wall_ms } = this.#options;
    const refused = (why: string): VerifiedTicket => ({ ok: false, why });
    const said = unchecked(token);
    if (said === null) return refused("it is no ticket");
    const { iss: authrealm = "" } = said.claims;
    const here = security.realm(realm);
    if (here === undefined || (authrealm !== here.uri && authrealm !== here.ssoRealmUri))
      return refused("the ticket is of another realm");
    const checked = await check(token, publicKeySet(security.signingKeys(authrealm)), {
      issuer: authrealm,
      audience: [here.uri, authrealm],
      algorithms: ownAlgorithms,
      typ: tokenTypes.ticket,
      wall_ms: wall_ms(),
    });
    if (!checked.ok) return refused(checked.why);
    const ticket = security.ticket(authrealm, checked.claims.jti ?? "");
    if (ticket === undefined) return refused("the ticket was revoked, or replaced by another");
    if (ticket.expires_at * 1_000 <= wall_ms()) return refused("the ticket has expired");
    if (ticket.scope.realm !== null && ticket.scope.realm !== here.uri)
      return refused("the ticket is for another realm");
    // A user of the same name whose credentials are elsewhere is another.
    const principal = security.principal(realm, ticket.authid);
    if (principal === undefined || !isOwner(ticket, principal))
      return refused("the ticket's owner is not known here");
    if (owner !== undefined && (owner === null || !isOwner(ticket, owner)))
      return refused("the ticket is somebody else's");
    return { ok: true, ticket };
  }
}

const isOwner = (ticket: TicketRecord, { credentialRealm, credentialUser }: Principal): boolean =>
  ticket.authrealm === credentialRealm && ticket.authid === credentialUser.username;

const nameOfScope = ({ realm, client_id }: Scope): string =>
  `${client_id === null ? "" : "client_"}${realm === null ? "sso" : "local"}`;

function lifetimeOf(seconds: unknown): number {
  if (seconds === undefined || seconds === null) return fixedLimits.ticketExpiry_s;
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds < 1)
    throw invalid("expiry_time_secs is a positive integer");
  return Math.min(seconds, fixedLimits.ticketExpiry_s);
}

function textOf(kwargs: Dict, name: "client_id" | "device_id"): string | null {
  const text = kwargs[name] ?? null;
  if (text === null) return null;
  if (typeof text !== "string" || text === "" || text.length > fixedLimits.ticketText_max)
    throw invalid(`${name} is a text of 1 to ${fixedLimits.ticketText_max} characters`);
  return text;
}
