/**
 * One case of the scale bench, in a process of its own: one runtime, one population. Fills the routing tables, looks at their
 * bytes, publishes, lets patterns come and go, empties them, and prints one JSON line. Arguments: see `ScaleCase`, as JSON.
 */
import { createRequire } from "node:module";
import { Decoder } from "@msgpack/msgpack";
import { collect, memoryNow } from "./memory.ts";
import { PatternTwin } from "./pattern-twin.ts";
import { Frames, ScaleWorld, type UriKind } from "./scale-world.ts";
import { type Pattern, patternAt } from "./wasm-patterns.ts";
import { Match } from "../src/protocol/messages.ts";

export interface ScaleCase {
  /** Patterns of each policy; a number of a pattern is the same in all. */
  readonly counts: readonly [exact: number, prefix: number, wildcard: number];
  /** All wildcard patterns are alike up to their last component: one node has them all. */
  readonly underOneNode: boolean;
  /** Also the JavaScript twin, and for wildcard patterns alone qlobber. */
  readonly compare: boolean;
  readonly rounds: number;
  readonly slice_ms: number;
  /** Pairs of one pattern that goes and one that comes. */
  readonly churn: number;
}

/** The worst of all operations of one phase. */
interface Worst {
  /** Microseconds of one operation, over all. */
  mean_us: number;
  /** Of `blockOperations` operations in a row: the smaller of the time and the CPU time (of all threads) that they took. */
  block_ms: number;
  /** Blocks that took more than 5 ms. */
  pauses: number;
  /** Buckets of the index that one operation looked at. */
  buckets: number;
}

export interface ScaleFindings {
  readonly patterns: number;
  /** Per pattern. */
  readonly bytes: Readonly<Record<"uri" | "index" | "patterns" | "memberships" | "resident", number>>;
  readonly insert: Worst;
  readonly churn: Worst;
  readonly remove: Worst;
  /** Nanoseconds of decoding and matching one PUBLISH, by round. */
  readonly match_ns: Readonly<Record<string, readonly number[]>>;
}

interface QlobberLike {
  add(topic: string, value: number): void;
  match(topic: string): number[];
}

const sessions = 200;
const blockOperations = 16;
const batch = 4_096;
const uriCount = 16_384;
const pause_ms = 5;
const payload = new Uint8Array(100).fill(0x78);
const uriKind = (of: ScaleCase): UriKind => (of.underOneNode ? "uri of one node" : "uri");

const kindOf = (of: ScaleCase, i: number): UriKind => {
  const [exact, prefix] = of.counts;
  if (i < exact) return Match.exact;
  if (i < exact + prefix) return Match.prefix;
  return of.underOneNode ? "one node" : Match.wildcard;
};
/** Number of a pattern among those of its policy. */
const numberOf = (of: ScaleCase, i: number): number => {
  const [exact, prefix] = of.counts;
  return i < exact ? i : i < exact + prefix ? i - exact : i - exact - prefix;
};
/** As text, for those who need one. */
const patternOf = (of: ScaleCase, i: number): Pattern => {
  const kind = kindOf(of, i);
  const number = numberOf(of, i);
  if (kind === "one node") return { match: Match.wildcard, uri: `com..m${number}` };
  return patternAt(policies[kind as Match], number);
};
const policies = ["exact", "prefix", "wildcard"] as const;

/** The same numbers on each runtime. */
const numbers = (seed: number): ((bound: number) => number) => {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
};

const cpu_ms = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Runs operations in blocks and keeps what was worst. */
class Phase {
  readonly worst: Worst = { mean_us: 0, block_ms: 0, pauses: 0, buckets: 0 };
  readonly #world: ScaleWorld;
  #busy_ms = 0;
  #done = 0;
  constructor(world: ScaleWorld) {
    this.#world = world;
  }
  run(count: number, operation: (i: number) => void): void {
    const { index } = this.#world;
    for (let from = 0; from < count; from += blockOperations) {
      const cpuBefore_ms = cpu_ms();
      const start = performance.now();
      const to = Math.min(count, from + blockOperations);
      for (let i = from; i < to; i++) {
        const before = index.work;
        operation(i);
        this.worst.buckets = Math.max(this.worst.buckets, (index.work - before) >>> 0);
      }
      const elapsed_ms = performance.now() - start;
      this.#busy_ms += elapsed_ms;
      this.#done += to - from;
      const own_ms = elapsed_ms < 0.1 ? elapsed_ms : Math.min(elapsed_ms, cpu_ms() - cpuBefore_ms);
      if (own_ms > this.worst.block_ms) this.worst.block_ms = own_ms;
      if (own_ms > pause_ms) this.worst.pauses++;
    }
    this.worst.mean_us = (this.#busy_ms * 1_000) / this.#done;
  }
}

const fill = (of: ScaleCase, world: ScaleWorld, rows: Uint32Array): { worst: Worst; uriBytes: number } => {
  const phase = new Phase(world);
  const frames = new Frames(world.core, batch * 256);
  let uriBytes = 0;
  for (let at = 0; at < rows.length; at += batch) {
    frames.clear();
    for (let i = at; i < Math.min(rows.length, at + batch); i++) {
      uriBytes += frames.subscribe(kindOf(of, i), numberOf(of, i));
    }
    phase.run(frames.length, (i) => {
      rows[at + i] = world.subscribe(frames, i, (at + i) % sessions);
    });
  }
  return { worst: phase.worst, uriBytes };
};

/** One goes, one comes that is not there, and an event is matched. */
const churn = (of: ScaleCase, world: ScaleWorld, rows: Uint32Array): Worst => {
  const phase = new Phase(world);
  const next = numbers(7);
  const subscribes = new Frames(world.core, batch * 256);
  const publishes = new Frames(world.core, batch * 256);
  const count = Math.max(...of.counts);
  for (let done = 0; done < of.churn; done += batch) {
    subscribes.clear();
    publishes.clear();
    const places = Array.from({ length: batch }, () => next(rows.length));
    for (const [i, place] of places.entries()) {
      subscribes.subscribe(kindOf(of, place), numberOf(of, place), done + i);
      publishes.publish(uriKind(of), next(count), payload);
    }
    phase.run(batch, (i) => {
      world.unsubscribe(rows[places[i]!]!);
      rows[places[i]!] = world.subscribe(subscribes, i, i % sessions);
      world.publish(publishes, i);
    });
  }
  return phase.worst;
};

/** Decodes and matches frame `i`; the number of matches. */
type Path = (i: number) => number;

const pathsOf = (of: ScaleCase, world: ScaleWorld, frames: Frames): Record<string, Path> => {
  const wasm: Path = (i) => world.match(frames, i);
  if (!of.compare) return { wasm };
  const list = Array.from({ length: frames.length }, (_, i) => frames.copy(i));
  const decoder = new Decoder();
  const uriIn = (i: number): string =>
    (decoder.decode(list[i]!) as readonly [number, number, object, string])[3];
  const total = of.counts.reduce((a, b) => a + b);
  const twin = new PatternTwin();
  for (let i = 0; i < total; i++) {
    const { match, uri } = patternOf(of, i);
    twin.insert(match, uri);
  }
  const paths: Record<string, Path> = { wasm, twin: (i) => twin.match(uriIn(i)).length };
  if (of.counts[2] !== total) return paths;
  const { Qlobber } = createRequire(import.meta.url)("qlobber") as { Qlobber: new () => QlobberLike };
  const qlobber = new Qlobber();
  for (let i = 0; i < total; i++) {
    const topic = patternOf(of, i)
      .uri.split(".")
      .map((part) => part || "*");
    qlobber.add(topic.join("."), i);
  }
  return { ...paths, qlobber: (i) => qlobber.match(uriIn(i)).length };
};

const compare = (of: ScaleCase, world: ScaleWorld): Record<string, number[]> => {
  const next = numbers(3);
  const frames = new Frames(world.core, uriCount * 256);
  const count = Math.max(...of.counts);
  for (let i = 0; i < uriCount; i++) frames.publish(uriKind(of), next(count), payload);
  const paths = pathsOf(of, world, frames);
  for (let i = 0; i < 2_000; i++) {
    const found = Object.entries(paths).map(([name, path]) => [name, path(i)] as const);
    const expected = found[0]![1];
    const other = found.find(([, matches]) => matches !== expected || matches === 0);
    if (other !== undefined) throw new Error(`${other[0]}: ${other[1]} matches, where wasm has ${expected}`);
  }
  const samples: Record<string, number[]> = Object.fromEntries(Object.keys(paths).map((name) => [name, []]));
  for (let round = -1; round < of.rounds; round++) {
    for (const [name, path] of Object.entries(paths)) {
      const start = performance.now();
      let done = 0;
      while (performance.now() - start < of.slice_ms) for (let i = 0; i < 1_024; i++) path(done++ % uriCount);
      const each_ns = ((performance.now() - start) * 1e6) / done;
      // The first one is for the compilers.
      if (round >= 0) samples[name]!.push(each_ns);
    }
  }
  return samples;
};

const main = async (): Promise<void> => {
  const of = JSON.parse(process.argv[2] ?? "{}") as ScaleCase;
  const world = await ScaleWorld.open(sessions);
  const count = of.counts.reduce((a, b) => a + b);
  const rows = new Uint32Array(count);
  await collect();
  const before = { index: world.index.bytes, resident: memoryNow().rss };
  const { worst: insert, uriBytes } = fill(of, world, rows);
  await collect();
  const bytes = {
    uri: uriBytes / count,
    index: (world.index.bytes - before.index - uriBytes) / count,
    patterns: world.patterns.bytes / count,
    memberships: world.memberships.bytes / count,
    resident: (memoryNow().rss - before.resident - rows.byteLength - uriBytes) / count,
  };
  const match_ns = compare(of, world);
  const churned = churn(of, world, rows);
  const phase = new Phase(world);
  // Not in the order in which they came. A step that has no divisor in common with the count reaches all.
  phase.run(count, (i) => world.unsubscribe(rows[(i * 1_000_003) % count]!));
  if (world.index.count !== 0 || world.memberships.count !== 0) throw new Error("something is left");
  const findings: ScaleFindings = {
    patterns: count,
    bytes,
    insert,
    churn: churned,
    remove: phase.worst,
    match_ns,
  };
  process.stdout.write(`${JSON.stringify(findings)}\n`);
};

if (process.argv[1]?.endsWith("scale-case.js")) await main();
