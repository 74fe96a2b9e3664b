/** `spanwire check` and `spanwire config schema`: what is right and wrong about a configuration, without starting anything. */
import type { Command } from "commander";
import type { Config } from "../config/config.ts";
import { configJsonSchema } from "../config/schema.ts";
import { configFile, configOf, printProblems } from "./options.ts";
import { definitionsChecker } from "./security.ts";

export async function check(command: Command): Promise<void> {
  const { config, problems } = configOf(command, await definitionsChecker());
  if (problems !== undefined) return printProblems(problems);
  process.stdout.write(`${configFile(command) ?? "the configuration"} is valid: ${summary(config)}\n`);
}

function summary({ listeners, definitions, openRealm, data }: Config): string {
  const defined = definitions.reduce((sum, { realms }) => sum + (realms as readonly unknown[]).length, 0);
  const realms = defined + (openRealm === null ? 0 : 1);
  const state = data === null ? "state in memory" : `state in ${data}`;
  return `${counted(listeners.length, "listener")}, ${counted(realms, "realm")}, ${state}`;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

export function printSchema(): void {
  process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
}
