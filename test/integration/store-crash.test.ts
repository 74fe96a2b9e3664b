/**
 * What was acknowledged survives `kill -9`, and nothing is half there. Writers are processes of their own, killed at random points:
 * while they commit, back up, migrate and restore. SEED repeats the points in time as well as a busy machine allows.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { verifyBackup } from "../../src/store/backup.ts";
import { openLmdbStore } from "../../src/store/lmdb.ts";
import { restoreBackup } from "../../src/store/restore.ts";
import { newDirectory } from "../support/data-dirs.ts";
import { batchOf, checkBatches, migrations } from "../support/store-batches.ts";
import { contentsOf, openStore, storeOptions } from "../support/stores.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const onBun = process.versions["bun"] !== undefined;
const kills = Number(process.env["KILLS"] ?? (onBun ? 180 : 120));
const program = new URL("../support/store-writer.js", import.meta.url).pathname;

let state = seed;
/** From 0 to below `limit`, skewed to small ones: the first moments are the busiest. */
function random(limit: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return (state / 0x80000000) ** 2 * limit;
}

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

function start(task: string, ...args: readonly string[]): Run {
  const child = spawn(process.execPath, [program, task, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let text = "";
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    child.on("close", () => reject(new Error(`${task} ended by itself: ${lines.join(", ")}`)));
    child.stdout!.on("data", (chunk) => {
      text += chunk;
      // A line that the kill has cut off is no acknowledgement.
      const complete = text.split("\n");
      text = complete.pop()!;
      lines.push(...complete);
      if (lines.length > 0) resolve();
    });
  });
  return { child, lines, ready, ended };
}

/** Runs a task, and kills it some time after it is ready. What it had said. */
async function killed(
  after_ms: number,
  task: string,
  ...args: readonly string[]
): Promise<readonly string[]> {
  const run = start(task, ...args);
  await run.ready;
  await sleep(after_ms);
  assert.equal(run.child.exitCode, null, `${task} ended by itself: ${run.lines.join(", ")}`);
  run.child.kill("SIGKILL");
  await run.ended;
  return run.lines;
}

const lastDone = (lines: readonly string[]): number =>
  Math.max(-1, ...lines.filter((line) => line.startsWith("done ")).map((line) => Number(line.slice(5))));

async function checked(dir: string): Promise<number> {
  const store = await openStore(dir);
  const batches = checkBatches(contentsOf(store));
  await store.close();
  return batches;
}

test("every acknowledged commit is there after kill -9, and no commit is half there", async (t) => {
  // Two writers at a time, each with a directory of its own: the machine waits less.
  let acknowledged = 0;
  let done = 0;
  const writer = async (): Promise<void> => {
    const dir = newDirectory();
    let before = 0;
    while (done < kills) {
      done++;
      const last = lastDone(await killed(random(40), "commit", dir));
      const batches = await checked(dir);
      assert.ok(
        batches > last && batches >= before,
        `batch ${last} was acknowledged, ${batches} are there, ${before} were`,
      );
      acknowledged += Math.max(0, last + 1 - before);
      before = batches;
    }
  };
  await Promise.all([writer(), writer()]);
  t.diagnostic(`seed ${seed}: ${done} kills, ${acknowledged} acknowledged batches`);
  assert.ok(acknowledged > kills / 10);
});

test("a backup that was killed leaves none of its name, or a whole one; the store is unharmed", async (t) => {
  const dir = newDirectory();
  const file = join(newDirectory(), "b.backup");
  let whole = 0;
  for (let run = 0; run < kills / 10; run++) {
    const last = lastDone(await killed(random(60), "backup", dir, file));
    assert.ok((await checked(dir)) > last);
    if (!existsSync(file)) continue;
    whole++;
    await verifyBackup(file);
    const restored = newDirectory();
    await restoreBackup(file, restored, { force: false });
    await checked(restored);
    rmSync(file);
  }
  t.diagnostic(`seed ${seed}: ${Math.ceil(kills / 10)} kills, ${whole} left a backup`);
});

test("a restore that was killed leaves the old store or the restored one", async (t) => {
  const [dir, source] = [newDirectory(), newDirectory()];
  const file = join(source, "b.backup");
  const fill = async (into: string, batches: number): Promise<void> => {
    const store = await openStore(into);
    for (let number = 0; number < batches; number++) await store.commit(batchOf(number));
    if (into === source) await store.backup(file);
    await store.close();
  };
  await fill(source, 30);
  await fill(dir, 7);
  const found: Record<number, number> = { 7: 0, 30: 0 };
  for (let run = 0; run < kills / 10; run++) {
    await killed(random(60), "restore", dir, file);
    const batches = await checked(dir);
    found[batches]!++;
    assert.ok(batches === 30 || batches === 7, `${batches} batches`);
    rmSync(dir, { recursive: true });
    await fill(dir, 7);
  }
  t.diagnostic(`seed ${seed}: ${Math.ceil(kills / 10)} kills, ${found[7]} left the old store`);
});

test("a migration that was killed leaves the old format or the new one", async (t) => {
  const found = { 1: 0, 2: 0 };
  for (let run = 0; run < kills / 10; run++) {
    const dir = newDirectory();
    const old = await openStore(dir);
    for (let number = 0; number < 25; number++) await old.commit(batchOf(number));
    await old.close();
    const migrated = (await killed(random(150), "migrate", dir)).includes("migrated");
    // As it is, without bringing it further.
    const probe = await openStore(dir).catch(() => null);
    const format = probe === null ? 2 : 1;
    await probe?.close();
    found[format]++;
    if (migrated) assert.equal(format, 2);
    const store = await openLmdbStore(dir, { ...storeOptions, migrations });
    assert.equal(checkBatches(contentsOf(store), 2), 25);
    await store.close();
  }
  t.diagnostic(`seed ${seed}: ${Math.ceil(kills / 10)} kills, ${found[1]} left the old format`);
});
