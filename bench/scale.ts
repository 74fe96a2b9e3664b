/**
 * The scale bench: routing tables with up to twelve million patterns in one realm, filled, used and emptied through the classes
 * that the router has. Bytes per pattern and layer, rates, the worst single operation, and decode + match against plain JavaScript.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type RuntimeName, root, run, runtimePath, runtimes } from "./child.ts";
import { type BenchResult, type Wanted, wantsAny } from "./result.ts";
import type { ScaleCase, ScaleFindings } from "./scale-case.ts";
import { type Figure, figure, ratio, short } from "./stats.ts";
import type { Table } from "./table.ts";

export interface ScaleOptions {
  /** Patterns of a population with one policy. */
  readonly single: number;
  /** Exact patterns of the mixed populations, with a tenth as many prefixes and wildcard patterns; the last is the large one. */
  readonly mixed: readonly number[];
  readonly rounds: number;
  readonly slice_ms: number;
  readonly churn: number;
}

interface Population {
  readonly name: string;
  readonly counts: ScaleCase["counts"];
  readonly underOneNode: boolean;
  /** The twins need about a kilobyte a pattern: beyond, there is nothing to compare with. */
  readonly compare: boolean;
}

const compare_max = 2_000_000;
const heap_mb = 8_192;

export const policies = ["exact", "prefix", "wildcard"] as const;

const populationsOf = ({ single, mixed }: ScaleOptions): readonly Population[] => [
  ...policies.map((name, policy) => ({
    name,
    counts: policies.map((_, i) => (i === policy ? single : 0)) as unknown as ScaleCase["counts"],
    underOneNode: false,
    compare: true,
  })),
  { name: "one node", counts: [0, 0, single], underOneNode: true, compare: true },
  ...mixed.map((exact, i) => ({
    name: i === mixed.length - 1 ? "large" : "small",
    counts: [exact, exact / 10, exact / 10] as const,
    underOneNode: false,
    compare: exact <= compare_max,
  })),
];

const runCase = async (
  runtime: RuntimeName,
  population: Population,
  options: ScaleOptions,
): Promise<ScaleFindings> => {
  const { counts, underOneNode, compare } = population;
  const { rounds, slice_ms, churn } = options;
  const of: ScaleCase = { counts, underOneNode, compare, rounds, slice_ms, churn };
  const flags = runtime === "node" ? ["--expose-gc", `--max-old-space-size=${heap_mb}`] : [];
  const script = resolve(root, "build/bench/scale-case.js");
  return JSON.parse(await run([runtimePath(runtime), ...flags, script, JSON.stringify(of)])) as ScaleFindings;
};

const layers = ["index", "patterns", "memberships"] as const;
const phases = ["insert", "churn", "remove"] as const;

const figuresOf = (name: string, found: ScaleFindings): Figure[] => {
  const one = (what: string, unit: string, value: number): Figure =>
    figure(`${name}: ${what}`, unit, [value]);
  const { bytes, match_ns } = found;
  const beside = layers.reduce((sum, layer) => sum + bytes[layer], 0);
  const ratios = Object.entries(match_ns)
    .filter(([path]) => path !== "wasm")
    .map(([path, values]) => ratio(`${name}: ${path} / wasm`, values, match_ns["wasm"]!));
  return [
    one("patterns", "", found.patterns),
    one("bytes per pattern beside its URI", "B", beside),
    one("bytes of its URI", "B", bytes.uri),
    ...layers.map((layer) => one(`bytes per pattern, ${layer}`, "B", bytes[layer])),
    one("resident bytes per pattern beside its URI", "B", bytes.resident),
    ...phases.flatMap((phase) => [
      one(`${phase}`, "µs", found[phase].mean_us),
      one(`${phase}, worst block`, "ms", found[phase].block_ms),
      one(`${phase}, blocks above 5 ms`, "", found[phase].pauses),
      one(`${phase}, worst operation`, "buckets", found[phase].buckets),
    ]),
    ...Object.entries(match_ns).map(([path, values]) => figure(`${name}: ${path}`, "ns", values)),
    ...ratios,
  ];
};

const tablesOf = (
  runtime: RuntimeName,
  figures: ReadonlyMap<string, Figure>,
  names: readonly string[],
): Table[] => {
  const cell = (name: string, what: string): string => {
    const found = figures.get(`scale/${runtime} ${name}: ${what}`);
    return found === undefined ? "–" : `${short(found.value)}${found.unit === "×" ? "×" : ""}`;
  };
  const rowsOf = (columns: readonly string[]): string[][] =>
    names.map((name) => [name, ...columns.map((what) => cell(name, what))]);
  const memory = [
    "patterns",
    "bytes per pattern beside its URI",
    ...layers.map((layer) => `bytes per pattern, ${layer}`),
    "bytes of its URI",
    "resident bytes per pattern beside its URI",
  ];
  const work = phases.flatMap((phase) => [phase, `${phase}, worst block`, `${phase}, worst operation`]);
  const match = ["wasm", "twin", "qlobber", "twin / wasm", "qlobber / wasm"];
  return [
    {
      title: `scale: bytes per pattern, ${runtime}`,
      head: ["population", "patterns", "beside URI", ...layers, "URI", "resident"],
      rows: rowsOf(memory),
    },
    {
      title: `scale: µs per operation, worst block of 16 in ms, worst operation in buckets, ${runtime}`,
      head: ["population", ...phases.flatMap((phase) => [`${phase} µs`, "ms", "buckets"])],
      rows: rowsOf(work),
    },
    {
      title: `scale: ns per decode + match of a MessagePack PUBLISH, ${runtime}`,
      head: ["population", ...match],
      rows: rowsOf(match),
    },
  ];
};

export const runScale = async (
  options: ScaleOptions,
  progress: (text: string) => void,
  wanted?: Wanted,
): Promise<BenchResult> => {
  const figures: Figure[] = [];
  const tables: Table[] = [];
  const problems: string[] = [];
  if (!existsSync(resolve(root, "build/spanwire.wasm")))
    return { figures, tables, problems: ["scale: build/spanwire.wasm is missing: npm run build"], notes: [] };
  if (runtimes().length === 1) problems.push("Bun is not installed: its rows are missing");
  for (const runtime of runtimes()) {
    const populations = populationsOf(options).filter(({ name }) =>
      wantsAny(wanted, `scale/${runtime} ${name}: `),
    );
    if (populations.length === 0) continue;
    const byName = new Map<string, ScaleFindings>();
    for (const population of populations) {
      progress(`scale: ${runtime}, ${population.name} (${population.counts.join(" + ")} patterns)`);
      try {
        const found = await runCase(runtime, population, options);
        byName.set(population.name, found);
        figures.push(...figuresOf(`scale/${runtime} ${population.name}`, found));
      } catch (cause) {
        const problem = cause instanceof Error ? cause.message : String(cause);
        problems.push(`scale: ${runtime} ${population.name}: ${problem}`);
      }
    }
    const [large, small] = [byName.get("large"), byName.get("small")];
    if (large !== undefined && small !== undefined)
      figures.push(
        ratio(`scale/${runtime}: large / small`, large.match_ns["wasm"]!, small.match_ns["wasm"]!),
      );
    const all = new Map(figures.map((f) => [f.name, f]));
    tables.push(
      ...tablesOf(
        runtime,
        all,
        populations.map(({ name }) => name),
      ),
    );
  }
  const notes = [
    "scale: worst blocks hold what the engine does in them – compiling at first, collecting garbage – and what a virtual machine's host takes away",
  ];
  return { figures, tables, problems, notes };
};
