/**
 * Runs the report's sections. All rows that a section compares are running at the same time and are measured in turn: in short
 * windows, row by row, again and again, in an order that moves on by one each time. All of it happens in several lives of the
 * servers, so that no figure hangs on how one process happened to be laid out and compiled. A row that fails is started anew, says
 * so in the report, and is not asked for the same thing again; nothing else is lost by it.
 */
import { Generators, runLoad, type Timing } from "./generator.ts";
import type { Measurement, ReportSection } from "./report-types.ts";
import { type Router, startRow } from "./router.ts";
import type { Row } from "./rows.ts";
import { derived, pickOf, type Sample } from "./samples.ts";
import { type Ratio, ratioOf, type Spread, spreadOf, type Windows } from "./stats.ts";

/** What a measurement may ask of those before it. */
export interface Turn extends Timing {
  /** The samples of the same row at another point of this section, until now. */
  earlier(point: string): readonly Sample[];
}

export interface Point {
  readonly name: string;
  readonly args: readonly string[];
  /** Measured once, and by a server that is started anew behind it: what it leaves behind takes long to clear. */
  readonly isHeavy?: boolean;
  /** Where it needs longer windows than others. */
  readonly window_s?: number;
}

export interface Section extends Omit<ReportSection, "measurements"> {
  /** Key of the figure that ratios are taken of: the less, the better. */
  readonly metric: string;
  readonly rows: readonly string[];
  readonly points: readonly Point[];
  /** Pairs of rows: the first one's metric over the second one's. */
  readonly ratios: readonly (readonly [string, string])[];
  /** Windows of each row at each point, in all lives of the servers together. */
  readonly rounds: number;
  /** Its sessions are opened anew for each window: where what the server has left of the last ones, or which worker gets them, counts. */
  readonly connectsAnew?: boolean;
  /** How long a load runs before its first window in a server's life, where that must be longer than for others. */
  readonly firstWarm_s?: number;
  /** Why a row does not take part at a point; empty where that goes without saying. */
  skip?(row: string, point: string): string | undefined;
  /** What the generator is told when it starts, where that depends on what was measured before. */
  argsNow?(point: Point, turn: Turn): readonly string[];
  /** Instead of one run of the load generator. */
  take?(router: Router, point: Point, turn: Turn): Promise<Sample>;
  /** Its rows are started for it alone, one after the other. */
  readonly isAlone?: boolean;
}

export interface RunOptions extends Timing {
  readonly rows: readonly Row[];
  /** How long a load runs before its first window in a server's life: its code is not compiled yet. */
  readonly firstWarm_s: number;
  /** How often all servers are started anew. */
  readonly lives: number;
  /** No single run takes longer. */
  readonly patience_ms: number;
  progress(text: string): void;
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** What the generator is told, without what differs in each run. */
export const loadArgs = (row: Row, point: Point): readonly string[] => [...point.args, ...(row.load ?? [])];

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

interface Taken {
  /** By round. */
  readonly samples: Map<number, Sample>;
  problem: string | undefined;
}

/** Which of so many rounds are in one of so many lives: about as many in each. */
export const roundsOfLife = (rounds: number, life: number, lives: number): readonly number[] => {
  const [from, to] = [life, life + 1].map((one) => Math.floor((rounds * one) / lives)) as [number, number];
  return Array.from({ length: to - from }, (_, i) => from + i);
};

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

/** Rows that are slow are in every so many rounds. */
const slowRows_every = 4;

const pointRounds = (section: Section, point: Point): number =>
  point.isHeavy === true ? Math.min(1, section.rounds) : section.rounds;

const key = (section: string, point: string, row: string): string => `${section}/${point}/${row}`;

class Runner {
  readonly #options: RunOptions;
  readonly #stable: Stable;
  readonly #generators = new Generators();
  readonly #taken = new Map<string, Taken>();

  constructor(options: RunOptions) {
    this.#options = options;
    this.#stable = new Stable(options.rows);
  }

  async run(sections: readonly Section[]): Promise<void> {
    const { lives } = this.#options;
    const together = sections.filter((section) => section.isAlone !== true);
    try {
      for (let life = 0; life < lives; life++) {
        for (const section of together)
          for (const point of section.points)
            await this.#point(section, point, roundsOfLife(pointRounds(section, point), life, lives));
        await this.#stable.stopAll();
      }
      for (const section of sections.filter((one) => one.isAlone === true))
        for (const point of section.points)
          await this.#point(section, point, roundsOfLife(pointRounds(section, point), 0, 1));
    } finally {
      await this.#generators.stopAll();
      await this.#stable.stopAll();
    }
  }

  /** Those rounds of all rows, in turn. The first of them warms up for longer. */
  async #point(section: Section, point: Point, rounds: readonly number[]): Promise<void> {
    const rows = section.rows.filter(
      (name) => this.#stable.row(name) !== undefined && section.skip?.(name, point.name) === undefined,
    );
    const begun = new Set<string>();
    for (const round of rounds) {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[(i + round) % rows.length]!;
        if (this.#stable.row(row)!.isSlow === true && round % slowRows_every !== 0) continue;
        await this.#measure(section, point, row, round, !begun.has(row));
        begun.add(row);
      }
    }
    await this.#generators.stopAll();
  }

  #turn(section: Section, point: Point, row: string, isFirst: boolean): Turn {
    const { warm_s, firstWarm_s } = this.#options;
    return {
      window_s: point.window_s ?? this.#options.window_s,
      warm_s: isFirst ? Math.max(firstWarm_s, section.firstWarm_s ?? 0) : warm_s,
      earlier: (other) => [...(this.#taken.get(key(section.name, other, row))?.samples.values() ?? [])],
    };
  }

  async #measure(
    section: Section,
    point: Point,
    row: string,
    round: number,
    isFirst: boolean,
  ): Promise<void> {
    const name = key(section.name, point.name, row);
    const taken = this.#taken.get(name) ?? { samples: new Map(), problem: undefined };
    this.#taken.set(name, taken);
    if (taken.problem !== undefined) return;
    const what = `window ${round + 1} of ${pointRounds(section, point)}: ${section.name} ${point.name}: ${row}`;
    let router: Router | undefined;
    try {
      // Memory is read of servers that have done nothing else; all others have their code compiled first.
      router = await this.#stable.get(row, section.isAlone === true ? async () => undefined : warmUp);
      const turn = this.#turn(section, point, row, isFirst);
      const sample = derived(await this.#take(section, point, router, turn));
      if (sample[section.chart.key] === undefined && sample[section.metric] === undefined)
        throw new Error("nothing was done within the window");
      taken.samples.set(round, sample);
      this.#options.progress(
        `${what}: ${section.chart.title}: ${(sample[section.chart.key] ?? 0).toPrecision(4)}`,
      );
      if (section.isAlone === true || point.isHeavy === true) {
        await this.#generators.stop(row);
        await this.#stable.stop(row);
      }
    } catch (cause) {
      taken.problem = this.#complaint(cause, router);
      this.#options.progress(`${what}: FAILED: ${taken.problem}`);
      await this.#generators.stop(row);
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
    const args = (): readonly string[] =>
      loadArgs(router.row, { ...point, args: section.argsNow?.(point, turn) ?? point.args });
    const timing = { ...turn, patience_ms };
    if (section.connectsAnew === true) return runLoad(router, args(), timing);
    return this.#generators.window(router.row.name, router, { args, firstWarm_s: turn.warm_s }, timing);
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
      if (numbers.length > 0) values[one] = spreadOf(numbers, pickOf(one));
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

  #windows(section: Section, point: Point, row: string): Windows {
    const samples = this.#taken.get(key(section.name, point.name, row))?.samples;
    return new Map(
      [...(samples ?? [])].map(([round, sample]) => [round, sample[section.metric] ?? Number.NaN]),
    );
  }

  #ratios(section: Section, point: Point, row: string): Readonly<Record<string, Ratio>> {
    const ratios: Record<string, Ratio> = {};
    for (const [above, below] of section.ratios) {
      if (above !== row) continue;
      const theirs = this.#windows(section, point, below);
      const one = ratioOf(this.#windows(section, point, row), theirs, pickOf(section.metric));
      if (one !== undefined) ratios[below] = one;
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
