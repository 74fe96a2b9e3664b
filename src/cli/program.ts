/** The commands of `spanwire`. What each does is loaded when it is called: the command itself starts fast. */
import { Command } from "commander";
import { version } from "../main.ts";
import { addConfigOptions, addDataOptions } from "./options.ts";

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
  addDataOptions(program.command("backup"))
    .description("Write a backup of the durable state, while the router runs or not.")
    .argument("<file>", "where to; it must not be there yet")
    .action(async (file: string, _options: unknown, command: Command) =>
      (await import("./state.ts")).backup(file, command),
    );
  addDataOptions(program.command("restore"))
    .description("Put a backup in the place of the durable state. The router must not run.")
    .argument("<file>", "the backup")
    .option("--force", "also where there is some state already: it is moved aside")
    .action(async (file: string, _options: unknown, command: Command) =>
      (await import("./state.ts")).restore(file, command),
    );
  addDataOptions(program.command("admin").description("About the administrator.").command("reset-password"))
    .description(
      "Give the administrator a new password, made or from SPANWIRE_ADMIN_PASSWORD. The router must not run.",
    )
    .option("--password-file <file>", "take it from the first line of a file")
    .action(async (_options: unknown, command: Command) =>
      (await import("./administrator.ts")).resetPassword(command),
    );
  return program;
}
