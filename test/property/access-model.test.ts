/**
 * Access control of live sessions against its model: random grants, revocations, changes of groups, prototype and mode while clients
 * of two realms subscribe, publish, register and call. The router answers as rules decide one by one, ends what is not allowed any
 * more, and sends no event to who has lost the right. Set SEED to repeat a run, and RUNS for more or fewer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { createRouter } from "../../src/main.ts";
import type { AccessPolicy } from "../../src/ports.ts";
import { AccessRealms } from "../support/access-realms.ts";
import { AccessWorld, grantArb, realmUris, stepArb } from "../support/access-world.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const numRuns = Number(process.env["RUNS"] ?? 150);

/** Ample room, and so little that decisions are always forgotten and sweeps take many turns. */
const limitsOf = {
  ample: {},
  scarce: { accessDecisions_max: 3, accessDecisionsTotal_max: 4, accessSweep_max: 18 },
} as const;

interface Sum {
  compared: number;
  refused: number;
  revoked: number;
}
type Spoil = (policy: AccessRealms) => AccessPolicy;

/** One run: clients join, do what was drawn while rights change, leave, and nothing is left of them. */
function scenario(limits: Partial<Limits>, sum: Sum, spoil: Spoil = (policy) => policy) {
  const first = fc.array(grantArb, { minLength: 4, maxLength: 16 });
  const steps = fc.array(stepArb, { minLength: 40, maxLength: 160, size: "max" });
  return fc.asyncProperty(first, fc.boolean(), steps, async (prototype, mostSpecific, drawn) => {
    const policy = new AccessRealms(...realmUris);
    policy.prototype = prototype;
    policy.users.set("ann", ["g"]).set("bob", ["h", "i"]);
    for (const realm of policy.realms.values()) realm.mostSpecific = mostSpecific;
    const faults: unknown[] = [];
    const log = { ...silentLog, error: (...what: unknown[]) => void faults.push(what) };
    const router = await createRouter({ realms: realmUris, access: spoil(policy), limits, log });
    const world = new AccessWorld(router, policy);
    try {
      await world.settle();
      for (const one of drawn) {
        await world.take(one);
        await world.settle();
      }
      await world.leave();
      const held = Object.entries(router.stats()).filter(([, count]) => count !== 0);
      assert.deepEqual(held, [], "the router holds something of sessions that have gone");
      assert.deepEqual(faults, []);
    } finally {
      await router.close();
    }
    sum.compared += world.compared;
    sum.refused += world.refused;
    sum.revoked += world.revoked;
  });
}

/** The router's own timers keep no process alive, and connections in memory do not either. */
async function kept<T>(body: () => Promise<T>): Promise<T> {
  const alive = setInterval(() => {}, 1_000);
  try {
    return await body();
  } finally {
    clearInterval(alive);
  }
}

/** Finding a smaller case takes long: only where SHRINK is set. */
const endOnFailure = process.env["SHRINK"] === undefined;

for (const [name, limits] of Object.entries(limitsOf)) {
  test(`live sessions are decided about as the model of their rules says, with ${name} room for decisions`, (t) =>
    kept(async () => {
      const sum: Sum = { compared: 0, refused: 0, revoked: 0 };
      const options = { seed, numRuns, endOnFailure, includeErrorInReport: true };
      await fc.assert(scenario(limits, sum), options);
      const { compared, refused, revoked } = sum;
      t.diagnostic(`SEED=${seed}: ${compared} messages, ${refused} refused, ${revoked} ended`);
      assert.ok(compared > numRuns * 20 && refused > numRuns && revoked > numRuns / 4, JSON.stringify(sum));
    }));
}

/** What the test must notice: see that it can fail. */
const spoiled: Readonly<Record<string, Spoil>> = {
  "a rule that the router does not have": (policy) => ({
    rulesFor(realm, identity) {
      const rules = policy.rulesFor(realm, identity);
      return rules && { ...rules, rules: rules.rules.slice(1) };
    },
  }),
  "a router to which the most specific rule is none": (policy) => ({
    rulesFor(realm, identity) {
      const rules = policy.rulesFor(realm, identity);
      return rules && { ...rules, mostSpecific: false, rules: rules.rules.filter(({ deny }) => !deny) };
    },
  }),
  "rights of one realm in another": (policy) => ({
    rulesFor: (_, identity) => policy.rulesFor("one", identity),
  }),
};

for (const [what, spoil] of Object.entries(spoiled)) {
  test(`the model test finds ${what}`, () =>
    kept(async () => {
      const sum: Sum = { compared: 0, refused: 0, revoked: 0 };
      const options = { seed, numRuns: 100, endOnFailure: true };
      const { failed } = await fc.check(scenario({}, sum, spoil), options);
      assert.ok(failed, `100 runs found nothing wrong; SEED=${seed}`);
    }));
}
