/** Rules of stored tickets: one for each scope of a user, none that has expired, and no more than a user needs. */
import { fixedLimits } from "../base/limits.ts";
import { fold } from "./check.ts";
import type { Draft } from "./draft.ts";
import { invalidInput } from "./errors.ts";
import type { TicketRecord } from "./records.ts";

const scopeOf = ({ scope }: TicketRecord): string =>
  JSON.stringify([scope.realm, scope.client_id, scope.device_id]);

/** `present`: the tickets of the same user. */
export function putTicket(
  draft: Draft,
  ticket: TicketRecord,
  present: readonly TicketRecord[],
  now_ms: number,
): void {
  const authrealm = fold(ticket.authrealm);
  const authid = fold(ticket.authid);
  const { id } = ticket;
  if (!/^[\x21-\x7e]{1,128}$/.test(id)) throw invalidInput(["id: must be 1 to 128 visible characters"]);
  const others = present.filter((other) => other.id !== id);
  const kept = others.filter(
    (other) => other.expires_at * 1_000 > now_ms && scopeOf(other) !== scopeOf(ticket),
  );
  kept.sort((a, b) => b.expires_at - a.expires_at);
  const staying = new Set(kept.slice(0, fixedLimits.ticketsPerUser_max - 1));
  for (const other of others) if (!staying.has(other)) draft.put("ticket", authrealm, other.id, null);
  draft.put("ticket", authrealm, id, Object.freeze({ ...ticket, authrealm, authid }));
}

/** Those that nobody came back for. */
export function dropExpired(draft: Draft, now_ms: number): void {
  for (const realm of draft.realmUris())
    for (const [id, { expires_at }] of [...draft.entries("ticket", realm)])
      if (expires_at * 1_000 <= now_ms) draft.put("ticket", realm, id, null);
}
