/** From a configuration file, environment and flags to one checked configuration, or to everything that is wrong. Control path. */
import { dirname, isAbsolute, join } from "node:path";
import { checkAll } from "./checks.ts";
import type { Config } from "./config.ts";
import {
  type CheckDefinitions,
  type Definitions,
  definitionSources,
  problemsOf,
  readDefinitions,
} from "./definitions.ts";
import type { Environment } from "./environment.ts";
import { readSecret, readText } from "./files.ts";
import { applyOverrides, type Overrides, type Overridden } from "./overrides.ts";
import { type Finding, type Problem, sortProblems } from "./problems.ts";
import { configSchema, type FileConfig } from "./schema.ts";
import { findingsOf } from "./schema-findings.ts";
import { givenLimits } from "./schema-limits.ts";
import type { ListenerConfig } from "./schema-listeners.ts";
import { Source } from "./source.ts";

export interface LoadOptions {
  /** Path of the configuration file; absent: there is none, and everything has its default. */
  readonly file?: string;
  readonly overrides: Overrides;
  readonly environment: Environment;
  readonly checkDefinitions: CheckDefinitions;
}

export type Loaded =
  | { readonly config: Config; readonly problems?: never }
  | { readonly problems: readonly Problem[]; readonly config?: never };

/** The realm that is there where nobody defines any. */
const usualRealm = "realm1";

export function loadConfig(options: LoadOptions): Loaded {
  const source = readFile(options);
  if (!(source instanceof Source)) return { problems: source };
  if (source.value === undefined) return { problems: sortProblems(source.problems) };
  const value = source.value ?? {};
  const parsed = configSchema.safeParse(value);
  const findings = parsed.success ? [] : findingsOf(parsed.error, configSchema, value);
  const unset = new Set(source.problems.map(placeOf));
  const wrong = findings.map((finding) => source.locate(finding)).filter((one) => !unset.has(placeOf(one)));
  const problems = [...source.problems, ...wrong];
  // A section that is wrong is left out, so that what else is wrong is said at the same time.
  const broken = new Set(findings.map(({ path }) => String(path[0])));
  const sound = parsed.success ? parsed.data : withoutSections(value, broken);
  if (sound === undefined) return { problems: sortProblems(problems) };
  const overridden = applyOverrides(resolvePaths(sound, dirname(source.file)), options.overrides);
  return complete({ ...options, source, broken, overridden }, problems);
}

/** Undefined: what remains is not sound either. */
function withoutSections(value: unknown, broken: ReadonlySet<string>): FileConfig | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const rest = Object.entries(value).filter(([section]) => !broken.has(section));
  return configSchema.safeParse(Object.fromEntries(rest)).data;
}

/** The file's text, without it an empty one. */
function readFile({ file, environment }: LoadOptions): Source | readonly Problem[] {
  if (file === undefined) return new Source({ file: "", text: "" });
  const read = readText(file);
  if ("problem" in read) return [{ file, path: [], message: read.problem }];
  return new Source({ file, text: read.text, environment });
}

interface Parts extends LoadOptions {
  readonly source: Source;
  /** Sections that are wrong, and stand at their defaults in what follows. */
  readonly broken: ReadonlySet<string>;
  readonly overridden: Overridden;
}

function complete(parts: Parts, problems: Problem[]): Loaded {
  const { overridden, overrides, broken } = parts;
  const { config } = overridden;
  problems.push(...overridden.problems);
  const all = collectDefinitions(parts, problems);
  // What the model says about a place that the schema found fault with already is said once.
  const said = new Set(problems.map(placeOf));
  problems.push(...problemsOf(all, parts.checkDefinitions).filter((problem) => !said.has(placeOf(problem))));
  const realms = all.flatMap((one) => one.realms);
  const template = config.security.automatically_create_realms;
  const reachable =
    typeof template === "object" ? [...realms, { ...template, uri: "made automatically" }] : realms;
  const openRealm = openRealmOf(parts, realms);
  const findings = checkAll(config, reachable, openRealm).filter(({ path }) => !broken.has(String(path[0])));
  problems.push(...findings.map((finding) => locate(finding, parts)));
  const password = administratorPassword(config, overrides, problems);
  const files = [parts.source.file, ...all.map(({ source }) => source.file)];
  if (problems.length > 0) return { problems: sortProblems(problems, files) };
  return {
    config: {
      listeners: config.listeners,
      data: config.store === "ephemeral" ? null : (config.store?.path ?? "spanwire-data"),
      definitions: definitionSources(all),
      openRealm,
      automaticRealms: config.security.automatically_create_realms,
      administrator: password === undefined ? {} : { password },
      password: passwordOptions(config.security.password),
      limits: givenLimits(config.limits),
      workers: config.workers,
      logLevel: config.log.level,
    },
  };
}

const placeOf = ({ file, line, column }: Problem): string => `${file}:${line}:${column}`;

/** In the file; or, where a flag or variable gave the value, that. */
function locate(finding: Finding, { source, overridden }: Parts): Problem {
  const from = overridden.origins.get(finding.path.join("."));
  if (from !== undefined) return { file: from, path: [], message: finding.message };
  if (source.file === "") return { file: "spanwire", path: finding.path, message: finding.message };
  return source.locate(finding);
}

function collectDefinitions({ source, overridden, environment }: Parts, problems: Problem[]): Definitions[] {
  const { security } = overridden.config;
  const realms = (source.value as { readonly realms?: unknown } | null)?.realms;
  const all: Definitions[] = Array.isArray(realms) ? [{ source, base: ["realms"], realms }] : [];
  const files = typeof security.file === "string" ? [security.file] : (security.file ?? []);
  for (const [index, path] of files.entries()) {
    const read = readDefinitions(path, environment);
    if ("unreadable" in read) {
      const at = typeof security.file === "string" ? [] : [index];
      problems.push(source.locate({ path: ["security", "file", ...at], message: read.unreadable }));
    } else {
      all.push(read.definitions);
      problems.push(...read.problems);
    }
  }
  return all;
}

function openRealmOf({ overridden, overrides, broken }: Parts, realms: readonly unknown[]): string | null {
  const { config } = overridden;
  const defines = config.realms !== undefined || config.security.file !== undefined;
  const none = !defines && !broken.has("realms") && !broken.has("security");
  const uri = overrides.realm?.value ?? (none ? usualRealm : null);
  if (uri === null) return null;
  const defined = realms.some(
    (realm) => String((realm as { uri?: unknown } | null)?.uri).toLowerCase() === uri.toLowerCase(),
  );
  return defined ? null : uri;
}

/** Flags before environment, and both before the file's. */
function administratorPassword(
  config: FileConfig,
  { adminPassword, adminPasswordFile }: Overrides,
  problems: Problem[],
): string | undefined {
  if (
    adminPasswordFile !== undefined &&
    (adminPassword === undefined || adminPasswordFile.from.startsWith("--"))
  ) {
    const read = readSecret(adminPasswordFile.value);
    if ("text" in read) return read.text;
    problems.push({
      file: adminPasswordFile.from,
      path: [],
      message: `${adminPasswordFile.value}: ${read.problem}`,
    });
    return undefined;
  }
  if (adminPassword !== undefined) return adminPassword.value;
  const { passwordFile } = config.security.administrator;
  if (passwordFile === undefined) return undefined;
  const read = readSecret(passwordFile);
  // That it cannot be read is said by the checks.
  return "text" in read ? read.text : undefined;
}

function passwordOptions(given: FileConfig["security"]["password"]): Config["password"] {
  const { protocol, kdf, memory } = given;
  const params =
    kdf === "pbkdf2"
      ? { kdf, iterations: given.iterations ?? 10_000 }
      : { kdf, iterations: given.iterations ?? 3, memory };
  return { ...(protocol !== undefined && { protocol }), params };
}

/** Paths in a file are relative to its directory. */
function resolvePaths(config: FileConfig, directory: string): FileConfig {
  const at = (path: string): string => (isAbsolute(path) ? path : join(directory, path));
  const { store, security } = config;
  const { file, administrator } = security;
  return {
    ...config,
    listeners: config.listeners.map((listener) => withPaths(listener, at)),
    store: typeof store === "object" ? { path: at(store.path) } : store,
    security: {
      ...security,
      file: typeof file === "string" ? at(file) : file?.map(at),
      administrator:
        administrator.passwordFile === undefined ? {} : { passwordFile: at(administrator.passwordFile) },
    },
  };
}

function withPaths(listener: ListenerConfig, at: (path: string) => string): ListenerConfig {
  const unix =
    listener.kind === "rawsocket" && listener.unix !== undefined ? { unix: at(listener.unix) } : {};
  if (listener.tls === undefined) return { ...listener, ...unix };
  const { certFile, keyFile, caFile, servers } = listener.tls;
  const tls = {
    ...listener.tls,
    certFile: at(certFile),
    keyFile: at(keyFile),
    ...(caFile !== undefined && { caFile: at(caFile) }),
    servers: Object.fromEntries(
      Object.entries(servers).map(([name, pair]) => [
        name,
        { certFile: at(pair.certFile), keyFile: at(pair.keyFile) },
      ]),
    ),
  };
  return { ...listener, ...unix, tls };
}
