import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Migration, openLmdbStore } from "../../src/store/lmdb.ts";
import { StoreError, type StoreProblem } from "../../src/store/store-error.ts";
import { newDirectory } from "../support/data-dirs.ts";
import { storeSuite } from "../support/store-suite.ts";
import { contentsOf, latin1, openStore, storeOptions } from "../support/stores.ts";

storeSuite("lmdb", () => openStore(newDirectory()));

const problemOf = (problem: StoreProblem, text: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.problem === problem && text.test(error.message);

test("what was committed is there when the directory is opened again", async () => {
  const dir = join(newDirectory(), "made", "below");
  const model = new Map<string, string>();
  for (let round = 0; round < 3; round++) {
    const store = await openStore(dir);
    assert.deepEqual(contentsOf(store), model);
    const changes = Array.from({ length: 200 }, (_, index) => {
      const key = `k/${(index * 7 + round) % 150}`;
      const value = index % 5 === 0 ? null : "v".repeat(index * (index % 3) * 20);
      if (value === null) model.delete(key);
      else model.set(key, value);
      return { key, value: value === null ? null : latin1(value) };
    });
    await store.commit(changes);
    await store.close();
  }
});

test("the directory is closed to others, and so is every file in it", async () => {
  const dir = newDirectory();
  chmodSync(dir, 0o755);
  const store = await openStore(dir);
  await store.commit([{ key: "k", value: latin1("v") }]);
  await store.backup(join(dir, "b.backup"));
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  for (const name of readdirSync(dir)) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name);
  assert.deepEqual(readdirSync(dir).sort(), [
    "b.backup",
    "lock",
    "store.json",
    "store.mdb",
    "store.mdb-lock",
  ]);
  await store.close();
});

test("a directory with other things in it keeps its permissions, and a file is no directory", async () => {
  const dir = newDirectory();
  const letter = join(dir, "letter.txt");
  writeFileSync(letter, "");
  chmodSync(dir, 0o755);
  await (await openStore(dir)).close();
  assert.equal(statSync(dir).mode & 0o777, 0o755);
  assert.equal(statSync(join(dir, "store.mdb")).mode & 0o777, 0o600);
  await assert.rejects(openStore(letter), problemOf("system", /cannot be made/));
});

test("a directory that is in use is not opened a second time", async () => {
  const dir = newDirectory();
  const store = await openStore(dir);
  await assert.rejects(openStore(dir), problemOf("locked", /already open in this process/));
  await store.close();
  const again = await openStore(dir);
  await again.close();
  assert.ok(!readdirSync(dir).includes("lock"));
});

test("the lock names the process that has the directory, and is stale when its number is another's now", async () => {
  const dir = newDirectory();
  await (await openStore(dir)).close();
  const other = spawn("sleep", ["60"]);
  try {
    const store = await openStore(dir);
    const own = JSON.parse(readFileSync(join(dir, "lock"), "utf8"));
    await store.close();
    const stat = readFileSync(`/proc/${other.pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const write = (holder: object): void =>
      writeFileSync(join(dir, "lock"), JSON.stringify({ ...own, ...holder }));

    write({ pid: other.pid, started });
    await assert.rejects(
      openStore(dir),
      problemOf("locked", new RegExp(`used by process ${other.pid} since .*Stop that`)),
    );
    // The same number, another start; another boot; no process of that number; nothing that was ever a lock.
    const stale = [
      { pid: other.pid, started: "1" },
      { pid: other.pid, started, namespace: "another boot" },
      { pid: 2 ** 22 + 1, started },
      { pid: "x" },
    ];
    for (const holder of stale) {
      write(holder);
      await (await openStore(dir)).close();
    }
    writeFileSync(join(dir, "lock"), "");
    await (await openStore(dir)).close();
  } finally {
    other.kill("SIGKILL");
  }
});

interface Filled {
  readonly done: number;
  readonly failed: number;
  readonly problems: readonly string[];
}

/** Another process commits to the directory. The shell's limit, in blocks, is on the size of a file. */
async function fill(dir: string, commits: number, blocks_max = "unlimited"): Promise<Filled> {
  const program = new URL("../support/store-fill.js", import.meta.url).pathname;
  const line = `ulimit -f ${blocks_max}; exec "$0" "$@"`;
  const child = spawn("sh", ["-c", line, process.execPath, program, dir, String(commits)]);
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  child.stderr.pipe(process.stderr);
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(code, 0, said);
  return JSON.parse(said);
}

test("a store that somebody else has written to is not written to any more", async () => {
  const dir = newDirectory();
  const store = await openStore(dir);
  const lock = JSON.parse(readFileSync(join(dir, "lock"), "utf8"));
  // As between two containers: neither sees the other's processes.
  writeFileSync(join(dir, "lock"), JSON.stringify({ ...lock, namespace: "another" }));
  assert.equal((await fill(dir, 1)).done, 1);
  const change = [{ key: "k", value: latin1("ours") }];
  for (let attempt = 0; attempt < 2; attempt++)
    await assert.rejects(store.commit(change), problemOf("locked", /another machine/i));
  await store.close();
  const again = await openStore(dir);
  assert.deepEqual([...contentsOf(again).keys()], ["n/0"]);
  await again.close();
});

const steps: readonly Migration[] = [
  {
    to: 2,
    migrate: ({ entries }) =>
      [...entries("a/")].flatMap(([key, value]) => [
        { key, value: null },
        { key: `b/${key.slice(2)}`, value },
      ]),
  },
  { to: 3, migrate: ({ get }) => [{ key: "sum", value: get("b/1")! }] },
];

test("an older format is copied and brought up to date; a newer one is refused", async () => {
  const dir = newDirectory();
  const old = await openStore(dir);
  await old.commit([{ key: "a/1", value: latin1("one") }]);
  await old.close();

  const failing: Migration = {
    to: 3,
    migrate: () => {
      throw new Error("no such field");
    },
  };
  await assert.rejects(
    openLmdbStore(dir, { ...storeOptions, migrations: [steps[0]!, failing] }),
    problemOf("migration", /from format 1 to 3: no such field. Nothing was changed/),
  );
  const unchanged = await openStore(dir);
  assert.deepEqual(contentsOf(unchanged), new Map([["a/1", "one"]]));
  await unchanged.close();

  const store = await openLmdbStore(dir, { ...storeOptions, wrote: "spanwire 3", migrations: steps });
  assert.deepEqual(
    contentsOf(store),
    new Map([
      ["b/1", "one"],
      ["sum", "one"],
    ]),
  );
  await store.close();
  assert.ok(readdirSync(dir).includes("before-format-3.backup"));
  await (await openLmdbStore(dir, { ...storeOptions, migrations: steps })).close();
  await assert.rejects(
    openStore(dir),
    problemOf("newer_format", /format 3, written by spanwire 3; .* up to 1/),
  );
});

test("a disk that is full fails the commit, changes nothing, and does not end the process", async () => {
  const dir = newDirectory();
  const store = await openStore(dir);
  await store.commit([{ key: "k", value: latin1("first") }]);
  await store.close();
  // As near to a full disk as a test can be everywhere.
  const { done, failed, problems } = await fill(dir, 1_000, "800");
  assert.ok(done > 0 && failed === 10, `${done} done, ${failed} failed`);
  assert.deepEqual(problems, ["system"]);
  const again = await openStore(dir);
  assert.equal(contentsOf(again).size, 1 + done);
  await again.close();
});
