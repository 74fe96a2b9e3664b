/** `spanwire start`: run a router until a signal ends it. */
import type { Command } from "commander";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { type ConfiguredRouter, toRouterOptions } from "../config/to-router-options.ts";
import { createRouter, type Router, type RouterOptions } from "../main.ts";
import type { Administrator } from "../security/bootstrap.ts";
import { administratorNotice } from "./administrator.ts";
import { listenControl } from "./control.ts";
import { tuneEngine } from "./engine.ts";
import { exitUnavailable, fail } from "./exit-codes.ts";
import { createLog } from "./log.ts";
import { configOf, printProblems } from "./options.ts";
import { definitionsChecker } from "./security.ts";
import { openStore } from "./state.ts";

export async function start(command: Command): Promise<void> {
  tuneEngine();
  const { config, problems } = configOf(command, await definitionsChecker());
  if (problems !== undefined) return printProblems(problems);
  const startedAt = performance.now();
  const log = createLog(config.logLevel);
  let running: Running;
  try {
    running = await startRouter(config, log);
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause), exitUnavailable);
  }
  // First, since somebody may wait for the banner and then stop it at once.
  stopOnSignal(running);
  // With one worker there is nothing to go on with.
  if (running.router.workerCount > 1) outlast(running.router);
  process.stdout.write(banner(running.router, config, performance.now() - startedAt));
}

interface Running {
  readonly router: Router;
  close(): Promise<void>;
}

/** The store, then the router on it, then the way to reach it; rejects with none of them left open. */
async function startRouter(config: Config, log: Log): Promise<Running> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const part of opened.splice(0).reverse()) await part.close();
  };
  try {
    const store = config.data === null ? null : await openStore(config.data);
    if (store !== null) opened.push(store);
    const router = await createRouter({ ...toldOf(toRouterOptions(config)), ...(store && { store }), log });
    // The store is closed with the router that has it.
    opened.splice(0, 1, router);
    const control =
      store === null ? null : await listenControl(config.data!, ({ path }) => store.backup(path), log);
    if (control !== null) opened.push(control);
    return { router, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** An administrator that is made is told of at once, on stderr. */
function toldOf(options: ConfiguredRouter): ConfiguredRouter & RouterOptions {
  const { security } = options;
  const onMade = (made: Administrator): void => void process.stderr.write(administratorNotice(made));
  return { ...options, security: { ...security, administrator: { ...security.administrator, onMade } } };
}

/** Where it listens, and something to paste where anybody may come in. */
function banner(router: Router, config: Config, took_ms: number): string {
  const lines = router.listeners.map((listener) => `  ${listener.url}`).join("\n");
  const ready = `Spanwire is ready in ${Math.round(took_ms)} ms.`;
  const { openRealm } = config;
  const url = router.listeners.find((listener) => listener.url.startsWith("ws"))?.url;
  if (openRealm === null) return `${ready} Ctrl-C stops it.\n${lines}\n`;
  const head = `${ready} Realm "${openRealm}", anonymous clients welcome. Ctrl-C stops it.\n${lines}\n`;
  return url === undefined ? head : `${head}${snippet(url, openRealm)}`;
}

function snippet(url: string, realm: string): string {
  return `
Try it: npm install autobahn@22, then save this as hello.mjs and run it with node:

  import autobahn from "autobahn";
  const connection = new autobahn.Connection({ url: "${url}", realm: "${realm}" });
  connection.onopen = async (session) => {
    await session.register("com.example.add", ([a, b]) => a + b);
    console.log("2 + 3 =", await session.call("com.example.add", [2, 3]));
    connection.close();
  };
  connection.open();

`;
}

/** What nothing catches in this thread ends the sessions of it, as it does in the others. */
function outlast(router: Router): void {
  process.on("uncaughtException", (cause) => router.fault(cause));
  process.on("unhandledRejection", (cause) => router.fault(cause));
}

/** The first signal ends sessions with GOODBYE and exits 0; a second one exits at once. */
function stopOnSignal(running: Running): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(130);
    stopping = true;
    running.close().then(
      () => process.exit(0),
      (cause: unknown) => {
        process.stderr.write(`spanwire: could not stop cleanly: ${String(cause)}\n`);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
