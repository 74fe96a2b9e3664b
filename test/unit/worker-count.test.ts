import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fixedLimits } from "../../src/base/limits.ts";
import { OwnCount, SharedCount } from "../../src/main/connection-count.ts";
import { workerCount } from "../../src/main/worker-count.ts";

test("a router has one worker, as many as are said, or one for each core", () => {
  assert.equal(workerCount({}), 1);
  assert.equal(workerCount({ workers: 4 }), 4);
  assert.equal(workerCount({ workers: "auto" }), Math.min(fixedLimits.workers_max, availableParallelism()));
  for (const workers of [0, -1, 1.5, fixedLimits.workers_max + 1, Number.NaN])
    assert.throws(() => workerCount({ workers }), RangeError);
});

test("an access policy is not for workers, and the error says what is", () => {
  const access = { rulesFor: () => null };
  assert.equal(workerCount({ access }), 1);
  assert.throws(() => workerCount({ access, workers: 2 }), /RangeError.*security\.definitions/);
});

test("connections are counted for each thread and for all, and bounded over all", () => {
  const counts = new Int32Array(new SharedArrayBuffer(12));
  const threads = [0, 1, 2].map((self) => new SharedCount(counts, self));
  for (const thread of threads) assert.ok(thread.enter(4));
  assert.ok(threads[0]!.enter(4));
  assert.ok(!threads[1]!.enter(4));
  assert.deepEqual(
    threads.map(({ own, all }) => [own, all]),
    [
      [2, 4],
      [1, 4],
      [1, 4],
    ],
  );
  threads[0]!.leave();
  assert.ok(threads[2]!.enter(4));
  const alone = new OwnCount();
  assert.ok(alone.enter(1) && !alone.enter(1));
  assert.deepEqual([alone.own, alone.all], [1, 1]);
  alone.leave();
  assert.deepEqual([alone.own, alone.all], [0, 0]);
});

test("a router of one worker loads neither rings nor what starts threads", () => {
  const src = fileURLToPath(new URL("../../../src/", import.meta.url));
  const seen = new Set<string>();
  const walk = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from "(\.[^"]+)";/gm))
      walk(resolve(dirname(file), from!));
  };
  walk(`${src}main.ts`);
  assert.ok(seen.size > 50, `saw ${seen.size} files`);
  const unwanted = [...seen].filter((file) =>
    /src\/(workers\/|main\/(workers|worker-thread|bus)\.ts)/.test(file),
  );
  assert.deepEqual(unwanted, []);
});
