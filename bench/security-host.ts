/**
 * A router for the security bench: `security-host.js KIND PORT RAWSOCKET_PORT [DIR]`. KIND is off, additive, most_specific, login, or
 * `empty` with the store in DIR. Each line on stdin is a question, its answer one JSON line: `token` (of `login`), `live` (memory
 * after garbage collection), `now` (without), `delay` (of the event loop, in ms, since the last time that it was asked).
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { tuneEngine } from "../src/cli/engine.ts";
import { openStore } from "../src/cli/state.ts";
import { createRouter, type RouterOptions } from "../src/index.ts";
import { collect, memoryNow } from "./memory.ts";
import { accessRealm, accessRealms, loginRealms } from "./security-world.ts";

/** So that a bench that logs in all the time from one address is not taken for an attack. */
const limits = { failedLoginsPerSource_max: 1e9, failedLoginsPerAuthid_max: 1e9 };

interface World {
  readonly options: RouterOptions;
  readonly token?: string;
}

const secured = (realms: readonly object[]): RouterOptions => ({
  realms: [],
  limits,
  security: realms.length > 0 ? { definitions: [{ name: "bench", realms }] } : {},
});

const worldOf = async (kind: string, dir: string): Promise<World> => {
  if (kind === "off") return { options: { realms: [accessRealm] } };
  if (kind === "additive" || kind === "most_specific") return { options: secured(accessRealms(kind)) };
  if (kind === "empty") return { options: { ...secured([]), store: await openStore(dir) } };
  const { realms, token } = await loginRealms();
  return { options: secured(realms), token };
};

const main = async (): Promise<void> => {
  // As the command does.
  tuneEngine();
  const [kind = "off", port = "0", rawsocket = "0", dir = ""] = process.argv.slice(2);
  const since = performance.now();
  const { options, token = "" } = await worldOf(kind, dir);
  const places = { websocket: { port: Number(port) }, rawsocket: { port: Number(rawsocket) } };
  const router = await createRouter({ ...options, ...places });
  const open_ms = performance.now() - since;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const answers: Readonly<Record<string, () => unknown>> = {
    token: () => ({ token }),
    now: () => ({ ...memoryNow(), open_ms }),
    live: async () => {
      await collect();
      return { ...memoryNow(), open_ms };
    },
    delay: () => {
      const answer = { p99_ms: delay.percentile(99) / 1e6, max_ms: delay.max / 1e6 };
      delay.reset();
      return answer;
    },
  };
  createInterface({ input: process.stdin }).on("line", (line) => {
    Promise.resolve(answers[line]?.()).then(
      (answer) => process.stdout.write(`${JSON.stringify(answer ?? null)}\n`),
      (cause: unknown) => {
        process.stderr.write(`${String(cause)}\n`);
        process.exit(1);
      },
    );
  });
  process.stdout.write(`security host on ${router.listeners[0]!.url}\n`);
};

process.once("SIGTERM", () => process.exit(0)); // Also so that profiles are written.
await main();
