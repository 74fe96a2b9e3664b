/**
 * The part of the report that has limits, as a bench: other servers, native publish, access control, workers and latency under
 * load, all against Spanwire in the same run.
 */

import { findPeers } from "./peer-rows.ts";
import { runSections, type Section, type Timing } from "./report-run.ts";
import type { Measurement, ReportSection } from "./report-types.ts";
import type { BenchResult } from "./result.ts";
import { ownRows, type Row } from "./rows.ts";
import { loadSections } from "./sections.ts";
import { type Figure, short } from "./stats.ts";
import type { Table } from "./table.ts";

export interface PeersOptions extends Timing {
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
  (section !== "workers" && row.endsWith("workers")) ||
  row === "control ws" ||
  (section === "latency" && !/^(spanwire|control) /.test(row));

export const limitedSections = (rounds: number): readonly Section[] =>
  loadSections({ isQuick: true, rounds })
    .filter(({ name }) => chosen[name] !== undefined)
    .map((section) => ({
      ...section,
      rows: section.rows.filter((row) => !isUseless(section.name, row)),
      points: section.points.filter(({ name }) => chosen[section.name]!.includes(name)),
    }));

/** `peers/fanout 1000: nats-server / spanwire node` */
export const figureName = (section: string, point: string, above: string, below: string): string =>
  `peers/${section} ${point}: ${above} / ${below}`;

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
    "ratio (low–high) to",
  ],
  rows: section.measurements.map(({ point, row, values, ratios, problem }) => [
    point,
    row,
    ...section.columns.map(({ key }) => (values[key] === undefined ? "–" : short(values[key].value))),
    problem ??
      Object.entries(ratios)
        .map(([below, one]) => `${short(one.value)}× (${short(one.low)}–${short(one.high)}) ${below}`)
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
): Promise<BenchResult> => {
  const peers = findPeers();
  const rows: readonly Row[] = [...ownRows(), ...peers.rows];
  const { rounds, window_s, warm_s } = options;
  const run = await runSections(limitedSections(rounds), {
    window_s,
    warm_s,
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
