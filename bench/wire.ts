/**
 * The wire bench: whole routers over real sockets, loaded from a separate process. All rows are started; each scenario is run over
 * all its rows in short windows, again and again, in an order that moves on by one each time, before the next; and all of it again
 * with rows started afresh. What is compared is the router's own CPU time per operation, which says more than a rate where client
 * and router share a machine.
 */
import { canPin, compileLoad, root, runtimes } from "./child.ts";
import { Generators } from "./generator.ts";
import type { BenchResult, Wanted } from "./result.ts";
import { type Router, startRow } from "./router.ts";
import { type Row, routerIsBuilt } from "./rows.ts";
import { roundsOfLife } from "./report-run.ts";
import { pickOf, type Sample } from "./samples.ts";
import {
  type Figure,
  figure,
  median,
  picked,
  ratioOf,
  ratioText,
  short,
  spreadText,
  type Windows,
} from "./stats.ts";
import type { Table } from "./table.ts";
import { type Load, type Metric, rows, type Scenario, scenarios } from "./wire-rows.ts";

export interface WireOptions {
  /** Windows of each load, in all lives of the rows together. */
  readonly rounds: number;
  /** How often all rows are started anew. */
  readonly lives: number;
  readonly window_s: number;
  readonly warm_s: number;
  /** How long a load runs before its first window in a row's life: the code is not compiled yet. */
  readonly firstWarm_s: number;
  /** Also the scenarios without a limit. */
  readonly more: boolean;
}

/** What is compared: routers, and loads on them. `name` goes before the figures. */
export interface Suite {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly scenarios: readonly Scenario[];
}

const ratioName = (suite: string, scenario: string, above: string, below: string): string =>
  `${suite}/${scenario}: ${above} / ${below}`;

/** By round; where one failed there is none. */
type ByRound = ReadonlyMap<number, Sample>;
/** Samples by scenario and key. */
type Samples = Map<string, Map<string, Map<number, Sample>>>;

const keep = (samples: Samples, where: readonly [string, string, number], sample: Sample): void => {
  const [scenario, key, round] = where;
  const byKey = samples.get(scenario) ?? new Map<string, Map<number, Sample>>();
  samples.set(scenario, byKey);
  const byRound = byKey.get(key) ?? new Map<number, Sample>();
  byKey.set(key, byRound);
  byRound.set(round, sample);
};

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const startAll = async (rows: readonly Row[], problems: string[]): Promise<Map<string, Router>> => {
  const routers = new Map<string, Router>();
  for (const row of rows) {
    if (row.name.startsWith("spanwire") && !routerIsBuilt()) continue;
    try {
      routers.set(row.name, await startRow(row));
    } catch (cause) {
      problems.push(`${row.name} does not start: ${reasonOf(cause)}`);
    }
  }
  return routers;
};

/** A generator that takes longer to open its sessions has failed. */
const patience_ms = 60_000;

/** Those rounds of all loads of a scenario. A load that fails is told, and not asked again. */
const runScenario = async (
  scenario: Scenario,
  rounds: readonly number[],
  routers: ReadonlyMap<string, Router>,
  options: WireOptions,
  into: { readonly samples: Samples; readonly problems: string[] },
): Promise<void> => {
  const { name, loads } = scenario;
  const { firstWarm_s } = options;
  const timing = { ...options, patience_ms };
  const failed = new Set<Load>();
  const generators = new Generators();
  try {
    for (const round of rounds) {
      for (let i = 0; i < loads.length; i++) {
        const load = loads[(i + round) % loads.length]!;
        const router = routers.get(load.row);
        if (router === undefined || failed.has(load)) continue;
        try {
          const begin = { args: () => load.args, firstWarm_s };
          keep(
            into.samples,
            [name, load.key, round],
            await generators.window(load.key, router, begin, timing),
          );
        } catch (cause) {
          failed.add(load);
          into.problems.push(`${name}: ${load.key}: ${reasonOf(cause)} ${router.output().slice(-500)}`);
        }
      }
    }
  } finally {
    await generators.stopAll();
  }
};

/** All scenarios, with all rows running. */
const runLife = async (
  suite: Suite,
  life: number,
  options: WireOptions,
  into: { readonly samples: Samples; readonly problems: string[] },
): Promise<void> => {
  const rounds = roundsOfLife(options.rounds, life, options.lives);
  const routers = await startAll(suite.rows, into.problems);
  try {
    for (const scenario of suite.scenarios) await runScenario(scenario, rounds, routers, options, into);
  } finally {
    for (const router of routers.values()) await router.stop();
  }
};

const windowsOf = (samples: ByRound, metric: Metric): Windows =>
  new Map([...samples].map(([round, sample]) => [round, sample[metric] ?? Number.NaN]));

const figuresOf = (suite: string, scenario: Scenario, byKey: ReadonlyMap<string, ByRound>): Figure[] => {
  const { name, metric } = scenario;
  const plain = [...byKey].map(([key, samples]) =>
    figure(`${suite}/${name}: ${key}`, "µs", [...windowsOf(samples, metric).values()], pickOf(metric)),
  );
  const ratios = scenario.ratios.flatMap(([above, below]): Figure[] => {
    const [ours, theirs] = [byKey.get(above), byKey.get(below)];
    if (ours === undefined || theirs === undefined) return [];
    const one = ratioOf(windowsOf(ours, metric), windowsOf(theirs, metric), pickOf(metric));
    return one === undefined ? [] : [{ ...one, name: ratioName(suite, name, above, below), unit: "×" }];
  });
  return [...plain, ...ratios];
};

const metricTitle: Readonly<Record<Metric, string>> = {
  router_cpu_us_per_call: "CPU µs/call",
  router_cpu_us_per_event: "CPU µs/event",
  router_cpu_us_per_publish: "CPU µs/publish",
  p50_us: "p50 µs",
};

const tableOf = (
  suite: string,
  scenario: Scenario,
  byKey: ReadonlyMap<string, ByRound>,
  figures: readonly Figure[],
): Table => {
  const body = [...byKey].map(([key, samples]) => {
    const told = (key: string): number => {
      const values = [...samples.values()].map((sample) => (sample as Readonly<Record<string, number>>)[key]);
      return picked(
        values.filter((value) => value !== undefined),
        pickOf(key),
      );
    };
    const ratios = figures.filter(
      (f) => f.unit === "×" && f.name.startsWith(`${suite}/${scenario.name}: ${key} / `),
    );
    const own = figures.find((f) => f.name === `${suite}/${scenario.name}: ${key}`)!;
    const calls_per_s = told("calls_per_s");
    return [
      key,
      spreadText(own),
      String(own.rounds),
      ratios.map((f) => `${ratioText(f)} ${f.name.split(" / ")[1]}`).join(", "),
      Math.round(Number.isNaN(calls_per_s) ? told("events_per_s") : calls_per_s).toString(),
      ...["p50_us", "p99_us", "router_cpu_share", "own_cpu_share"].map((one) => short(told(one))),
    ];
  });
  const head = ["row", `${metricTitle[scenario.metric]} (low–median–high)`, "windows"];
  const others = ["ratio (of halves) to", "per s", "p50 µs", "p99 µs", "router busy", "load busy"];
  return { title: `${suite}: ${scenario.name}`, head: [...head, ...others], rows: body };
};

/** A row whose generator works to capacity while the router does not says nothing about the router. */
const bottlenecks = (scenario: Scenario, byKey: ReadonlyMap<string, ByRound>): string[] =>
  [...byKey]
    .filter(
      ([, samples]) =>
        !scenario.isLatency &&
        median([...samples.values()].map((sample) => sample["own_cpu_share"] ?? 0)) > 0.9,
    )
    .map(([key]) => `${scenario.name}: ${key}: the load generator was the bottleneck`);

/** What of a suite is needed for the ratios that are wanted, and nothing else. */
export const narrowed = (suite: Suite, wanted: Wanted): Suite => {
  const scenarios = suite.scenarios.flatMap((one): Scenario[] => {
    const ratios = one.ratios.filter(([above, below]) =>
      wanted.has(ratioName(suite.name, one.name, above, below)),
    );
    const loads = one.loads.filter(({ key }) => ratios.some((pair) => pair.includes(key)));
    return loads.length === 0 ? [] : [{ ...one, loads, ratios }];
  });
  const used = new Set(scenarios.flatMap(({ loads }) => loads.map(({ row }) => row)));
  return { ...suite, scenarios, rows: suite.rows.filter(({ name }) => used.has(name)) };
};

export const runSuite = async (
  suite: Suite,
  options: WireOptions,
  progress: (text: string) => void,
): Promise<BenchResult> => {
  const samples: Samples = new Map();
  const problems: string[] = [];
  const notes: string[] = [];
  if (!routerIsBuilt()) problems.push(`the router is not built in ${root}/build: only the control rows ran`);
  if (!canPin) notes.push("not pinned: taskset or a second core is missing, expect more noise");
  if (runtimes().length === 1) problems.push("Bun is not installed: its rows are missing");
  compileLoad();
  for (let life = 0; life < options.lives; life++) {
    progress(`${suite.name}: life ${life + 1} of ${options.lives} of ${suite.rows.length} rows`);
    await runLife(suite, life, options, { samples, problems });
  }
  const figures: Figure[] = [];
  const tables: Table[] = [];
  for (const scenario of suite.scenarios) {
    const byKey = samples.get(scenario.name);
    if (byKey === undefined) continue;
    const own = figuresOf(suite.name, scenario, byKey);
    figures.push(...own);
    tables.push(tableOf(suite.name, scenario, byKey, own));
    notes.push(...bottlenecks(scenario, byKey));
  }
  return { figures, tables, problems, notes };
};

/** Of `wire` as a whole, or of what is needed for the ratios that are wanted. */
export const runWire = (
  options: WireOptions,
  progress: (text: string) => void,
  wanted?: Wanted,
): Promise<BenchResult> => {
  const suite = { name: "wire", rows: rows(), scenarios: scenarios({ more: options.more }) };
  return runSuite(wanted === undefined ? suite : narrowed(suite, wanted), options, progress);
};
