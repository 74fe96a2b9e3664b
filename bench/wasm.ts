/**
 * The wasm bench: decode + match of a PUBLISH through the real WASM module, against what a good router in plain JavaScript
 * would do: an npm decoder (@msgpack/msgpack, JSON.parse, cbor-x) and a JS trie, and for wildcards also npm's qlobber.
 * Each case runs in a process of its own, on each runtime; within it all paths and sizes take turns.
 */
import { existsSync } from "node:fs";
import { totalmem } from "node:os";
import { resolve } from "node:path";
import { type RuntimeName, root, run, runtimePath, runtimes } from "./child.ts";
import { type BenchResult, type Wanted, wantsAny } from "./result.ts";
import { type Figure, figure, ratio, short } from "./stats.ts";
import type { Table } from "./table.ts";
import { type Mix, mixes } from "./wasm-patterns.ts";

export interface WasmOptions {
  readonly rounds: number;
  readonly slice_ms: number;
  /** Of each path before its first round. */
  readonly warm_ms: number;
  readonly sizes: readonly number[];
}

/** Nanoseconds per frame of each round, by `path codec size`. */
type Samples = Readonly<Record<string, readonly number[]>>;

const codecs = ["msgpack", "json", "cbor"] as const;
/** Flatness compares these two. */
const flatFrom = 100_000;
const flatTo = 1_000_000;
/** The JS tries of a million patterns need this much, on both sides of a garbage collection. */
const memory_mb = 8_192;

const runCase = async (runtime: RuntimeName, mix: Mix, options: WasmOptions): Promise<Samples> => {
  const heap = runtime === "node" ? [`--max-old-space-size=${memory_mb}`] : [];
  const script = resolve(root, "build/bench/wasm-case.js");
  const args = [
    mix,
    options.sizes.join(","),
    ...[options.rounds, options.slice_ms, options.warm_ms].map(String),
  ];
  // Not pinned: the engines compile on threads of their own.
  return JSON.parse(await run([runtimePath(runtime), ...heap, script, ...args])) as Samples;
};

const figuresOf = (name: string, samples: Samples, sizes: readonly number[]): Figure[] => {
  const plain = Object.entries(samples).map(([key, values]) => figure(`wasm/${name}: ${key}`, "ns", values));
  const ratios = codecs.flatMap((codec) =>
    sizes.flatMap((size) =>
      ["twin", "qlobber"].flatMap((path) => {
        const above = samples[`${path} ${codec} ${size}`];
        const below = samples[`wasm ${codec} ${size}`];
        if (above === undefined || below === undefined) return [];
        return [ratio(`wasm/${name}: ${codec} ${size}: ${path} / wasm`, above, below)];
      }),
    ),
  );
  const flat = codecs.flatMap((codec) => {
    const above = samples[`wasm ${codec} ${flatTo}`];
    const below = samples[`wasm ${codec} ${flatFrom}`];
    if (above === undefined || below === undefined) return [];
    return [ratio(`wasm/${name}: ${codec}: ${flatTo} / ${flatFrom} patterns`, above, below)];
  });
  return [...plain, ...ratios, ...flat];
};

const tableOf = (
  runtime: RuntimeName,
  mix: Mix,
  figures: readonly Figure[],
  sizes: readonly number[],
): Table => {
  const name = `${runtime} ${mix}`;
  const find = (key: string): Figure | undefined => figures.find((f) => f.name === `wasm/${name}: ${key}`);
  const cell = (key: string): string => {
    const f = find(key);
    return f === undefined ? "–" : short(f.value);
  };
  const times = (key: string): string => {
    const f = find(key);
    return f === undefined ? "–" : `${short(f.value)}× (${short(f.low)}–${short(f.high)})`;
  };
  const rows = codecs.flatMap((codec) =>
    sizes.map((size) => [
      `${codec} ${size}`,
      cell(`wasm ${codec} ${size}`),
      cell(`twin ${codec} ${size}`),
      cell(`qlobber ${codec} ${size}`),
      times(`${codec} ${size}: twin / wasm`),
      times(`${codec} ${size}: qlobber / wasm`),
      size === flatTo ? times(`${codec}: ${flatTo} / ${flatFrom} patterns`) : "",
    ]),
  );
  const head = [
    "codec, patterns",
    "wasm ns",
    "JS twin ns",
    "qlobber ns",
    "twin / wasm",
    "qlobber / wasm",
    "1 M / 100 k",
  ];
  return { title: `wasm: decode + match of a PUBLISH, ${mix} patterns, ${runtime}`, head, rows };
};

export const runWasm = async (
  options: WasmOptions,
  progress: (text: string) => void,
  wanted?: Wanted,
): Promise<BenchResult> => {
  const figures: Figure[] = [];
  const tables: Table[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  if (!existsSync(resolve(root, "build/spanwire.wasm"))) {
    return { figures, tables, problems: ["wasm: build/spanwire.wasm is missing: npm run build"], notes };
  }
  if (runtimes().length === 1) problems.push("Bun is not installed: its rows are missing");
  const enough = totalmem() / 2 ** 20 >= memory_mb;
  if (!enough) notes.push(`wasm: ${flatTo} patterns left out, the JS tries need ${memory_mb} MB of memory`);
  const sizes = options.sizes.filter((size) => enough || size < flatTo);
  for (const runtime of runtimes()) {
    for (const mix of mixes) {
      if (!wantsAny(wanted, `wasm/${runtime} ${mix}: `)) continue;
      progress(`wasm: ${runtime}, ${mix} patterns`);
      try {
        const own = figuresOf(`${runtime} ${mix}`, await runCase(runtime, mix, { ...options, sizes }), sizes);
        figures.push(...own);
        tables.push(tableOf(runtime, mix, own, sizes));
      } catch (cause) {
        problems.push(`wasm: ${runtime} ${mix}: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
  }
  return { figures, tables, problems, notes };
};
