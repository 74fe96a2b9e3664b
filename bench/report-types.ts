/** The report as data: what the run leaves in report.json, and all that the page is made of. */
import type { Machine } from "./result.ts";
import type { Ratio, Spread } from "./stats.ts";
import type { Table } from "./table.ts";

/** One row at one point of a scenario. */
export interface Measurement {
  readonly row: string;
  readonly point: string;
  /** What the load generator was told, without port and process. */
  readonly command: string;
  readonly values: Readonly<Record<string, Spread>>;
  /** Of the scenario's metric, by the name of the other row: this one over that one. */
  readonly ratios: Readonly<Record<string, Ratio>>;
  /** Why there are no values. */
  readonly problem?: string;
  /** It was left out on purpose. */
  readonly isSkipped?: boolean;
}

export interface Column {
  /** Key in `values`. */
  readonly key: string;
  readonly title: string;
}

export interface ChartSpec {
  readonly kind: "bars" | "lines";
  /** Key in `values` that is drawn. */
  readonly key: string;
  readonly title: string;
  readonly isLog: boolean;
}

export interface ReportSection {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** What the points are: "subscribers", "bytes". */
  readonly pointTitle: string;
  readonly chart: ChartSpec;
  readonly columns: readonly Column[];
  readonly measurements: readonly Measurement[];
}

export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly rows: readonly { readonly name: string; readonly version: string; readonly command: string }[];
  readonly sections: readonly ReportSection[];
  /** What other benches printed in the same run. */
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
  readonly problems: readonly string[];
}
