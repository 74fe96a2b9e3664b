/**
 * Runs the report's sections. All rows that a section compares are running at the same time and are measured in turn: round by
 * round, point by point, row by row, in an order that moves on by one each round. A row that fails is started anew, says so in the
 * report, and is not asked for the same thing again; nothing else is lost by it.
 */
import { compileLoad, loadCore, run } from "./child.ts";
import type { Measurement, ReportSection, Spread } from "./report-types.ts";
import { type Router, startRow } from "./router.ts";
import type { Row } from "./rows.ts";
import { median } from "./stats.ts";

/** The figures of one measurement. */
export type Sample = Readonly<Record<string, number>>;

export interface Timing {
  readonly window_s: number;
  readonly warm_s: number;
}

/** What a measurement may ask of the round it is in. */
export interface Turn extends Timing {
  /** The sample of the same row at another point of this section, in this round. */
  earlier(point: string): Sample | undefined;
}

export interface Point {
  readonly name: string;
  readonly args: readonly string[];
  /** Measured once, and by a server that is started anew behind it: what it leaves behind takes long to clear. */
  readonly isHeavy?: boolean;
}

export interface Section extends Omit<ReportSection, "measurements"> {
  /** Key of the figure that ratios are taken of: the less, the better. */
  readonly metric: string;
  readonly rows: readonly string[];
  readonly points: readonly Point[];
  /** Pairs of rows: the first one's metric over the second one's. */
  readonly ratios: readonly (readonly [string, string])[];
  readonly rounds: number;
  /** Where a row needs longer until its code is compiled. */
  readonly warm_s?: number;
  /** Why a row does not take part at a point; empty where that goes without saying. */
  skip?(row: string, point: string): string | undefined;
  /** What the generator is told in this round, where that depends on what was measured before. */
  argsNow?(point: Point, turn: Turn): readonly string[];
  /** Instead of one run of the load generator. */
  take?(router: Router, point: Point, turn: Turn): Promise<Sample>;
  /** Its rows are started for it alone, one after the other. */
  readonly isAlone?: boolean;
}

export interface RunOptions extends Timing {
  readonly rows: readonly Row[];
  /** No single run takes longer. */
  readonly patience_ms: number;
  progress(text: string): void;
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** What the generator is told, without what differs in each run. */
export const loadArgs = (row: Row, point: Point): readonly string[] => [...point.args, ...(row.load ?? [])];

export const runLoad = async (
  router: Router,
  args: readonly string[],
  timing: Timing & { readonly patience_ms: number },
): Promise<Sample> => {
  const isRaw = args.includes("rawsocket");
  const port = isRaw ? router.ports.rawsocket : router.ports.websocket;
  const place = ["--port", String(port), "--pid", String(router.pid)];
  const times = ["--seconds", String(timing.window_s), "--warm", String(timing.warm_s)];
  const { patience_ms } = timing;
  const command = [compileLoad(), ...args, ...place, ...times];
  return JSON.parse(await run(command, { core: loadCore, patience_ms })) as Sample;
};

/** What a server has done before anything is measured, as one that has run for a while. */
const warmUps: readonly (readonly string[])[] = [
  ["fanout", "--subscribers", "100", "--window", "16"],
  ["rpc", "--callers", "16", "--window", "4"],
];
const warmUp = async (router: Router): Promise<void> => {
  const load = router.row.load ?? [];
  const loads = load.includes("--protocol") ? warmUps.slice(0, 1) : warmUps;
  for (const args of loads)
    await runLoad(router, [...args, ...load], { window_s: 0.4, warm_s: 0, patience_ms: 30_000 });
};

/** Rates by CPU time, which is what servers of different speed are compared by. */
const derived = (sample: Sample): Sample => {
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

interface Taken {
  /** By round. */
  readonly samples: Map<number, Sample>;
  problem: string | undefined;
}

const spreadOf = (values: readonly number[]): Spread => ({
  value: median(values),
  low: Math.min(...values),
  high: Math.max(...values),
  rounds: values.length,
});

/** Routers by row; a row whose start failed is not tried again. */
class Stable {
  readonly #rows: ReadonlyMap<string, Row>;
  readonly #running = new Map<string, Router>();
  readonly #failed = new Map<string, string>();

  constructor(rows: readonly Row[]) {
    this.#rows = new Map(rows.map((row) => [row.name, row]));
  }

  row(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  /** Running, and new where it was not; `prepare` sees a new one first. */
  async get(name: string, prepare: (router: Router) => Promise<void>): Promise<Router> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const before = this.#failed.get(name);
    if (before !== undefined) throw new Error(before);
    let router: Router;
    try {
      router = await startRow(this.#rows.get(name)!);
    } catch (cause) {
      this.#failed.set(name, `does not start: ${reasonOf(cause).slice(-400)}`);
      throw cause;
    }
    this.#running.set(name, router);
    await prepare(router);
    return router;
  }

  async stop(name: string): Promise<void> {
    const router = this.#running.get(name);
    this.#running.delete(name);
    await router?.stop();
  }

  async stopAll(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.stop(name);
  }
}

const key = (section: string, point: string, row: string): string => `${section}/${point}/${row}`;

class Runner {
  readonly #options: RunOptions;
  readonly #stable: Stable;
  readonly #taken = new Map<string, Taken>();

  constructor(options: RunOptions) {
    this.#options = options;
    this.#stable = new Stable(options.rows);
  }

  async run(sections: readonly Section[]): Promise<void> {
    const together = sections.filter((section) => section.isAlone !== true);
    const rounds = Math.max(0, ...together.map((section) => section.rounds));
    try {
      for (let round = 0; round < rounds; round++) {
        for (const section of together) if (round < section.rounds) await this.#round(section, round);
        await this.#stable.stopAll();
      }
      for (const section of sections.filter((one) => one.isAlone === true))
        for (let round = 0; round < section.rounds; round++) await this.#round(section, round);
    } finally {
      await this.#stable.stopAll();
    }
  }

  async #round(section: Section, round: number): Promise<void> {
    const rows = section.rows.filter((name) => this.#stable.row(name) !== undefined);
    for (const point of section.points.filter(({ isHeavy }) => isHeavy !== true || round === 0)) {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[(i + round) % rows.length]!;
        if (section.skip?.(row, point.name) === undefined) await this.#measure(section, point, row, round);
      }
    }
  }

  async #measure(section: Section, point: Point, row: string, round: number): Promise<void> {
    const name = key(section.name, point.name, row);
    const taken = this.#taken.get(name) ?? { samples: new Map(), problem: undefined };
    this.#taken.set(name, taken);
    if (taken.problem !== undefined) return;
    const what = `round ${round + 1} of ${section.rounds}: ${section.name} ${point.name}: ${row}`;
    let router: Router | undefined;
    try {
      // Memory is read of servers that have done nothing else; all others have their code compiled first.
      router = await this.#stable.get(row, section.isAlone === true ? async () => undefined : warmUp);
      const { window_s } = this.#options;
      const warm_s = Math.max(this.#options.warm_s, section.warm_s ?? 0);
      const earlier = (other: string): Sample | undefined =>
        this.#taken.get(key(section.name, other, row))?.samples.get(round);
      const sample = derived(await this.#take(section, point, router, { window_s, warm_s, earlier }));
      if (sample[section.chart.key] === undefined && sample[section.metric] === undefined)
        throw new Error("nothing was done within the window");
      taken.samples.set(round, sample);
      this.#options.progress(
        `${what}: ${section.chart.title}: ${(sample[section.chart.key] ?? 0).toPrecision(4)}`,
      );
      if (section.isAlone === true || point.isHeavy === true) await this.#stable.stop(row);
    } catch (cause) {
      taken.problem = this.#complaint(cause, router);
      this.#options.progress(`${what}: FAILED: ${taken.problem}`);
      await this.#stable.stop(row);
    }
  }

  /** What the generator said; and where the server has ended, its last words. */
  #complaint(cause: unknown, router: Router | undefined): string {
    const said = reasonOf(cause);
    const text = said.split(": load: ").at(-1)!.slice(0, 300);
    const isGone = router !== undefined && (router.child.exitCode ?? router.child.signalCode) !== null;
    return isGone ? `${text}; it ended: ${router.output().slice(-300)}` : text;
  }

  #take(section: Section, point: Point, router: Router, turn: Turn): Promise<Sample> {
    if (section.take !== undefined) return section.take(router, point, turn);
    const { patience_ms } = this.#options;
    const args = section.argsNow?.(point, turn) ?? point.args;
    return runLoad(router, loadArgs(router.row, { ...point, args }), { ...turn, patience_ms });
  }

  result(section: Section): ReportSection {
    const { name, title, about, pointTitle, chart, columns } = section;
    const measurements = section.points.flatMap((point) =>
      section.rows
        .filter((row) => this.#stable.row(row) !== undefined && section.skip?.(row, point.name) !== "")
        .map((row) => this.#measurement(section, point, row)),
    );
    return { name, title, about, pointTitle, chart, columns, measurements };
  }

  #measurement(section: Section, point: Point, row: string): Measurement {
    const taken = this.#taken.get(key(section.name, point.name, row));
    const samples = [...(taken?.samples.values() ?? [])];
    const keys = new Set([
      section.metric,
      section.chart.key,
      ...section.columns.map((column) => column.key),
      ...["router_cpu_share", "own_cpu_share"],
    ]);
    const values: Record<string, Spread> = {};
    for (const one of keys) {
      const numbers = samples.map((sample) => sample[one]).filter((value) => value !== undefined);
      if (numbers.length > 0) values[one] = spreadOf(numbers);
    }
    const command = ["load", ...loadArgs(this.#stable.row(row)!, point)].join(" ");
    const skipped = section.skip?.(row, point.name);
    const problem = taken?.problem ?? skipped;
    const ratios = this.#ratios(section, point, row);
    return {
      row,
      point: point.name,
      command,
      values,
      ratios,
      ...(problem === undefined ? {} : { problem, isSkipped: skipped !== undefined }),
    };
  }

  #ratios(section: Section, point: Point, row: string): Readonly<Record<string, Spread>> {
    const ratios: Record<string, Spread> = {};
    for (const [above, below] of section.ratios) {
      if (above !== row) continue;
      const ours = this.#taken.get(key(section.name, point.name, above))?.samples;
      const theirs = this.#taken.get(key(section.name, point.name, below))?.samples;
      const values = [...(ours ?? [])].flatMap(([round, sample]) => {
        const value =
          (sample[section.metric] ?? Number.NaN) / (theirs?.get(round)?.[section.metric] ?? Number.NaN);
        return Number.isFinite(value) ? [value] : [];
      });
      if (values.length > 0) ratios[below] = spreadOf(values);
    }
    return ratios;
  }
}

/** Whatever happens, what was measured until then is in the result. */
export const runSections = async (
  sections: readonly Section[],
  options: RunOptions,
): Promise<{ readonly sections: readonly ReportSection[]; readonly problems: readonly string[] }> => {
  const runner = new Runner(options);
  const problems: string[] = [];
  try {
    await runner.run(sections);
  } catch (cause) {
    problems.push(reasonOf(cause));
  }
  return { sections: sections.map((section) => runner.result(section)), problems };
};
