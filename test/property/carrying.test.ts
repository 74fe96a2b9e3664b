/** Whatever order messages between routers arrive in, each frame of a carried connection arrives once and in order, within its bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fixedLimits } from "../../src/base/limits.ts";
import { CarriedWorld, FakeWire, frameOf } from "../support/carried-world.ts";

const window = fixedLimits.carriedBytes_max;
const sizes = fc.oneof(fc.integer({ min: 8, max: 300 }), fc.integer({ min: 8, max: window }));
const step = fc.oneof(
  fc.record({ kind: fc.constant("up" as const), size: fc.integer({ min: 8, max: 20_000 }) }),
  fc.record({ kind: fc.constant("down" as const), sizes: fc.array(sizes, { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constant("room" as const), bytes: fc.integer({ min: 0, max: 2 * window }) }),
  fc.record({ kind: fc.constant("steps" as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant("turn" as const) }),
);

test("frames arrive once, in order, and no more of them is under way than the window", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1e9);
  console.log(`seed ${seed}`);
  const property = fc.property(fc.array(step, { maxLength: 80 }), fc.nat(), (steps, choice) => {
    let chosen = choice;
    const below = (n: number): number => {
      chosen = (chosen * 1_103_515_245 + 12_345) % 2 ** 31;
      return chosen % n;
    };
    const world = new CarriedWorld(2, { below });
    const wire = new FakeWire();
    const gate = world.carry(0, 1, wire);
    world.settle();
    const session = world.routers[1]!.sessions[0]!;
    const [up, down]: [string[], string[]] = [["hello"], []];
    let waiting: { readonly bytes: Uint8Array }[] = [];
    const flush = (): void => {
      waiting = waiting.slice(session.connection.send(waiting, 0, waiting.length));
      const largest = Math.max(window, session.connection.bufferedBytes() > window ? 2 * window : 0);
      assert.ok(session.connection.bufferedBytes() <= largest);
    };
    for (const each of steps) {
      if (each.kind === "up" && !wire.isPaused) {
        up.push(`u${up.length}`);
        gate.onFrame(frameOf(up.at(-1)!, each.size));
      } else if (each.kind === "down") {
        for (const size of each.sizes) {
          down.push(`d${down.length}`);
          waiting.push({ bytes: frameOf(down.at(-1)!, size) });
        }
        const drains = session.drains;
        flush();
        assert.equal(session.drains, drains, "not from inside send()");
      } else if (each.kind === "room") {
        wire.room = each.bytes;
        gate.onDrain();
      } else if (each.kind === "steps") for (let left = each.count; left > 0; left--) world.links.step();
      else if (each.kind === "turn") world.scheduler.endTurn();
      // Nothing that it cannot send is forgotten: what is left waits for a drain.
      if (session.drains > 0) {
        session.drains = 0;
        flush();
      }
    }
    wire.room = Number.POSITIVE_INFINITY;
    gate.onDrain();
    for (let rounds = 0; waiting.length > 0; rounds++) {
      assert.ok(rounds < 1_000, "a drain is owed");
      world.settle();
      flush();
    }
    world.settle();
    assert.deepEqual(session.frames, up);
    assert.deepEqual(wire.taken, down);
    assert.equal(session.connection.bufferedBytes(), 0);
    assert.equal(wire.isPaused, false);
  });
  fc.assert(property, { seed, numRuns: 300 });
});
