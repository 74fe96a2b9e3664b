// What becomes of a process with a router of several workers: programs of their own, each going its way.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { adapters } from "../support/router-legs.ts";

const program = fileURLToPath(new URL("../support/workers-program.js", import.meta.url));
const timeout = 120_000;
const onBun = process.versions["bun"] !== undefined;

function run(adapter: string, way: string, flags: readonly string[] = []) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, program, adapter, way], {
    encoding: "utf8",
    timeout: timeout / 2,
  });
  return { status, signal, stdout, stderr };
}

for (const { name, ...skip } of adapters) {
  const facts = { timeout, ...skip };

  test(
    `${name}: a program with workers ends by itself when they are closed, and at once when it wants to`,
    facts,
    () => {
      assert.deepEqual(run(name, "close"), { status: 0, signal: null, stdout: "ready\n", stderr: "" });
      assert.deepEqual(run(name, "exit"), { status: 7, signal: null, stdout: "ready\n", stderr: "" });
    },
  );

  test(`${name}: an exception of the program's own ends it as it does without workers`, facts, () => {
    const { status, signal, stderr } = run(name, "throw");
    assert.deepEqual({ status, signal }, { status: 1, signal: null });
    assert.match(stderr, /nothing catches it/);
    assert.doesNotMatch(stderr, /open handles/);
  });

  test(`${name}: a worker that hangs is stopped, if need be with the process`, facts, () => {
    const { status, signal, stdout } = run(name, "spin");
    assert.equal(stdout, "ready\n");
    // A thread that is stopped inside the native server takes the process along.
    if (name === "uws") assert.ok(signal !== null || status !== 7);
    else assert.deepEqual({ status, signal }, { status: 0, signal: null });
  });

  const noLimit = "the runtime has no limit of its own: the machine's memory would have to be used up";
  test(`${name}: a worker that is out of memory ends the process, or at most itself`, {
    ...facts,
    ...(onBun ? { skip: noLimit } : {}),
  }, () => {
    const { status, signal, stdout } = run(name, "memory", ["--max-old-space-size=100"]);
    // Where nothing native is left behind, only the thread ends, and the program reaches its end.
    if (stdout === "ready\nagain\n") return assert.equal(status, 0);
    assert.equal(stdout, "ready\n");
    assert.ok(signal !== null || status! >= 128, `ended with ${status}`);
    // Whoever watches over it starts it again.
    assert.equal(run(name, "close").status, 0);
  });
}
