/**
 * The wire bench: whole routers over real sockets, loaded from a separate process. Every round starts all rows afresh, then
 * runs each scenario over all its rows before the next, in an order that moves on by one each round. What is compared is the
 * router's own CPU time per operation, which says more than a rate where client and router share a machine.
 */
import { canPin, compileLoad, loadCore, root, run, runtimes } from "./child.ts";
import type { BenchResult } from "./result.ts";
import { type Router, startRow } from "./router.ts";
import { type Row, routerIsBuilt } from "./rows.ts";
import { type Figure, figure, median, ratio, short } from "./stats.ts";
import type { Table } from "./table.ts";
import { type Load, type Metric, rows, type Scenario, scenarios } from "./wire-rows.ts";

export interface WireOptions {
  readonly rounds: number;
  readonly latencyRounds: number;
  readonly window_s: number;
  readonly warm_s: number;
  /** Also the scenarios without a limit. */
  readonly more: boolean;
}

/** One line of the load generator. */
type Sample = Readonly<Record<Metric | "router_cpu_share" | "own_cpu_share", number>> & {
  readonly calls_per_s?: number;
  readonly events_per_s?: number;
  readonly p99_us?: number;
};

/** What is compared: routers, and loads on them. `name` goes before the figures. */
export interface Suite {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly scenarios: readonly Scenario[];
}

/** Samples by scenario and key, one per round. */
type Samples = Map<string, Map<string, Sample[]>>;

const measure = async (router: Router, load: Load, options: WireOptions): Promise<Sample> => {
  const isRaw = load.args.includes("rawsocket");
  const port = isRaw ? router.ports.rawsocket : router.ports.websocket;
  const common = ["--port", String(port), "--pid", String(router.pid)];
  const times = ["--seconds", String(options.window_s), "--warm", String(options.warm_s)];
  return JSON.parse(
    await run([compileLoad(), ...load.args, ...common, ...times], { core: loadCore }),
  ) as Sample;
};

const keep = (samples: Samples, scenario: Scenario, key: string, sample: Sample): void => {
  const byKey = samples.get(scenario.name) ?? new Map<string, Sample[]>();
  samples.set(scenario.name, byKey);
  byKey.set(key, [...(byKey.get(key) ?? []), sample]);
};

const runRound = async (
  suite: Suite,
  round: number,
  options: WireOptions,
  samples: Samples,
  problems: string[],
): Promise<void> => {
  const routers = new Map<string, Router>();
  const chosen = suite.scenarios.filter((scenario) => scenario.isLatency || round < options.rounds);
  try {
    for (const row of suite.rows) {
      if (row.name.startsWith("spanwire") && !routerIsBuilt()) continue;
      try {
        routers.set(row.name, await startRow(row));
      } catch (cause) {
        problems.push(
          `${row.name} does not start: ${cause instanceof Error ? cause.message : String(cause)}`,
        );
      }
    }
    for (const scenario of chosen) {
      for (let i = 0; i < scenario.loads.length; i++) {
        const load = scenario.loads[(i + round) % scenario.loads.length]!;
        const router = routers.get(load.row);
        if (router === undefined) continue;
        try {
          keep(samples, scenario, load.key, await measure(router, load, options));
        } catch (cause) {
          const message = cause instanceof Error ? cause.message : String(cause);
          problems.push(`${scenario.name}: ${load.key}: ${message} ${router.output().slice(-500)}`);
        }
      }
    }
  } finally {
    for (const router of routers.values()) await router.stop();
  }
};

const valuesOf = (samples: readonly Sample[], metric: Metric): number[] =>
  samples.map((sample) => sample[metric]);

const figuresOf = (
  suite: string,
  scenario: Scenario,
  byKey: ReadonlyMap<string, readonly Sample[]>,
): Figure[] => {
  const unit = "µs";
  const plain = [...byKey].map(([key, samples]) =>
    figure(`${suite}/${scenario.name}: ${key}`, unit, valuesOf(samples, scenario.metric)),
  );
  const ratios = scenario.ratios
    .filter(([above, below]) => byKey.has(above) && byKey.has(below))
    .map(([above, below]) =>
      ratio(
        `${suite}/${scenario.name}: ${above} / ${below}`,
        valuesOf(byKey.get(above)!, scenario.metric),
        valuesOf(byKey.get(below)!, scenario.metric),
      ),
    );
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
  byKey: ReadonlyMap<string, readonly Sample[]>,
  figures: readonly Figure[],
): Table => {
  const body = [...byKey].map(([key, samples]) => {
    const middle = (pick: (sample: Sample) => number | undefined): number =>
      median(samples.map((s) => pick(s) ?? Number.NaN));
    const ratios = figures.filter(
      (f) => f.unit === "×" && f.name.startsWith(`${suite}/${scenario.name}: ${key} / `),
    );
    const own = figures.find((f) => f.name === `${suite}/${scenario.name}: ${key}`)!;
    return [
      key,
      short(own.value),
      `${short(own.low)}–${short(own.high)}`,
      ratios
        .map((f) => `${short(f.value)}× (${short(f.low)}–${short(f.high)}) ${f.name.split(" / ")[1]}`)
        .join(", "),
      Math.round(middle((s) => s.calls_per_s ?? s.events_per_s)).toString(),
      short(middle((s) => s.p50_us)),
      short(middle((s) => s.p99_us)),
      short(middle((s) => s.router_cpu_share)),
      short(middle((s) => s.own_cpu_share)),
    ];
  });
  const head = [
    "row",
    metricTitle[scenario.metric],
    "low–high",
    "ratio (low–high) to",
    "per s",
    "p50 µs",
    "p99 µs",
  ];
  return { title: `${suite}: ${scenario.name}`, head: [...head, "router busy", "load busy"], rows: body };
};

/** A row whose generator works to capacity while the router does not says nothing about the router. */
const bottlenecks = (scenario: Scenario, byKey: ReadonlyMap<string, readonly Sample[]>): string[] =>
  [...byKey]
    .filter(([, samples]) => !scenario.isLatency && median(samples.map((s) => s.own_cpu_share)) > 0.9)
    .map(([key]) => `${scenario.name}: ${key}: the load generator was the bottleneck`);

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
  const rounds = Math.max(options.rounds, options.latencyRounds);
  for (let round = 0; round < rounds; round++) {
    progress(`${suite.name}: round ${round + 1} of ${rounds}`);
    await runRound(suite, round, options, samples, problems);
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

export const runWire = (options: WireOptions, progress: (text: string) => void): Promise<BenchResult> =>
  runSuite({ name: "wire", rows: rows(), scenarios: scenarios({ more: options.more }) }, options, progress);
