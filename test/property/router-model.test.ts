/**
 * The router against its model: clients in random interleavings, and after each loop turn exactly the messages that the model
 * says. Set SEED to repeat a run, and RUNS for more or fewer of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { silentLog } from "../../src/base/log.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { acts, casts } from "../support/model-commands.ts";
import { type Actor, ModelWorld, type Spoil } from "../support/model-world.ts";
import { RouterModel } from "../support/router-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const numRuns = Number(process.env["RUNS"] ?? 2_000);
const about = `SEED=${seed}`;

/** One router for many runs: each must leave it as it found it. */
class Routers {
  #router: Router | null = null;
  #faults: unknown[] = [];

  async take(): Promise<Router> {
    const log = { ...silentLog, error: (...what: unknown[]) => void this.#faults.push(what) };
    this.#router ??= await createRouter({
      realms: [
        { uri: "compatible", allowDisclosure: true },
        { uri: "strict", profile: "strict", allowDisclosure: true },
      ],
      log,
    });
    return this.#router;
  }
  /** Faults that the router noticed itself, and what it holds though nobody is connected. */
  check(stats: object): void {
    const faults = this.#faults;
    this.#faults = [];
    assert.deepEqual(faults, [], "the router noticed a fault of its own");
    const held = Object.entries(stats).filter(([, count]) => count !== 0);
    assert.deepEqual(held, [], "the router holds something of sessions that have gone");
  }
  /** After a failure the next run, of a smaller case, begins with a new one. */
  async discard(): Promise<void> {
    const router = this.#router;
    this.#router = null;
    this.#faults = [];
    await router?.close();
  }
}

/** One run: clients join, do what was drawn, leave, and nothing is left of them. */
function scenario(
  routers: Routers,
  over: (world: ModelWorld) => void,
  spoil?: Spoil,
): fc.IAsyncProperty<[Actor[], Iterable<fc.AsyncCommand<RouterModel, ModelWorld>>]> {
  const commands = fc.commands(acts, { maxCommands: 140, size: "max" });
  return fc.asyncProperty(casts, commands, async (cast, drawn) => {
    const world = new ModelWorld(await routers.take(), cast, spoil);
    const model = new RouterModel(cast);
    try {
      for (const slot of cast.keys()) if (slot % 3 > 0) await world.take({ slot, does: "join" }, model);
      await fc.asyncModelRun(() => ({ model, real: world }), drawn);
      routers.check(await world.leave(model));
    } catch (cause) {
      world.drop();
      await routers.discard();
      throw cause;
    }
    over(world);
  });
}

async function withRouters(body: (routers: Routers) => Promise<void>): Promise<void> {
  const routers = new Routers();
  const alive = setInterval(() => {}, 1_000);
  try {
    await body(routers);
  } finally {
    await routers.discard();
    clearInterval(alive);
  }
}

test("[B-12 B-13 B-14 R-04 R-08 P-02] random clients get exactly what a model of broker and dealer says", (t) =>
  withRouters(async (routers) => {
    console.log(`router model: ${about}`);
    const sum = { steps: 0, compared: 0 };
    const property = scenario(routers, ({ steps, compared }) => {
      sum.steps += steps;
      sum.compared += compared;
    });
    await fc.assert(property, { seed, numRuns, includeErrorInReport: true }).catch((cause: unknown) => {
      throw new Error(`${about}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    });
    t.diagnostic(`${about}: ${numRuns} runs, ${sum.steps} steps, ${sum.compared} messages compared`);
    assert.ok(sum.compared > numRuns * 20, `only ${sum.compared} messages were compared`);
  }));

/** What the test must notice: see that it can fail. */
const spoiled: Readonly<Record<string, Spoil>> = {
  "a message that comes twice": (frames) =>
    frames.flatMap((frame, i) => (i === 3 ? [frame, frame] : [frame])),
  "a message that does not come": (frames) => frames.filter((_, i) => i !== 3),
  "two messages in the wrong order": ([one, two, ...rest]) =>
    one === undefined || two === undefined ? (one ? [one] : []) : [two, one, ...rest],
};

for (const [what, spoil] of Object.entries(spoiled)) {
  test(`the model test finds ${what}`, () =>
    withRouters(async (routers) => {
      const options = { seed, numRuns: 300, endOnFailure: true };
      const { failed, errorInstance } = await fc.check(
        scenario(routers, () => {}, spoil),
        options,
      );
      assert.ok(failed, `300 runs found nothing wrong; ${about}`);
      assert.match(
        String(errorInstance),
        /client\d (got|did not get) |, which has its final one|comes behind/,
      );
    }));
}
