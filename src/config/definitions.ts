/** Realm definitions, from the configuration itself and from files in the shape of Bondy's security_config.json. Control path. */
import type { DefinitionSource } from "./config.ts";
import type { Environment } from "./environment.ts";
import { readText } from "./files.ts";
import type { Finding, Path, Problem } from "./problems.ts";
import { realmsSchema } from "./schema-realms.ts";
import { findingsOf } from "./schema-findings.ts";
import { Source } from "./source.ts";

/** Says what is wrong with a list of realms; a finding's path starts with the realm's index. The security model has one. */
export type CheckDefinitions = (definitions: unknown) => readonly Finding[];

/** Realms of one text; `base` is where their list stands in it. */
export interface Definitions {
  readonly source: Source;
  readonly base: Path;
  readonly realms: readonly unknown[];
}

/**
 * Reads a file of definitions. As Bondy has it, variables are filled in only where its name ends in `.template`.
 */
export function readDefinitions(
  path: string,
  environment: Environment,
):
  | { readonly definitions: Definitions; readonly problems: readonly Problem[] }
  | { readonly unreadable: string } {
  const read = readText(path);
  if ("problem" in read) return { unreadable: `${path}: ${read.problem}` };
  const source = new Source({
    file: path,
    text: read.text,
    ...(path.endsWith(".template") && { environment }),
  });
  const realms = Array.isArray(source.value) ? (source.value as readonly unknown[]) : [];
  const definitions = { source, base: [], realms };
  if (source.problems.length > 0) return { definitions, problems: source.problems };
  const checked = realmsSchema.safeParse(source.value);
  const findings = checked.success ? [] : findingsOf(checked.error, realmsSchema, source.value);
  return { definitions, problems: findings.map((finding) => source.locate(finding)) };
}

/** Checks all definitions as one list, since realms of one file may name those of another, and says where each problem stands. */
export function problemsOf(all: readonly Definitions[], check: CheckDefinitions): Problem[] {
  const realms = all.flatMap((one) => one.realms.map((realm, index) => ({ one, index, realm })));
  return check(realms.map(({ realm }) => realm)).map((finding) => {
    const [first, ...inner] = finding.path;
    const found = typeof first === "number" ? realms[first] : undefined;
    if (found === undefined)
      return { file: all[0]?.source.file ?? "realms", path: finding.path, message: finding.message };
    const path = [...found.one.base, found.index, ...inner];
    return found.one.source.locate({ ...finding, path });
  });
}

/** What stands in the configuration itself has this name, wherever the file is. */
const inlineName = "the configuration";

/**
 * As the security model takes them. The configuration's own list is always among them, if only empty: the model then takes back what
 * an earlier one said.
 */
export function definitionSources(all: readonly Definitions[]): readonly DefinitionSource[] {
  const isInline = ({ base }: Definitions): boolean => base.length > 0;
  const inline = all.filter(isInline).flatMap(({ realms }) => realms);
  const files = all
    .filter((one) => !isInline(one))
    .map(({ source, realms }) => ({ name: source.file, realms }));
  return [{ name: inlineName, realms: inline }, ...files];
}
