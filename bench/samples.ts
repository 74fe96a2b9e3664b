/** What one measurement leaves: the load generator's line, and what is computed from it. */
import type { Pick } from "./stats.ts";

/** The figures of one window. */
export type Sample = Readonly<Record<string, number>>;

/**
 * CPU time per operation by its lower quartile and rates by their upper one, since what disturbs them goes one way. Everything else
 * by its median, percentiles of latencies among it: the quiet quarter of them would leave out the server's own pauses.
 */
export const pickOf = (key: string): Pick => {
  if (key.includes("_us_per_") || key === "busiest_us") return "lower quartile";
  if (key.startsWith("refused_")) return "highest";
  return key.endsWith("_per_s") || key.startsWith("per_") ? "upper quartile" : "median";
};

/** Rates by CPU time, which is what servers of different speed are compared by. */
export const derived = (sample: Sample): Sample => {
  const { router_cpu_us_per_event, router_cpu_us_per_call, router_cpu_us_per_join } = sample;
  const { busiest_thread_us_per_event, busiest_thread_us_per_call } = sample;
  const busiest_us = busiest_thread_us_per_event ?? busiest_thread_us_per_call;
  const { rss_before_kb, rss_after_kb } = sample;
  const rate = (key: string, us: number | undefined): Record<string, number> =>
    us === undefined || us <= 0 ? {} : { [key]: 1e6 / us };
  return {
    ...sample,
    ...rate("per_cpu_s", router_cpu_us_per_event ?? router_cpu_us_per_call ?? router_cpu_us_per_join),
    ...rate("per_busiest_s", busiest_us),
    ...(busiest_us === undefined ? {} : { busiest_us }),
    ...(rss_before_kb === undefined || rss_after_kb === undefined
      ? {}
      : { rss_grown_mb: (rss_after_kb - rss_before_kb) / 1024 }),
  };
};
