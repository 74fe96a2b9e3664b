/** A data file that is torn or altered is refused with a clear text, or it has lost nothing. It never ends the process. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { StoreError } from "../../src/store/store-error.ts";
import { newDirectory } from "../support/data-dirs.ts";
import { latin1, openStore } from "../support/stores.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const damages = Number(process.env["DAMAGES"] ?? 600);

/** Records in several pages, large ones, and pages that were freed. */
async function makeStore(): Promise<string> {
  const dir = newDirectory();
  const store = await openStore(dir);
  for (let round = 0; round < 8; round++)
    await store.commit(
      Array.from({ length: 40 }, (_, index) => ({
        key: `k/${round % 3}/${index}${"x".repeat((index * 13) % 170)}`,
        value: (index + round) % 5 === 0 ? null : latin1("v".repeat(index % 9 === 0 ? 9_000 : index * 11)),
      })),
    );
  await store.close();
  return dir;
}

test("a store with altered bytes, missing ends or pages of zeros is refused, or has lost nothing", async (t) => {
  t.diagnostic(`seed ${seed}`);
  const dir = await makeStore();
  const program = new URL("../support/store-damage.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, dir, String(seed), String(damages)]);
  let said = "";
  let last = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  child.stderr.on("data", (chunk) => {
    last = (last + chunk).slice(-2_000);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (...end) => resolve(end)),
  );
  assert.deepEqual([code, signal], [0, null], `seed ${seed}, the last of: ${last}`);
  const counts: Record<string, { refused: number; sound: number }> = JSON.parse(said);
  t.diagnostic(said.trim());
  const refused = Object.values(counts).reduce((sum, count) => sum + count.refused, 0);
  assert.ok(refused > damages / 4, said);
});

const refusal = (dir: string, what: RegExp) => (error: unknown) =>
  error instanceof StoreError &&
  error.problem === "damaged" &&
  error.message.includes(join(dir, "store.mdb")) &&
  error.message.includes(`spanwire restore <backup> --data ${dir} --force`) &&
  what.test(error.message);

test("an empty file, one of zeros, one of something else and none at all are refused, and left as they are", async () => {
  const dir = await makeStore();
  const path = join(dir, "store.mdb");
  for (const [bytes, what] of [
    [new Uint8Array(), /it is empty/],
    [new Uint8Array(65_536), /not LMDB's/],
    [new Uint8Array(20_000).fill(0x41), /not LMDB's/],
    [new Uint8Array(30), /truncated/],
  ] as const) {
    writeFileSync(path, bytes);
    await assert.rejects(openStore(dir), refusal(dir, what));
  }
  rmSync(path);
  await assert.rejects(openStore(dir), refusal(dir, /it is gone/));
  assert.ok(!existsSync(path));
  mkdirSync(path);
  await assert.rejects(openStore(dir), (error) => error instanceof StoreError);
});
