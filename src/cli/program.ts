/** The commands of `spanwire`. What each does is loaded when it is called: the command itself starts fast. */
import { Command } from "commander";
import { version } from "../main.ts";
import { addConfigOptions } from "./options.ts";

export function buildProgram(): Command {
  const program = new Command("spanwire")
    .description("A WAMP v2 router: routed RPC and Pub/Sub over WebSocket, RawSocket and HTTP.")
    .version(version)
    .showHelpAfterError('(run "spanwire start --help" for all options)');
  addConfigOptions(program.command("start", { isDefault: true }))
    .description("Run the router until Ctrl-C.")
    .action(async (_options: unknown, command: Command) => (await import("./start.ts")).start(command));
  addConfigOptions(program.command("check"))
    .description("Say all that is wrong with the configuration, without starting.")
    .action(async (_options: unknown, command: Command) => (await import("./check.ts")).check(command));
  program
    .command("config")
    .description("About the configuration file.")
    .command("schema")
    .description("Print its JSON Schema.")
    .action(async () => (await import("./check.ts")).printSchema());
  return program;
}
