import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { newDirectory } from "../support/data-dirs.ts";

test("of processes that find the same stale lock, one at a time gets it", async () => {
  const dir = newDirectory();
  const program = new URL("../support/store-locker.js", import.meta.url).pathname;
  const children = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, [program, dir, "150"], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    return new Promise<string>((resolve) => child.on("close", (code) => resolve(code === 0 ? "" : said)));
  });
  assert.deepEqual(await Promise.all(children), ["", "", "", ""]);
});
