/** The load generator as it stays between windows: its sessions are opened and warmed up once, so that a window costs its own time. */
import { setTimeout as delay } from "node:timers/promises";
import { compileLoad, loadCore, run, type Started, start } from "./child.ts";
import type { Router } from "./router.ts";
import type { Sample } from "./samples.ts";

export interface Timing {
  readonly window_s: number;
  readonly warm_s: number;
}

export interface RunTiming extends Timing {
  /** No single run takes longer, and no generator takes longer to open its sessions. */
  readonly patience_ms: number;
}

const commandFor = (router: Router, args: readonly string[]): readonly string[] => {
  const port = args.includes("rawsocket") ? router.ports.rawsocket : router.ports.websocket;
  return [compileLoad(), ...args, "--port", String(port), "--pid", String(router.pid)];
};

/** One window, with sessions of its own. */
export const runLoad = async (
  router: Router,
  args: readonly string[],
  { window_s, warm_s, patience_ms }: RunTiming,
): Promise<Sample> => {
  const times = ["--seconds", String(window_s), "--warm", String(warm_s)];
  const command = [...commandFor(router, args), ...times];
  return JSON.parse(await run(command, { core: loadCore, patience_ms })) as Sample;
};

/** What it said before it ended, which may come behind the news of its end. */
const lastWords = async (generator: Started): Promise<string> => {
  await delay(50);
  return generator.output().trim().split("\n").at(-1) ?? "";
};

/** Generators by the name of what they load. All of them wait while one of them works. */
export class Generators {
  readonly #running = new Map<string, Started>();

  /** A window; where that name has no generator yet, `begin` says what it does, and its warm-up is the first one. */
  async window(
    name: string,
    router: Router,
    begin: { readonly args: () => readonly string[]; readonly firstWarm_s: number },
    { window_s, warm_s, patience_ms }: RunTiming,
  ): Promise<Sample> {
    const running = this.#running.get(name);
    const generator = running ?? (await this.#start(name, router, begin.args(), patience_ms));
    try {
      const warm = running === undefined ? begin.firstWarm_s : warm_s;
      return JSON.parse(await generator.ask(`${window_s} ${warm}`)) as Sample;
    } catch (cause) {
      await this.stop(name);
      throw new Error(await lastWords(generator), { cause });
    }
  }

  async #start(
    name: string,
    router: Router,
    args: readonly string[],
    startWait_ms: number,
  ): Promise<Started> {
    const command = [...commandFor(router, args), "--turns"];
    const generator = await start({ command, ready: /ready\n/, core: loadCore, startWait_ms });
    this.#running.set(name, generator);
    return generator;
  }

  async stop(name: string): Promise<void> {
    const generator = this.#running.get(name);
    this.#running.delete(name);
    await generator?.stop();
  }

  async stopAll(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.stop(name);
  }
}
