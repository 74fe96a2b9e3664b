/** Long work a share per turn, in steps and turns that are counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Steps, TurnShare } from "../../src/router/turn-share.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

function setUp(perTurn = 10_000) {
  const scheduler = new VirtualScheduler();
  const taken = { steps: 0 };
  const share = new TurnShare((task) => scheduler.endOfTurn(task), perTurn);
  function* work<T>(steps: number, result: T, cost = 1): Steps<T> {
    for (let i = 0; i < steps; i++) {
      taken.steps++;
      yield cost;
    }
    return result;
  }
  /** Ends turns until nothing is left to do; the most steps that one of them took. */
  const settle = (): number => {
    let worst = 0;
    for (let before = taken.steps; scheduler.endTurn(); before = taken.steps)
      worst = Math.max(worst, taken.steps - before);
    return worst;
  };
  return { scheduler, share, taken, work, settle };
}

test("what fits into the turn is done at once", () => {
  const { share, work } = setUp();
  assert.equal(share.run(1, work(9_999, "done")), "done");
  assert.equal(share.count, 0);
});

test("all walks of a turn take no more steps together than one turn's share, however many there are", async () => {
  const { share, taken, work, settle } = setUp();
  const answers = Array.from({ length: 100 }, (_, i) => share.run(i + 1, work(30_000, i)));
  assert.ok(taken.steps <= 10_000, `${taken.steps} steps in the turn that asked`);
  const worst = settle();
  assert.ok(worst <= 10_000, `${worst} steps in one turn`);
  assert.equal(taken.steps, 100 * 30_000);
  assert.deepEqual(
    await Promise.all(answers),
    answers.map((_, i) => i),
  );
  assert.equal(share.count, 0);
});

test("a short walk does not wait for the end of a long one that came before it", async () => {
  const { scheduler, share, work } = setUp();
  const order: string[] = [];
  const long = Promise.resolve(share.run(1, work(1_000_000, "long"))).then((name) => order.push(name));
  const short = Promise.resolve(share.run(2, work(10, "short"))).then((name) => order.push(name));
  scheduler.endTurn();
  await short;
  assert.deepEqual(order, ["short"]);
  scheduler.settle();
  await long;
});

test("a step that costs more than a turn's share leaves the next turns without, and work done at once some of them", () => {
  const { scheduler, share, taken, work } = setUp();
  share.start(work(3, undefined, 35_000));
  assert.equal(taken.steps, 1);
  const turns: number[] = [];
  for (let before = taken.steps; scheduler.endTurn(); before = taken.steps) turns.push(taken.steps - before);
  assert.deepEqual(turns.slice(0, 8), [0, 0, 1, 0, 0, 0, 1, 0]);
  share.spend(1e9);
  let waited = 0;
  share.start(work(1, undefined));
  for (; taken.steps < 4; waited++) scheduler.endTurn();
  assert.ok(waited > 1 && waited <= 5, `${waited} turns`);
});

test("who waits hears of what goes wrong, and the others go on", async () => {
  const { share, work, settle } = setUp();
  function* failing(): Steps<never> {
    yield 20_000;
    throw new Error("no");
  }
  const failed = share.run(1, failing());
  const other = share.run(1, work(5, "other"));
  settle();
  await assert.rejects(async () => failed, /no/);
  assert.equal(await other, "other");
  assert.equal(share.count, 0);
});

test("of one session only one walk has begun, and what is done with its result comes before the next", async () => {
  const { scheduler, share, work } = setUp(1_000);
  const order: string[] = [];
  function* noted(name: string, steps: number): Steps<string> {
    order.push(name);
    return yield* work(steps, name);
  }
  const answers = ["a", "b", "c"].map(async (name) => {
    const found = await share.run(1, noted(name, 3_000));
    return share.goOn(1, noted(`${found} encoded`, 3_000));
  });
  const other = share.run(2, noted("other", 3_000));
  assert.deepEqual([order, share.count], [["a"], 4]);
  // The promises go on between turns.
  for (let turns = 0; turns < 100; turns++) {
    scheduler.endTurn();
    await new Promise((done) => setImmediate(done));
  }
  assert.deepEqual(await Promise.all([...answers, other]), ["a encoded", "b encoded", "c encoded", "other"]);
  assert.deepEqual(
    order.filter((name) => name !== "other"),
    ["a", "a encoded", "b", "b encoded", "c", "c encoded"],
  );
  assert.equal(share.count, 0);
});
