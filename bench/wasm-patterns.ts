/** The pattern populations of the wasm bench, and URIs that hit them. A pattern is a function of its number alone. */
import { Match } from "../src/protocol/messages.ts";

export const mixes = ["exact", "prefix", "wildcard", "mixed"] as const;
export type Mix = (typeof mixes)[number];

export interface Pattern {
  readonly match: Match;
  readonly uri: string;
}

const policyOf = (mix: Mix, i: number): Match => {
  if (mix === "mixed") return (i % 3) as Match;
  return mix === "exact" ? Match.exact : mix === "prefix" ? Match.prefix : Match.wildcard;
};

/** Numbers that spread over the population like plants and lines of a factory; prime, so that they combine evenly. */
const plant = (i: number): string => `plant${i % 97}`;
const line = (i: number): string => `line${i % 89}`;

export const patternAt = (mix: Mix, i: number): Pattern => {
  const match = policyOf(mix, i);
  if (match === Match.exact) return { match, uri: `com.${plant(i)}.${line(i)}.m${i}.temperature` };
  if (match === Match.prefix) return { match, uri: `com.${plant(i)}.${line(i)}.m${i}.` };
  // Half of them leave the plant open, half the line.
  const uri = i % 2 === 0 ? `com..${line(i)}.m${i}.temperature` : `com.${plant(i)}..m${i}.temperature`;
  return { match, uri };
};

/** A URI that matches pattern `i`, whatever its policy. */
export const uriFor = (i: number): string => `com.${plant(i)}.${line(i)}.m${i}.temperature`;
