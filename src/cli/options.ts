/** The options of `spanwire start` and `spanwire check`, with the environment variable of each, and the configuration they give. */
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { fixedLimits } from "../base/limits.ts";
import { logLevels } from "../base/log.ts";
import type { CheckDefinitions } from "../config/definitions.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import type { Given, Overrides } from "../config/overrides.ts";
import { formatProblem, type Problem } from "../config/problems.ts";
import { exitUsage } from "./exit-codes.ts";

const frameBytes_min = 512;
const frameBytes_max = 1 << 24;
/** Taken where no other is named, and it is there. */
const usualFile = "spanwire.yaml";

function integer(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${name} is a whole number from ${min} to ${max}.`);
  };
}

const port = integer("A port", 0, 65_535);

function workers(text: string): number | "auto" {
  const count = Number(text);
  const { workers_max } = fixedLimits;
  if (text === "auto") return text;
  if (text.trim() !== "" && Number.isInteger(count) && count >= 1 && count <= workers_max) return count;
  throw new InvalidArgumentError(`It is auto, or a whole number from 1 to ${workers_max}.`);
}

function realmUri(text: string): string {
  if (/^([^\s.#]+\.)*[^\s.#]+$/u.test(text)) return text;
  throw new InvalidArgumentError('A realm is a URI such as "realm1" or "com.example.app".');
}

/** None has a default here: what is not said must not be stronger than the file. The first two are about the durable state. */
const options: readonly Option[] = [
  new Option("--config <file>", `configuration file; default: ${usualFile}, if it is there`).env(
    "SPANWIRE_CONFIG",
  ),
  new Option("--data <directory>", "where the durable state is; default: spanwire-data").env("SPANWIRE_DATA"),
  new Option("--ephemeral", "keep the state in memory (env: SPANWIRE_EPHEMERAL)"),
  new Option("--host <address>", "address to listen on; default: 127.0.0.1").env("SPANWIRE_HOST"),
  new Option("--port <port>", "WebSocket port; 0 takes a free one; default: 18080")
    .env("SPANWIRE_PORT")
    .argParser(port),
  new Option("--rawsocket-port <port>", "RawSocket port; 0 takes a free one; default: 18082")
    .env("SPANWIRE_RAWSOCKET_PORT")
    .argParser(port),
  new Option("--unix <path>", "also serve RawSocket on this Unix socket").env("SPANWIRE_UNIX"),
  new Option(
    "--realm <uri>",
    "a realm that is open to anonymous clients of this machine; default: realm1, if none is configured",
  )
    .env("SPANWIRE_REALM")
    .argParser(realmUri),
  new Option("--max-frame <bytes>", "largest message accepted, 512 to 16777216; default: 1048576")
    .env("SPANWIRE_MAX_FRAME")
    .argParser(integer("--max-frame", frameBytes_min, frameBytes_max)),
  new Option(
    "--workers <count>",
    "threads that serve the same places, or auto: one for each core; default: 1",
  )
    .env("SPANWIRE_WORKERS")
    .argParser(workers),
  new Option("--log-level <level>", "how much to log; default: info")
    .env("SPANWIRE_LOG_LEVEL")
    .choices([...logLevels]),
  new Option(
    "--allow-anonymous",
    "let anybody in although the address is reachable from other machines (env: SPANWIRE_ALLOW_ANONYMOUS)",
  ),
  new Option("--transport <adapter>", "WebSocket adapter; default: the fastest that loads")
    .env("SPANWIRE_TRANSPORT")
    .choices(["uws", "bun", "ws"]),
  new Option(
    "--admin-password-file <file>",
    "the first start takes the administrator's password from it, or from SPANWIRE_ADMIN_PASSWORD",
  ).env("SPANWIRE_ADMIN_PASSWORD_FILE"),
];

/** Options that say yes; their variables say yes or no. */
const switches: Readonly<Record<string, string>> = {
  ephemeral: "SPANWIRE_EPHEMERAL",
  allowAnonymous: "SPANWIRE_ALLOW_ANONYMOUS",
};

/** Options of commands that need to know the data directory only. */
export function addDataOptions(command: Command): Command {
  for (const option of options.slice(0, 2)) command.addOption(option);
  return command;
}

export function addConfigOptions(command: Command): Command {
  for (const option of options) command.addOption(option);
  return command;
}

/** What a command was told, by flags and environment. */
function overridesOf(
  command: Command,
  environment: NodeJS.ProcessEnv,
): { readonly overrides: Overrides; readonly problems: readonly Problem[] } {
  const overrides: Record<string, Given<unknown>> = {};
  const problems: Problem[] = [];
  for (const option of options) {
    const name = option.attributeName();
    const from = command.getOptionValueSource(name) === "env" ? option.envVar! : option.long!;
    const value = command.getOptionValue(name) as unknown;
    if (value !== undefined) overrides[name] = { value, from };
  }
  for (const [name, from] of Object.entries(switches)) {
    const text = environment[from];
    if (overrides[name] !== undefined || text === undefined || text === "") continue;
    const value = yesOrNo(text);
    if (value === undefined) problems.push({ file: from, path: [], message: "expected true or false" });
    else overrides[name] = { value, from };
  }
  const password = environment["SPANWIRE_ADMIN_PASSWORD"];
  if (password !== undefined && password !== "")
    overrides["adminPassword"] = { value: password, from: "SPANWIRE_ADMIN_PASSWORD" };
  return { overrides: overrides as Overrides, problems };
}

function yesOrNo(text: string): boolean | undefined {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  return /^(0|false|no|off)$/i.test(text) ? false : undefined;
}

/** The configuration file that a command is to take; undefined: none. */
export function configFile(command: Command): string | undefined {
  const named = command.getOptionValue("config") as string | undefined;
  return named ?? (existsSync(usualFile) ? usualFile : undefined);
}

/** The whole configuration: file, environment and flags. */
export function configOf(
  command: Command,
  checkDefinitions: CheckDefinitions,
  environment: NodeJS.ProcessEnv = process.env,
): Loaded {
  const { overrides, problems } = overridesOf(command, environment);
  const file = configFile(command);
  const loaded = loadConfig({
    ...(file !== undefined && { file }),
    overrides,
    environment,
    checkDefinitions,
  });
  return problems.length === 0 ? loaded : { problems: [...problems, ...(loaded.problems ?? [])] };
}

/** Problems that are printed. Beyond: how many more there are. */
const printed_max = 100;

export function printProblems(problems: readonly Problem[]): void {
  const lines = problems.slice(0, printed_max).map(formatProblem);
  if (problems.length > printed_max) lines.push(`… and ${problems.length - printed_max} more`);
  process.stderr.write(`${lines.join("\n")}\n`);
  process.exitCode = exitUsage;
}
