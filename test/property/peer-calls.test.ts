/**
 * Calls between routers in random interleavings: sessions of several routers register, call, answer, cancel and leave, routers die and
 * come back, and messages between them arrive in any order that their links allow. The rules are those of test/support/peer-calls.ts.
 * Set SEED to repeat a run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClientFeature } from "../../src/protocol/features.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { PeerCalls, type PlaceTraits } from "../support/peer-calls.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

const all = ~0;
const cannotCancel = ~ClientFeature.calleeCanceling;
const places: readonly PlaceTraits[] = [
  { router: 0, serializer: Serializer.msgpack, features: all },
  { router: 0, serializer: Serializer.json, features: all },
  { router: 1, serializer: Serializer.json, features: all },
  { router: 1, serializer: Serializer.cbor, features: cannotCancel },
  { router: 2, serializer: Serializer.msgpack, features: all },
  { router: 2, serializer: Serializer.cbor, features: all },
];

const place = fc.nat({ max: places.length - 1 });
const pick = fc.nat();
const uri = fc.constantFrom(null, null, "com.error", "wamp.error.unavailable");
const callOptions = fc.record({
  rkey: fc.constantFrom("a", "b", "c"),
  timeout: fc.constantFrom(0, 0, 0, 100),
  receive_progress: fc.boolean(),
  progress: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  disclose_me: fc.boolean(),
});
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant("register" as const), place, fc.constantFrom(0, 0, 1, 2)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("complete" as const)) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("unregister" as const), place) },
    {
      weight: 14,
      arbitrary: fc.tuple(
        fc.constant("call" as const),
        place,
        callOptions,
        fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      ),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant("goOn" as const), place, pick, fc.boolean()) },
    { weight: 14, arbitrary: fc.tuple(fc.constant("answer" as const), place, pick, uri) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("progress" as const), place, pick) },
    {
      weight: 3,
      arbitrary: fc.tuple(
        fc.constant("cancel" as const),
        place,
        pick,
        fc.constantFrom("skip", "kill", "killnowait"),
      ),
    },
    { weight: 14, arbitrary: fc.tuple(fc.constant("pass" as const), fc.integer({ min: 1, max: 9 })) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("quiet" as const)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("wait" as const)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("leave" as const), place) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("die" as const), fc.nat({ max: 2 })) },
  ),
  { maxLength: 140, size: "max" },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

function take(world: PeerCalls, step: Step): void {
  const member = (at: number) => world.members[at]!;
  switch (step[0]) {
    case "register":
      return world.register(member(step[1]), step[2]);
    case "complete":
      return world.complete();
    case "unregister":
      return world.unregister(member(step[1]));
    case "call":
      return world.call(member(step[1]), step[2], step[3]);
    case "goOn":
      return world.goOn(member(step[1]), step[2], step[3]);
    case "answer":
      return world.answer(member(step[1]), step[2], step[3]);
    case "progress":
      return world.progress(member(step[1]), step[2]);
    case "cancel":
      return world.cancel(member(step[1]), step[2], step[3]);
    case "pass":
      return world.pass(step[1]);
    case "quiet":
      return world.quiet();
    case "wait":
      return world.advance(80);
    case "leave":
      return world.leave(member(step[1]));
    case "die":
      return world.die(step[1]);
  }
}

/** A callee with a limit that other routers wait for, and that registers anew without one. */
const options = {
  rkey: "a",
  timeout: 0,
  receive_progress: false,
  progress: true,
  disclose_me: false,
} as const;
const registersAnew: Step[] = [
  ["register", 0, 2],
  ["call", 2, options, true],
  ["call", 2, options, false],
  ["register", 5, 2],
  ["call", 0, options, true],
  ["quiet"],
  ["call", 0, options, false],
  ["pass", 1],
  ["unregister", 5],
  ["register", 5, 0],
];

/** Which message comes next: repeatable, from one number (constants of Numerical Recipes). */
function choices(order: number): (n: number) => number {
  let state = order >>> 0;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function run(policy: string, all: readonly Step[], order: number): PeerCalls["seen"] {
  const preferLocal = order % 4 === 0;
  const world = new PeerCalls({ policy, routers: 3, places, below: choices(order), preferLocal });
  for (const step of all) {
    const isTaken = policy === "single" && world.members.some(({ registration }) => registration !== "none");
    if (step[0] !== "register" || !isTaken) take(world, step);
  }
  world.end();
  return world.seen;
}

for (const policy of ["single", "roundrobin", "random", "first", "last", "qll", "qlls", "jch"])
  test(`calls by ${policy} over several routers keep the rules in any interleaving`, (t) => {
    t.diagnostic(`seed ${seed}`);
    const total: Record<string, number> = {};
    fc.assert(
      fc.property(steps, fc.integer(), (list, order) => {
        for (const [name, count] of Object.entries(run(policy, list, order)))
          total[name] = (total[name] ?? 0) + count;
      }),
      { seed, numRuns: 100, examples: [[registersAnew, 0]] },
    );
    t.diagnostic(JSON.stringify(total));
    assert.ok(total["results"]! > 300 && total["remote"]! > 300, JSON.stringify(total));
  });
