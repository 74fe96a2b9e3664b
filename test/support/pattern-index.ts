/**
 * A fresh pattern index in an instance of its own. SPANWIRE_WASM names another build of the module, such as the one with
 * assertions.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Match } from "../../src/protocol/messages.ts";
import { Core } from "../../src/wasm/core.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import type { Pattern } from "./pattern-model.ts";

const file = process.env["SPANWIRE_WASM"] ?? fileURLToPath(new URL("../../spanwire.wasm", import.meta.url));
const wasm = readFileSync(file);

export interface OpenIndex {
  readonly index: PatternIndex;
  readonly core: Core;
}

export function openIndex(matches_max = 4_096, seed: readonly number[] = [1, 2, 3, 4]): OpenIndex {
  const core = new Core(wasm, { frameBytes_max: 65_536, matches_max, seed: Uint32Array.from(seed) });
  return { core, index: new PatternIndex(core) };
}

/** Handles of all matches, in the order in which they were found. */
export function matchesOf(index: PatternIndex, scope: number, uri: string): number[] {
  return Array.from({ length: index.match(scope, uri) }, (_, i) => index.matched(i));
}

/** Inserts a pattern that must be taken; the handle is its id. */
export function insertInto(index: PatternIndex, scope: number, match: Match, uri: string): Pattern {
  const id: number = index.insertText(scope, match, uri);
  if (id === 0) throw new Error(`the index refused ${JSON.stringify(uri)}`);
  return { id, match, uri };
}

/** The same random numbers for the same seed: mulberry32. Gives integers from 0 to `bound` - 1. */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}
