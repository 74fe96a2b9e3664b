/** Puts what the tests say they prove beside the profile and beside what WELCOME announces. */
import type { Row } from "./profile.ts";
import type { Status, TestResult } from "./results.ts";

/** The results of one leg of the test run. */
export interface LegResults {
  readonly leg: string;
  readonly results: readonly TestResult[];
}

export type Counts = Record<Status, number>;

/** What was seen of one row, or of one decision about a contradiction. */
export interface Evidence {
  /** Rules that tests prove, without transport and serializer, sorted. Skipped tests prove nothing. */
  readonly rules: readonly string[];
  /** Results per leg; absent where no test of it names the row. */
  readonly legs: ReadonlyMap<string, Counts>;
}

interface Claim {
  readonly ids: readonly string[];
  readonly rule: string;
}

/** `[R-03 R-04] …` at a name's start or behind the leg's name and a colon; several groups may follow each other. */
const tags = /^(?:[^[\]]*: )?((?:\[[^\]]*\] )+)(.*)$/;
/** Operations (O) are named by tests too, but are no rows of the profile. */
const rowId = /^[A-NP-Z]-\d+$/;
const decisionId = /^2\.13 #\d+[a-z]?$/;

/** The ids that a test claims by its names, and its rule without them. */
export function claimOf(path: readonly string[]): Claim {
  const ids: string[] = [];
  let rule: string[] = [];
  for (const name of path) {
    const [, groups, rest] = tags.exec(name) ?? [];
    const found = (groups ?? "")
      .split(/\[|\] /)
      .flatMap((group) => (decisionId.test(group) ? [group] : group.split(" ")))
      .filter((id) => rowId.test(id) || decisionId.test(id));
    if (found.length > 0 && ids.length === 0) rule = [];
    ids.push(...found);
    rule.push(found.length > 0 ? (rest ?? "") : name);
  }
  return { ids, rule: rule.join(" › ") };
}

/** Evidence per id, over all legs. */
export function collect(legs: readonly LegResults[]): Map<string, Evidence> {
  const rules = new Map<string, Set<string>>();
  const counts = new Map<string, Map<string, Counts>>();
  for (const { leg, results } of legs) {
    for (const { path, status } of results) {
      const { ids, rule } = claimOf(path);
      for (const id of new Set(ids)) {
        const ofRow = counts.get(id) ?? new Map<string, Counts>();
        const ofLeg = ofRow.get(leg) ?? { passed: 0, failed: 0, skipped: 0 };
        ofLeg[status]++;
        counts.set(id, ofRow.set(leg, ofLeg));
        const named = rules.get(id) ?? new Set();
        rules.set(id, status === "skipped" ? named : named.add(rule));
      }
    }
  }
  return new Map(
    [...counts].map(([id, ofRow]) => [id, { legs: ofRow, rules: [...(rules.get(id) ?? [])].sort() }]),
  );
}

/** Feature keys by the role that announces them. */
export type Announced = Readonly<Record<"broker" | "dealer", readonly string[]>>;

export interface Claims {
  readonly profile: readonly Row[];
  readonly evidence: ReadonlyMap<string, Evidence>;
  readonly announced: Announced;
  /** Legs that each must prove what is announced. */
  readonly legs: readonly string[];
}

/** Where announcements and tests disagree, one sentence each; and ids that name no row. */
export function disagreements({ profile, evidence, announced, legs }: Claims): string[] {
  const passes = (id: string, leg: string): boolean => (evidence.get(id)?.legs.get(leg)?.passed ?? 0) > 0;
  const problems: string[] = [];
  for (const role of ["broker", "dealer"] as const) {
    for (const key of announced[role]) {
      const rows = profile.filter((row) => row.announced?.key === key && row.announced.roles.includes(role));
      const ids = rows.map(({ id }) => id).join(", ");
      if (rows.length === 0)
        problems.push(`WELCOME announces ${role}.${key}, which is in no row of the profile`);
      else
        for (const leg of legs.filter((name) => !rows.some(({ id }) => passes(id, name))))
          problems.push(`WELCOME announces ${role}.${key}, but no test of ${ids} passes on ${leg}`);
    }
  }
  for (const { id, announced: key } of profile) {
    if (key === undefined || key.roles.some((role) => announced[role].includes(key.key))) continue;
    const proving = legs.filter((leg) => passes(id, leg));
    if (proving.length > 0)
      problems.push(
        `tests of ${id} pass on ${proving.join(" and ")}, but WELCOME does not announce ${key.key}`,
      );
  }
  const known = new Set(profile.map(({ id }) => id));
  for (const id of [...evidence.keys()].sort())
    if (!known.has(id) && !decisionId.test(id))
      problems.push(`tests name ${id}, which is no row of the profile`);
  return problems;
}
