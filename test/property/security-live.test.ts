/**
 * A whole router and what its administrators change while clients of two realms are there, against a model: grants, users, groups, their
 * nesting, the prototype, the mode, access control itself, in random order and by calls of the procedures; users, groups and realms that
 * are deleted and made again under their names. Each client gets what the model says, and nothing else. Set SEED to repeat a run, and
 * RUNS for more or fewer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { silentLog } from "../../src/base/log.ts";
import { createRouter } from "../../src/main.ts";
import { masterRealm } from "../../src/security/view.ts";
import { AdminChanges, definitions } from "../support/access-admin.ts";
import { AccessRealms } from "../support/access-realms.ts";
import { AccessWorld, grantArb, realmUris, stepArb } from "../support/access-world.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const numRuns = Number(process.env["RUNS"] ?? 25);

interface Sum {
  compared: number;
  refused: number;
  revoked: number;
  ended: number;
}

function scenario(sum: Sum) {
  const first = fc.array(grantArb, { minLength: 6, maxLength: 16 });
  const steps = fc.array(stepArb, { minLength: 40, maxLength: 120, size: "max" });
  return fc.asyncProperty(first, steps, async (prototype, drawn) => {
    const model = new AccessRealms(...realmUris);
    const faults: unknown[] = [];
    const log = { ...silentLog, error: (...what: unknown[]) => void faults.push(what) };
    const security = { definitions: [{ name: "test", realms: definitions }] };
    const router = await createRouter({ realms: [], security, log });
    try {
      const admin = await router.session(masterRealm);
      const changes = new AdminChanges(admin, model);
      for (const grant of prototype) await changes.grantPrototype(grant);
      const world = new AccessWorld(router, model, changes);
      await world.settle();
      for (const one of drawn) {
        await world.take(one);
        await world.settle();
      }
      await world.leave();
      await admin.leave();
      assert.deepEqual(faults, []);
      sum.compared += world.compared;
      sum.refused += world.refused;
      sum.revoked += world.revoked;
      sum.ended += world.ended;
    } finally {
      await router.close();
    }
  });
}

/** Finding a smaller case takes long: only where SHRINK is set. */
const endOnFailure = process.env["SHRINK"] === undefined;

test("live sessions may what the model of all changes says, by whole procedures", async (t) => {
  const sum: Sum = { compared: 0, refused: 0, revoked: 0, ended: 0 };
  // The router's own timers keep no process alive, and connections in memory do not either.
  const alive = setInterval(() => {}, 1_000);
  try {
    await fc.assert(scenario(sum), { seed, numRuns, endOnFailure, includeErrorInReport: true });
  } finally {
    clearInterval(alive);
  }
  t.diagnostic(`SEED=${seed}: ${JSON.stringify(sum)}`);
  assert.ok(
    sum.compared > numRuns * 20 && sum.refused > numRuns && sum.ended > numRuns / 4,
    JSON.stringify(sum),
  );
});
