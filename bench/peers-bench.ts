/**
 * The part of the report that has limits, as a bench: other servers, native publish, access control, workers and latency under
 * load, all against Spanwire in the same run.
 */

import { findPeers } from "./peer-rows.ts";
import { type RunOptions, runSections, type Section } from "./report-run.ts";
import type { Measurement, ReportSection } from "./report-types.ts";
import type { BenchResult, Wanted } from "./result.ts";
import { ownRows, type Row } from "./rows.ts";
import { capacityPoint, loadSections } from "./sections.ts";
import { type Figure, ratioText, short } from "./stats.ts";
import type { Table } from "./table.ts";

export interface PeersOptions extends Pick<RunOptions, "window_s" | "warm_s" | "firstWarm_s" | "lives"> {
  /** Windows of each row at each point. */
  readonly rounds: number;
}

/** Which points of which sections have limits. */
const chosen: Readonly<Record<string, readonly string[]>> = {
  fanout: ["1000"],
  rpc: ["256", "1024"],
  latency: ["capacity", "50 %"],
  workers: ["fan-out to 1000", "calls"],
};

/** Rows that no limit speaks of. */
const isUseless = (section: string, row: string): boolean =>
  row === "spanwire node ws" ||
  row === "control ws" ||
  (section === "latency" && !/^(spanwire|control) /.test(row));

export const limitedSections = (rounds: number): readonly Section[] =>
  loadSections({ isQuick: rounds === 1, rounds, latencyRounds: Math.ceil(rounds / 2) })
    .filter(({ name }) => chosen[name] !== undefined)
    .map((section) => ({
      ...section,
      rows: section.rows.filter((row) => !isUseless(section.name, row)),
      points: section.points.filter(({ name }) => chosen[section.name]!.includes(name)),
    }));

/** `peers/fanout 1000: nats-server / spanwire node` */
export const figureName = (section: string, point: string, above: string, below: string): string =>
  `peers/${section} ${point}: ${above} / ${below}`;

/** Of the sections, what is needed for the ratios that are wanted. Capacity is what the shares of it are taken of. */
export const narrowed = (sections: readonly Section[], wanted: Wanted): readonly Section[] =>
  sections.flatMap((section): Section[] => {
    const isWanted = (point: string) => (pair: readonly [string, string]) =>
      wanted.has(figureName(section.name, point, ...pair));
    const measured = section.points.filter(({ name }) => section.ratios.some(isWanted(name)));
    if (measured.length === 0) return [];
    const ratios = section.ratios.filter((pair) => measured.some(({ name }) => isWanted(name)(pair)));
    const rows = section.rows.filter((row) => ratios.some((pair) => pair.includes(row)));
    const points = section.points.filter((one) => measured.includes(one) || one.name === capacityPoint);
    return [{ ...section, ratios, rows, points }];
  });

export const figuresOf = (sections: readonly ReportSection[]): readonly Figure[] =>
  sections.flatMap((section) =>
    section.measurements.flatMap(({ row, point, ratios }) =>
      Object.entries(ratios).map(
        ([below, spread]): Figure => ({
          ...spread,
          name: figureName(section.name, point, row, below),
          unit: "×",
        }),
      ),
    ),
  );

const tableOf = (section: ReportSection): Table => ({
  title: `peers: ${section.title}`,
  head: [
    section.pointTitle || "load",
    "row",
    ...section.columns.map(({ title }) => title),
    "windows",
    "ratio (of halves) to",
  ],
  rows: section.measurements.map(({ point, row, values, ratios, problem }) => [
    point,
    row,
    ...section.columns.map(({ key }) => (values[key] === undefined ? "–" : short(values[key].value))),
    String(Math.max(0, ...Object.values(values).map(({ rounds }) => rounds))),
    problem ??
      Object.entries(ratios)
        .map(([below, one]) => `${ratioText(one)} ${below}`)
        .join(", "),
  ]),
});

const isOurs = (row: string): boolean => row.startsWith("spanwire") || row.startsWith("control");

/** What a row could not do: a problem where the row is ours, a note where it is another's. */
export const complaints = (sections: readonly ReportSection[], ours: boolean): readonly string[] =>
  sections.flatMap((section) =>
    section.measurements
      .filter(
        ({ row, problem, isSkipped }) => problem !== undefined && isSkipped !== true && isOurs(row) === ours,
      )
      .map(({ row, point, problem }) => `${section.name} ${point}: ${row}: ${problem}`),
  );

/** A generator that is this far behind its schedule has no core of its own. */
const late_us_max = 1_000;

const doubtOf = ({ command, values }: Measurement): string | undefined => {
  const late_us = values["late_p99_us"]?.value ?? 0;
  if (late_us > late_us_max)
    return `the load generator sent ${short(late_us / 1_000)} ms late (p99): these latencies are not the server's`;
  const isBusy = !command.includes("--spin") && (values["own_cpu_share"]?.value ?? 0) > 0.9;
  return isBusy ? "the load generator was the bottleneck" : undefined;
};

/** What speaks against a figure: a generator that could not keep up says little about the server. */
export const bottlenecks = (sections: readonly ReportSection[]): readonly string[] =>
  sections.flatMap((section) =>
    section.measurements.flatMap((one) => {
      const doubt = doubtOf(one);
      return doubt === undefined ? [] : [`${section.name} ${one.point}: ${one.row}: ${doubt}`];
    }),
  );

export const runPeers = async (
  options: PeersOptions,
  progress: (text: string) => void,
  wanted?: Wanted,
): Promise<BenchResult> => {
  const peers = findPeers();
  const rows: readonly Row[] = [...ownRows(), ...peers.rows];
  const { rounds, ...timing } = options;
  const limited = limitedSections(rounds);
  const run = await runSections(wanted === undefined ? limited : narrowed(limited, wanted), {
    ...timing,
    rows,
    patience_ms: 60_000,
    progress,
  });
  return {
    figures: figuresOf(run.sections),
    tables: run.sections.map(tableOf),
    problems: [...run.problems, ...complaints(run.sections, true)],
    notes: [...peers.absent, ...complaints(run.sections, false), ...bottlenecks(run.sections)],
  };
};
