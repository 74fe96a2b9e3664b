/** The section `limits` of a configuration file, made from the table of limits itself: it has what the table has. */
import { z } from "zod";
import { defaultLimits, type Limits } from "../base/limits.ts";

/** Where a limit is narrower than its name says. */
const ranges: Partial<Record<keyof Limits, readonly [min: number, max: number]>> = {
  frameBytes_max: [512, 1 << 24],
  calleesPerCall_max: [1, 0xffff],
};

/** A timer of the runtime takes no more. */
const timer_ms = 2 ** 31 - 1;

function rangeOf(limit: keyof Limits): readonly [number, number] {
  const special = ranges[limit];
  if (special !== undefined) return special;
  return limit.endsWith("_ms") ? [1, timer_ms] : [0, Number.MAX_SAFE_INTEGER];
}

function unitOf(limit: string): string {
  if (limit.endsWith("_ms")) return "Milliseconds";
  return limit.includes("Bytes") ? "Bytes" : "A count";
}

function schemaOf(limit: keyof Limits): z.ZodOptional<z.ZodInt> {
  const [min, max] = rangeOf(limit);
  const about = `${unitOf(limit)}; default ${defaultLimits[limit]}. What a peer sees beyond it: src/base/limits.ts.`;
  return z.int().min(min).max(max).optional().describe(about);
}

const names = Object.keys(defaultLimits) as (keyof Limits)[];

export const limitsSchema = z
  .strictObject(
    Object.fromEntries(names.map((name) => [name, schemaOf(name)])) as Record<
      keyof Limits,
      z.ZodOptional<z.ZodInt>
    >,
  )
  .describe("Bounds of queues, tables and times; each that is left out has its default.");

/** What is given, without what is not: in the shape that the router takes. */
export function givenLimits(limits: z.output<typeof limitsSchema>): Partial<Limits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
