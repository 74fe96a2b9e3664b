/** Commands and options of `spanwire`, with the environment variable of each. */
import { Command, InvalidArgumentError, Option } from "commander";
import { logLevels } from "../base/log.ts";
import { version } from "../main.ts";
import { type StartOptions, start } from "./start.ts";

const frameBytes_min = 512;
const frameBytes_max = 1 << 24;

function integer(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${name} is a whole number from ${min} to ${max}.`);
  };
}

const port = integer("A port", 0, 65_535);

function realmUri(text: string): string {
  if (/^([^\s.#]+\.)*[^\s.#]+$/u.test(text)) return text;
  throw new InvalidArgumentError('A realm is a URI such as "realm1" or "com.example.app".');
}

export function buildProgram(): Command {
  const program = new Command("spanwire")
    .description("A WAMP v2 router: routed RPC and Pub/Sub over WebSocket and RawSocket.")
    .version(version)
    .showHelpAfterError('(run "spanwire start --help" for all options)');
  program
    .command("start", { isDefault: true })
    .description("Run the router until Ctrl-C.")
    .addOption(
      new Option("--host <address>", "address to listen on").env("SPANWIRE_HOST").default("127.0.0.1"),
    )
    .addOption(
      new Option("--port <port>", "WebSocket port; 0 takes a free one")
        .env("SPANWIRE_PORT")
        .default(18_080)
        .argParser(port),
    )
    .addOption(
      new Option("--rawsocket-port <port>", "RawSocket port; 0 takes a free one")
        .env("SPANWIRE_RAWSOCKET_PORT")
        .default(18_082)
        .argParser(port),
    )
    .addOption(new Option("--unix <path>", "also serve RawSocket on this Unix socket").env("SPANWIRE_UNIX"))
    .addOption(
      new Option("--realm <uri>", "the realm to serve")
        .env("SPANWIRE_REALM")
        .default("realm1")
        .argParser(realmUri),
    )
    .addOption(
      new Option("--max-frame <bytes>", "largest message accepted, 512 to 16777216")
        .env("SPANWIRE_MAX_FRAME")
        .default(1 << 20)
        .argParser(integer("--max-frame", frameBytes_min, frameBytes_max)),
    )
    .addOption(
      new Option("--log-level <level>", "how much to log")
        .env("SPANWIRE_LOG_LEVEL")
        .default("info")
        .choices([...logLevels]),
    )
    .addOption(
      new Option("--allow-anonymous", "let anybody in although --host is reachable from other machines").env(
        "SPANWIRE_ALLOW_ANONYMOUS",
      ),
    )
    .addOption(
      new Option("--transport <adapter>", "WebSocket adapter; default: the fastest that loads")
        .env("SPANWIRE_TRANSPORT")
        .choices(["uws", "bun", "ws"]),
    )
    .action((options: StartOptions) => start(options));
  return program;
}
