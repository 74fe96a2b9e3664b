// Backups of a running and of a stopped router, and back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openStore } from "../../src/cli/state.ts";
import { ConfigFiles } from "../support/config-files.ts";
import { startRouter } from "../support/router.ts";

const command = fileURLToPath(new URL("../../src/cli/spanwire.js", import.meta.url));
const timeout = 120_000;
const files = new ConfigFiles();

function run(...args: readonly string[]) {
  const options = { cwd: files.directory, encoding: "utf8", timeout } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], options);
  return { status, stdout, stderr };
}

const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

test("a running router makes a backup; a stopped one's directory too; either can be restored", {
  timeout,
}, async () => {
  const data = files.path("data");
  const seed = await openStore(data);
  await seed.commit([{ key: "greeting", value: Buffer.from("hello") }]);
  await seed.close();
  const router = await startRouter({ args: ["--data", data], keeps: true });
  try {
    assert.deepEqual(run("backup", "running.backup", "--data", "data"), {
      status: 0,
      stdout: "running.backup is a backup of data\n",
      stderr: "",
    });
    const again = run("backup", "running.backup", "--data", "data");
    assert.equal(again.status, 69);
    assert.match(again.stderr, /exists already: a backup is not written over it/);
    const restoring = run("restore", "running.backup", "--data", "data", "--force");
    assert.equal(restoring.status, 69);
    assert.match(restoring.stderr, /is used by process \d+/);
    assert.match(
      run("start", "--data", "data", "--port", "0", "--rawsocket-port", "0").stderr,
      /is used by process \d+/,
    );
  } finally {
    assert.equal(await router.stop(), 0);
  }
  assert.ok(!existsSync(files.path("data/control.sock")));
  files.write("spanwire.yaml", "store: { path: data }\n");
  assert.equal(run("backup", "stopped.backup").stdout, "stopped.backup is a backup of data\n");
  assert.equal(statSync(files.path("stopped.backup")).mode & 0o777, 0o600);

  for (const backup of ["running.backup", "stopped.backup"]) {
    assert.equal(run("restore", backup, "--data", `from-${backup}`).status, 0);
    const restored = await openStore(files.path(`from-${backup}`));
    assert.equal(text(restored.get("greeting")), "hello");
    await restored.close();
  }
});

test("restore does not touch a directory that has a store, unless it is forced; then the old one is kept", {
  timeout,
}, async () => {
  const data = files.path("full");
  const store = await openStore(data);
  await store.commit([{ key: "which", value: Buffer.from("first") }]);
  await store.backup(files.path("first.backup"));
  await store.commit([{ key: "which", value: Buffer.from("second") }]);
  await store.close();
  const refused = run("restore", "first.backup", "--data", "full");
  assert.equal(refused.status, 64);
  assert.match(refused.stderr, /not empty/);
  const forced = run("restore", "first.backup", "--data", "full", "--force");
  assert.equal(forced.status, 0);
  assert.match(forced.stdout, /is as it was at .*\nWhat was there before is .*store-replaced-1\.mdb\n/);
  const restored = await openStore(data);
  assert.equal(text(restored.get("which")), "first");
  await restored.close();
});

test("a backup that is altered, or is none, is not restored", { timeout }, async () => {
  const bytes = readFileSync(files.path("first.backup"));
  bytes[bytes.length - 40]! ^= 1;
  files.write("altered.backup", bytes.toString("latin1"));
  const { status, stderr } = run("restore", "altered.backup", "--data", "never");
  assert.equal(status, 69);
  assert.notEqual(stderr, "");
  assert.equal(run("restore", "none.backup", "--data", "never").status, 69);
  assert.ok(!existsSync(files.path("never")));
});

test("a command that is about no directory says so", { timeout }, () => {
  assert.deepEqual(run("backup", "x.backup", "--data", "nowhere"), {
    status: 66,
    stdout: "",
    stderr: "spanwire: there is no data directory nowhere\n",
  });
  files.write("memory.yaml", "store: ephemeral\n");
  assert.match(run("backup", "x.backup", "--config", "memory.yaml").stderr, /keeps the state in memory/);
  files.write("wrong.yaml", "store: 5\n");
  assert.match(run("backup", "x.backup", "--config", "wrong.yaml").stderr, /wrong\.yaml has problems/);
});
