/** `spanwire start`: run a router until a signal ends it. */
import { isIP } from "node:net";
import type { LogLevel } from "../base/log.ts";
import { createRouter, type Router } from "../main.ts";
import { createLog } from "./log.ts";

export interface StartOptions {
  readonly host: string;
  readonly port: number;
  readonly rawsocketPort: number;
  readonly unix?: string;
  readonly realm: string;
  readonly maxFrame: number;
  readonly logLevel: LogLevel;
  readonly allowAnonymous?: boolean;
  readonly transport?: "uws" | "bun" | "ws";
}

/** Exit codes of sysexits.h: wrong usage, and something outside that is not as it must be. */
const exitUsage = 64;
const exitUnavailable = 69;

export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}

function fail(message: string, code: number): void {
  process.stderr.write(`spanwire: ${message}\n`);
  process.exitCode = code;
}

export async function start(options: StartOptions): Promise<void> {
  if (!isLoopback(options.host) && options.allowAnonymous !== true) {
    return fail(
      `--host ${options.host} is reachable from other machines and this router lets everybody in; ` +
        "add --allow-anonymous if that is what you want, or leave --host away",
      exitUsage,
    );
  }
  const startedAt = performance.now();
  let router: Router;
  try {
    router = await createRouter({
      realms: [options.realm],
      websocket: { host: options.host, port: options.port },
      rawsocket: { host: options.host, port: options.rawsocketPort },
      ...(options.unix === undefined ? {} : { unixPath: options.unix }),
      ...(options.transport === undefined ? {} : { transport: options.transport }),
      limits: { frameBytes_max: options.maxFrame },
      log: createLog(options.logLevel),
    });
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause), exitUnavailable);
  }
  process.stdout.write(banner(router, options.realm, performance.now() - startedAt));
  stopOnSignal(router);
}

/** Where it listens, and something to paste. */
export function banner(router: Router, realm: string, took_ms: number): string {
  const url = router.listeners[0]!.url;
  const lines = router.listeners.map((listener) => `  ${listener.url}`).join("\n");
  return `Spanwire is ready in ${Math.round(took_ms)} ms. Realm "${realm}", anonymous clients welcome. Ctrl-C stops it.
${lines}

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

/** The first signal ends sessions with GOODBYE and exits 0; a second one exits at once. */
function stopOnSignal(router: Router): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(130);
    stopping = true;
    router.close().then(
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
