import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

test("this runtime knows what the command asks of its engine", async () => {
  const engine = new URL("../../src/cli/engine.js", import.meta.url).href;
  const program = `const { tuneEngine } = await import(${JSON.stringify(engine)}); tuneEngine(); console.log("tuned");`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "--eval",
    program,
  ]);
  assert.deepEqual({ stdout, stderr }, { stdout: "tuned\n", stderr: "" });
});
