/** What a thread has computed is its own: others of the process do not count. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { threadCpu_ms } from "../../src/host.ts";
import { until } from "../support/wire.ts";

test("the clock of a thread counts what it computes, and not what others do", async () => {
  const before_ms = threadCpu_ms();
  while (threadCpu_ms() - before_ms < 20) Math.sqrt(before_ms);
  const busy = `const { workerData, parentPort } = require("node:worker_threads");
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 400_000) Math.sqrt(2);
    parentPort.postMessage("done");`;
  const rested_ms = threadCpu_ms();
  let isDone = false;
  const worker = new Worker(busy, { eval: true });
  worker.once("message", () => {
    isDone = true;
  });
  await until("the other thread has computed for 400 ms", () => isDone);
  await worker.terminate();
  assert.ok(threadCpu_ms() - rested_ms < 300, "the other thread's work is not this one's");
});
