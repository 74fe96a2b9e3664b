import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fillRandom } from "../../src/host.ts";
import { RecordStore } from "../../src/security/record-store.ts";
import { verifyBackup } from "../../src/store/backup.ts";
import { restoreBackup } from "../../src/store/restore.ts";
import { StoreError, type StoreProblem } from "../../src/store/store-error.ts";
import { newDirectory } from "../support/data-dirs.ts";
import { batchOf, checkBatches } from "../support/store-batches.ts";
import { contentsOf, latin1, openStore } from "../support/stores.ts";

const problemOf = (problem: StoreProblem, text: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.problem === problem && text.test(error.message);

async function backupOf(batches: number): Promise<string> {
  const store = await openStore(newDirectory());
  for (let number = 0; number < batches; number++) await store.commit(batchOf(number));
  const file = join(newDirectory(), "b.backup");
  await store.backup(file);
  await store.close();
  return file;
}

async function batchesIn(dir: string): Promise<number> {
  const store = await openStore(dir);
  const batches = checkBatches(contentsOf(store));
  await store.close();
  return batches;
}

test("a backup that is taken while commits go on holds all of them up to one, and none after", async () => {
  const store = await openStore(newDirectory());
  // Large enough that the copy takes many turns.
  await store.commit(
    Array.from({ length: 60 }, (_, index) => ({ key: `z/${index}`, value: new Uint8Array(100_000) })),
  );
  let number = 0;
  for (; number < 30; number++) await store.commit(batchOf(number));
  const file = join(newDirectory(), "b.backup");
  let finished = false;
  const backup = store.backup(file).finally(() => {
    finished = true;
  });
  const before = number;
  for (; !finished; number++) await store.commit(batchOf(number));
  await backup;
  assert.ok(number > before, "no commit during the backup");
  await store.close();

  const dir = newDirectory();
  const { header, aside } = await restoreBackup(file, dir, { force: false });
  assert.deepEqual(
    [aside, header.format, header.wrote, header.taken_ms],
    [null, 1, "spanwire test", 1_763_800_000_000],
  );
  const restored = await openStore(dir);
  const contents = contentsOf(restored);
  assert.equal(contents.size, header.records);
  for (const key of contents.keys()) if (key.startsWith("z/")) contents.delete(key);
  assert.equal(checkBatches(contents), before);
  await restored.close();
});

test("a backup carries the node's id, and its records go on where they were", async () => {
  const parts = { wall_ms: () => 1_000, fillRandom };
  const store = await openStore(newDirectory());
  const records = await RecordStore.open(store, parts);
  await records.commit([{ key: "user/ann", value: { name: "ann" }, origin: null }]);
  const envelopes = [...records.envelopes()];
  const file = join(newDirectory(), "b.backup");
  await store.backup(file);
  await store.close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await verifyBackup(file)).node_id, records.nodeId);

  const dir = newDirectory();
  await restoreBackup(file, dir, { force: false });
  const restored = await openStore(dir);
  const again = await RecordStore.open(restored, parts);
  assert.equal(again.nodeId, records.nodeId);
  assert.deepEqual([...again.envelopes()], envelopes);
  await restored.close();
});

test("a backup is not written over anything, and leaves nothing behind when it cannot be written", async () => {
  const store = await openStore(newDirectory());
  const folder = newDirectory();
  const file = join(folder, "b.backup");
  writeFileSync(file, "mine");
  await assert.rejects(store.backup(file), problemOf("occupied", /exists already/));
  await assert.rejects(store.backup(join(folder, "none", "b.backup")), problemOf("system", /ENOENT/));
  assert.deepEqual(readdirSync(folder), ["b.backup"]);
  assert.equal(readFileSync(file, "utf8"), "mine");
  await store.close();
});

test("closing a store waits for its backups", async () => {
  const store = await openStore(newDirectory());
  await store.commit([{ key: "k", value: new Uint8Array(3_000_000) }]);
  const file = join(newDirectory(), "b.backup");
  const backup = store.backup(file);
  await store.close();
  await backup;
  assert.equal((await verifyBackup(file)).records, 1);
});

test("a restore refuses a directory in use, one that is not empty, and moves the old store aside when it is told to", async () => {
  const file = await backupOf(12);
  const dir = newDirectory();
  const store = await openStore(dir);
  await store.commit(batchOf(0));
  for (const force of [false, true])
    await assert.rejects(restoreBackup(file, dir, { force }), problemOf("locked", /already open/));
  await store.close();
  await assert.rejects(
    restoreBackup(file, dir, { force: false }),
    problemOf("occupied", /not empty.*--force/),
  );
  assert.equal(await batchesIn(dir), 1);

  const { aside } = await restoreBackup(file, dir, { force: true });
  assert.equal(aside, join(dir, "store-replaced-1.mdb"));
  assert.equal(await batchesIn(dir), 12);
  const old = newDirectory();
  writeFileSync(join(old, "store.mdb"), readFileSync(aside!));
  assert.equal(await batchesIn(old), 1);
  assert.equal((await restoreBackup(file, dir, { force: true })).aside, join(dir, "store-replaced-2.mdb"));

  const other = newDirectory();
  writeFileSync(join(other, "letter.txt"), "");
  await assert.rejects(restoreBackup(file, other, { force: false }), problemOf("occupied", /not empty/));
  assert.deepEqual(readdirSync(other), ["letter.txt"]);
});

test("a damaged store is restored, and a directory that is not there is made", async () => {
  const file = await backupOf(5);
  const dir = newDirectory();
  await (await openStore(dir)).close();
  writeFileSync(join(dir, "store.mdb"), new Uint8Array(100));
  await assert.rejects(openStore(dir), problemOf("damaged", /--force/));
  await restoreBackup(file, dir, { force: true });
  assert.equal(await batchesIn(dir), 5);
  const fresh = join(newDirectory(), "not", "there");
  await restoreBackup(file, fresh, { force: false });
  assert.equal(await batchesIn(fresh), 5);
});

test("a backup that is cut off anywhere or has any byte altered is refused, and nothing is replaced", async () => {
  const bytes = readFileSync(await backupOf(3));
  const file = join(newDirectory(), "bad.backup");
  const dir = join(newDirectory(), "data");
  const refused = async (damaged: Uint8Array): Promise<void> => {
    writeFileSync(file, damaged);
    await assert.rejects(
      restoreBackup(file, dir, { force: true }),
      problemOf("backup_damaged", /cannot be used: .*Use another/),
    );
  };
  for (let length = 0; length < bytes.length; length += 1 + Math.floor(length / 40))
    await refused(bytes.subarray(0, length));
  for (let at = 0; at < bytes.length; at += 1 + Math.floor(at / 40)) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 1 << (at % 8);
    await refused(altered);
  }
  await refused(Buffer.concat([bytes, bytes.subarray(0, 1)]));
  assert.ok(!existsSync(dir));
  await assert.rejects(
    restoreBackup(join(dir, "none"), dir, { force: true }),
    problemOf("backup_damaged", /cannot be used: E/),
  );
  mkdirSync(join(file, "..", "folder"));
  await assert.rejects(
    restoreBackup(join(file, "..", "folder"), dir, { force: true }),
    problemOf("backup_damaged", /cannot be used: E/),
  );
});

/** With a checksum that is right: made by another program. */
const sealed = (text: string, records: Uint8Array = new Uint8Array()): Buffer => {
  const body = Buffer.concat([Buffer.from(text, "latin1"), records]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
};

test("a backup of a newer format is refused, and so is one whose contents are not what its header says", async () => {
  const file = join(newDirectory(), "b.backup");
  const dir = join(newDirectory(), "data");
  const header = { format: 2, wrote: "spanwire 9", taken_ms: 1, node_id: null, records: 0 };
  const cases: readonly (readonly [Buffer, StoreProblem, RegExp])[] = [
    [
      sealed(`SPANWIRE-BACKUP 1\n${JSON.stringify(header)}\n`),
      "newer_format",
      /format 2, written by spanwire 9/,
    ],
    [sealed(`SPANWIRE-BACKUP 2\n${JSON.stringify(header)}\n`), "backup_damaged", /does not begin/],
    [sealed("SPANWIRE-BACKUP 1\nno header\n"), "backup_damaged", /header/],
    [sealed("SPANWIRE-BACKUP 1\n{}"), "backup_damaged", /header/],
    [
      sealed(`SPANWIRE-BACKUP 1\n${JSON.stringify({ ...header, records: 1 })}\n`),
      "backup_damaged",
      /0 records of 1/,
    ],
    [
      sealed(`SPANWIRE-BACKUP 1\n${JSON.stringify(header)}\n`, latin1("\x05\0\0\0\x05\0\0\0abc")),
      "backup_damaged",
      /within a record/,
    ],
    [
      sealed(`SPANWIRE-BACKUP 1\n${JSON.stringify(header)}\n`, latin1("\x05\0")),
      "backup_damaged",
      /within a record/,
    ],
  ];
  for (const [bytes, problem, text] of cases) {
    writeFileSync(file, bytes);
    await assert.rejects(restoreBackup(file, dir, { force: true }), problemOf(problem, text));
  }
  assert.ok(!existsSync(dir));
});
