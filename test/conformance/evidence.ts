/** Puts what the tests say they prove beside the profile and beside what WELCOME announces. */
import type { Decision } from "../../src/protocol/contradictions.ts";
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
  /** The rules again, those first that say most of this row: about few rows, and tried often. */
  readonly telling: readonly string[];
  /** Results per leg; absent where no test of it names the row. */
  readonly legs: ReadonlyMap<string, Counts>;
  /** Per leg: the serializers in which a test of it passed over a socket. */
  readonly sockets: ReadonlyMap<string, ReadonlySet<string>>;
}

interface Claim {
  readonly ids: readonly string[];
  readonly rule: string;
  /** The serializer, where the test is one of the router's suite over a socket. */
  readonly socket?: string;
}

/** `[R-03 R-04] …` at a name's start or behind the leg's name and a colon; several groups may follow each other. */
const tags = /^(?:([^[\]]*): )?((?:\[[^\]]*\] )+)(.*)$/;
/** How the legs over sockets are called: transport and serializer. */
const socketLeg = /^(?:websocket \(\w+\)|rawsocket|unix socket) (json|msgpack|cbor)$/;
const serializers = ["json", "msgpack", "cbor"] as const;
/** Operations (O) are named by tests too, but are no rows of the profile. */
const rowId = /^[A-NP-Z]-\d+$/;
const decisionId = /^2\.13 #\d+[a-z]?$/;

/** The ids that a test claims by its names, and its rule without them. */
export function claimOf(path: readonly string[]): Claim {
  const ids: string[] = [];
  let rule: string[] = [];
  let socket: string | undefined;
  for (const name of path) {
    const [, before, groups, rest] = tags.exec(name) ?? [];
    socket ??= socketLeg.exec(before ?? name)?.[1];
    const found = (groups ?? "")
      .split(/\[|\] /)
      .flatMap((group) => (decisionId.test(group) ? [group] : group.split(" ")))
      .filter((id) => rowId.test(id) || decisionId.test(id));
    if (found.length > 0 && ids.length === 0) rule = [];
    ids.push(...found);
    rule.push(found.length > 0 ? (rest ?? "") : name);
  }
  return { ids, rule: rule.join(" › "), ...(socket === undefined ? {} : { socket }) };
}

interface Found {
  /** Each rule with the number of rows that it is about, and how often it was tried. */
  readonly rules: Map<string, { readonly rows: number; tried: number }>;
  readonly legs: Map<string, Counts>;
  readonly sockets: Map<string, Set<string>>;
}

/** Evidence per id, over all legs. */
export function collect(legs: readonly LegResults[]): Map<string, Evidence> {
  const all = new Map<string, Found>();
  for (const { leg, results } of legs) {
    for (const { path, status } of results) {
      const { ids, rule, socket } = claimOf(path);
      for (const id of new Set(ids)) {
        const found = all.get(id) ?? { rules: new Map(), legs: new Map(), sockets: new Map() };
        all.set(id, found);
        const counts = found.legs.get(leg) ?? { passed: 0, failed: 0, skipped: 0 };
        counts[status]++;
        found.legs.set(leg, counts);
        const seen = found.rules.get(rule) ?? { rows: ids.length, tried: 0 };
        seen.tried++;
        if (status !== "skipped") found.rules.set(rule, seen);
        if (status === "passed" && socket !== undefined)
          found.sockets.set(leg, (found.sockets.get(leg) ?? new Set()).add(socket));
      }
    }
  }
  return new Map(
    [...all].map(([id, found]) => {
      const rules = [...found.rules.keys()].sort();
      const weight = (rule: string): number => {
        const { rows, tried } = found.rules.get(rule)!;
        return rows * 1_000_000 - tried;
      };
      return [id, { ...found, rules, telling: rules.toSorted((a, b) => weight(a) - weight(b)) }];
    }),
  );
}

/** Feature keys by the role that announces them. */
export type Announced = Readonly<Record<"broker" | "dealer", readonly string[]>>;

export interface Claims {
  readonly profile: readonly Row[];
  readonly decisions: readonly Decision[];
  readonly evidence: ReadonlyMap<string, Evidence>;
  readonly announced: Announced;
  /** Legs that each must prove what is announced. */
  readonly legs: readonly string[];
}

/**
 * Where announcements and tests disagree, one sentence each; and ids that name nothing. What is announced must be proven over a
 * socket in every serializer.
 */
export function disagreements({ profile, decisions, evidence, announced, legs }: Claims): string[] {
  const passes = (id: string, leg: string): boolean => (evidence.get(id)?.legs.get(leg)?.passed ?? 0) > 0;
  const problems: string[] = [];
  for (const role of ["broker", "dealer"] as const) {
    for (const key of announced[role]) {
      const rows = profile.filter((row) => row.announced?.key === key && row.announced.roles.includes(role));
      const ids = rows.map(({ id }) => id);
      if (rows.length === 0) {
        problems.push(`WELCOME announces ${role}.${key}, which is in no row of the profile`);
        continue;
      }
      for (const leg of legs) {
        const proven = ids.flatMap((id) => [...(evidence.get(id)?.sockets.get(leg) ?? [])]);
        const missing = serializers.filter((serializer) => !proven.includes(serializer));
        if (missing.length === 0) continue;
        const what = `no test of ${ids.join(", ")} passes on ${leg} over a socket in ${missing.join(", ")}`;
        problems.push(`WELCOME announces ${role}.${key}, but ${what}`);
      }
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
  const known = new Set([
    ...profile.map(({ id }) => id),
    ...decisions.map(({ number }) => `2.13 #${number}`),
  ]);
  for (const id of [...evidence.keys()].sort())
    if (!known.has(id))
      problems.push(`tests name ${id}, which is neither a row of the profile nor a decision`);
  return problems;
}
