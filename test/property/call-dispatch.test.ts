/**
 * Calls to one registration in random interleavings – by every policy, with callees that are busy, decline, come and go, with CANCEL,
 * timeouts and force_reregister – against the rules of test/support/dispatch-rules.ts. Set SEED to repeat a run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DispatchRules, type DispatchPolicy, dispatchPolicies } from "../support/dispatch-rules.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const places = 5;

const place = fc.nat({ max: places - 1 });
const pick = fc.nat();
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("register" as const),
        place,
        concurrency: fc.constantFrom(0, 1, 1, 2, 3),
        force: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("unregister" as const), place }) },
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        place,
        rkey: fc.constantFrom("a", "b", "c", "d"),
        timeout: fc.constantFrom(0, 0, 0, 100),
      }),
    },
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("answer" as const),
        place,
        pick,
        uri: fc.constantFrom(null, null, "com.error", "wamp.error.unavailable", "wamp.error.unavailable"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("cancel" as const),
        place,
        pick,
        mode: fc.constantFrom("skip", "kill", "killnowait"),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("endTurns" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), place }) },
  ),
  { maxLength: 120, size: "max" },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

function take(rules: DispatchRules, step: Step): void {
  switch (step.do) {
    case "register":
      return rules.register(rules.members[step.place]!, step.concurrency, step.force);
    case "unregister":
      return rules.unregister(rules.members[step.place]!);
    case "call":
      return rules.call(rules.members[step.place]!, step.rkey, step.timeout);
    case "answer":
      return rules.answer(rules.members[step.place]!, step.pick, step.uri);
    case "cancel":
      return rules.cancel(rules.members[step.place]!, step.pick, step.mode);
    case "endTurns":
      return rules.endTurns();
    case "wait":
      return rules.advance(80);
    case "leave":
      return rules.leave(rules.members[step.place]!);
  }
}

function run(policy: DispatchPolicy, all: readonly Step[]): DispatchRules["seen"] {
  const rules = new DispatchRules(policy, places);
  for (const step of all) take(rules, step);
  rules.endTurns();
  rules.assertNothingLeft();
  return rules.seen;
}

for (const policy of dispatchPolicies)
  test(`[R-08 R-11 R-14 R-16 R-17] calls by ${policy} keep the rules in any interleaving`, (t) => {
    t.diagnostic(`seed ${seed}`);
    const total = { replies: 0, waited: 0, rerouted: 0 };
    fc.assert(
      fc.property(steps, (all) => {
        const seen = run(policy, all);
        for (const what of ["replies", "waited", "rerouted"] as const) total[what] += seen[what];
      }),
      { seed, numRuns: 100 },
    );
    // That something was seen at all. How much it is varies with the seed: of 40, `first` rerouted 26 to 60.
    assert.ok(total.replies > 100 && total.waited > 100, JSON.stringify(total));
    assert.ok(total.rerouted > (policy === "single" ? -1 : 2), JSON.stringify(total));
  });
