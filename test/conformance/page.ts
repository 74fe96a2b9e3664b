/** CONFORMANCE.md, written from test results alone. The same results give the same bytes. */
import type { Decision } from "../../src/protocol/contradictions.ts";
import type { Announced, Counts, Evidence } from "./evidence.ts";
import type { Row } from "./profile.ts";

export interface PageInput {
  readonly profile: readonly Row[];
  readonly decisions: readonly Decision[];
  readonly evidence: ReadonlyMap<string, Evidence>;
  readonly announced: Announced;
  readonly legs: readonly string[];
  /** Where announcements and tests disagree; the page says so. */
  readonly problems: readonly string[];
}

const intro = `# Conformance

Written by the test run from what its tests reported; nothing here is written by hand. A row stands in the first table only if
tests ran for it, and WELCOME announces a feature only if its tests pass on Node and on Bun, or the run fails.
The numbers under a runtime are tests passed, over all transports and serializers; under "rules", what they prove between them.
The runtimes node22 and node24 run the ws adapter, HTTP and the clients of others only.`;

const cell = (text: string): string => text.replace(/\|/g, "\\|");
const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

function result(counts: Counts | undefined): string {
  if (counts === undefined) return "–";
  const { passed, failed, skipped } = counts;
  const ran = failed > 0 ? `**${failed} failed** of ${passed + failed}` : String(passed);
  if (skipped === 0) return ran;
  return passed + failed === 0 ? `${skipped} skipped` : `${ran}, ${skipped} skipped`;
}

function announcement({ announced: key }: Row, announced: Announced): string {
  if (key === undefined) return "";
  const roles = key.roles.filter((role) => announced[role].includes(key.key));
  return roles.length === 0 ? "no" : `\`${key.key}\` (${roles.join(", ")})`;
}

function proven({ profile, evidence, announced, legs }: PageInput): string {
  const rows = profile.flatMap((row) => {
    const seen = evidence.get(row.id);
    if (seen === undefined || seen.rules.length === 0) return [];
    const results = legs.map((leg) => result(seen.legs.get(leg)));
    const { id, feature, status } = row;
    const what = [id, feature, announcement(row, announced), status, String(seen.rules.length)];
    return [[...what, ...results, seen.telling.slice(0, 2).join("; ")]];
  });
  return table(["", "feature", "announced", "specification", "rules", ...legs, "for example"], rows);
}

function unproven({ profile, evidence }: PageInput): string {
  const rows = profile.filter(({ id }) => (evidence.get(id)?.rules.length ?? 0) === 0);
  const inScope = rows.filter(({ outOfScope }) => outOfScope === undefined);
  const list = (of: readonly Row[], why: (row: Row) => string | undefined): string =>
    of
      .map((row) => `- ${row.id} ${row.feature}${why(row) === undefined ? "" : `: ${why(row)}`}`)
      .join("\n") || "None.";
  return `## No test ran

In scope, and not proven by this run.

${list(inScope, ({ later }) => later)}

## Out of scope

${list(
  rows.filter(({ outOfScope }) => outOfScope !== undefined),
  ({ outOfScope }) => outOfScope,
)}`;
}

function sides({ decisions, evidence, legs }: PageInput): string {
  const rows = decisions.map(({ number, contradiction, compat, strict }) => {
    const seen = evidence.get(`2.13 #${number}`);
    const results = legs.map((leg) => result(seen?.legs.get(leg)));
    return [`#${number}`, contradiction, compat, strict === compat ? "the same" : strict, ...results];
  });
  return `## Contradictions of the specification, and the side taken

A realm has the profile \`compat\` unless it is given \`strict\`. A side without numbers is decided, and not proven by this run.

${table(["", "contradiction", "compat", "strict", ...legs], rows)}`;
}

function everyRule({ profile, decisions, evidence }: PageInput): string {
  const titles = [
    ...profile.map(({ id, feature }) => ({ id, feature })),
    ...decisions.map(({ number, compat }) => ({ id: `2.13 #${number}`, feature: compat })),
  ];
  const parts = titles.flatMap(({ id, feature }) => {
    const rules = evidence.get(id)?.rules ?? [];
    return rules.length === 0
      ? []
      : [`### ${id} ${feature}\n\n${rules.map((rule) => `- ${rule}`).join("\n")}`];
  });
  return `## What the tests say, row by row\n\n${parts.join("\n\n")}`;
}

export function conformancePage(input: PageInput): string {
  const { problems } = input;
  const disagreement =
    problems.length === 0
      ? []
      : [`**Not in agreement:**\n\n${problems.map((text) => `- ${text}`).join("\n")}`];
  const parts = [intro, ...disagreement, proven(input), unproven(input), sides(input), everyRule(input)];
  return `${parts.join("\n\n")}\n`;
}
