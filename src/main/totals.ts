/** Counts of several threads, or routers, that work as one, put together. Control path. */
import type { RouterStats } from "./options.ts";

/** What each of them has of all: the first one's word counts. */
const known: readonly (keyof RouterStats)[] = ["patterns", "limitedCallees"];

export function totalsOf(first: RouterStats, others: readonly RouterStats[]): RouterStats {
  const totals: Record<keyof RouterStats, number> = { ...first };
  for (const name of Object.keys(totals) as (keyof RouterStats)[])
    if (!known.includes(name)) for (const other of others) totals[name] += other[name];
  return totals;
}
