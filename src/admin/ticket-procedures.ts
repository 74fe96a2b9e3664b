/** `bondy.ticket.*` and `bondy.backup.create`: what services that are given do. */
import { aBool, aCount, aText, type Dict, type Kind } from "../router/meta/meta-args.ts";
import type { RouterSession } from "../router/types.ts";
import type { Security } from "../security/model.ts";
import type { AdminHandler } from "./admin-call.ts";
import { isDict } from "../protocol/encoding.ts";
import type { AdminProcedure } from "./catalogue.ts";
import { requiredRealm } from "./required.ts";

type Name = Extract<AdminProcedure, `ticket.${string}`>;

/** What a ticket is asked to be. */
export interface TicketRequest {
  readonly expiry_time_secs?: number;
  readonly allow_sso?: boolean;
  readonly client_ticket?: string;
  readonly client_id?: string;
  readonly device_id?: string;
}

/** Makes and reads tickets. Both reject with a WampError. */
export interface TicketService {
  /** For the caller, who has logged in; checks its method and its permission `bondy.issue`. `{ticket, id, issued_at, expires_at, scope}` */
  issue(caller: RouterSession, realm: string, request: TicketRequest): Promise<Dict>;
  /** What a ticket says that this realm would take; rejects for any other. */
  verify(realm: string, ticket: string): Promise<Dict>;
}

export function ticketProcedures(
  security: Security,
  tickets: TicketService,
): Readonly<Record<Name, AdminHandler>> {
  return {
    "ticket.issue": async (call) => {
      const given = {
        expiry_time_secs: call.named("expiry_time_secs", aCount),
        allow_sso: call.named("allow_sso", aBool),
        client_ticket: call.named("client_ticket", aText),
        client_id: call.named("client_id", aText),
        device_id: call.named("device_id", aText),
      };
      const present = Object.entries(given).filter(([, value]) => value !== undefined);
      return [await tickets.issue(call.call.caller, call.own, Object.fromEntries(present))];
    },
    "ticket.verify": async (call) => {
      const ticket = call.text(1, "ticket");
      requiredRealm(security, call.realm);
      return [await tickets.verify(call.realm, ticket)];
    },
    "ticket.revoke": async (call) => [await security.revokeTicket(call.realm, call.text(1, "id"))],
    "ticket.revoke_all": async (call) => {
      await security.revokeTickets(call.realm, call.text(1, "authid").toLowerCase());
      return [];
    },
  };
}

/** As Bondy takes it, `{path}`, or the path alone. */
const aPath: Kind<string> = {
  name: "a path, or {path}",
  read: (value) => {
    const path = isDict(value) ? value["path"] : value;
    return typeof path === "string" && path !== "" && !path.includes("\0") ? path : undefined;
  },
};

/** `backup` writes a copy of the durable state; rejects with a WampError that says why it could not. */
export const backupProcedure =
  (backup: (path: string) => Promise<void>): AdminHandler =>
  async (call) => {
    await backup(call.arg(0, "backup", aPath));
    return [];
  };
