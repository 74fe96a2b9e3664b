import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { newLink } from "../../src/workers/link.ts";
import { type TalkOptions, type TalkResult, talk } from "../support/ring-talker.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

/** Two threads talk; each has heard what the other has said. */
async function talkInTwo(
  ringBytes: number,
  options: Omit<TalkOptions, "end" | "self" | "seed">,
): Promise<void> {
  const [here, there] = newLink(ringBytes, new MessageChannel());
  const { messages } = options;
  const shared = { seed, ...options };
  const workerData: TalkOptions = { ...shared, self: 1, end: there };
  const worker = new Worker(new URL("../support/ring-talker.js", import.meta.url), {
    workerData,
    transferList: [there.port],
  });
  const other = new Promise<TalkResult>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const [mine, others] = await Promise.all([talk({ ...shared, self: 0, end: here }), other]);
  assert.equal(mine.sent.messages, messages);
  assert.deepEqual(others.heard, mine.sent);
  assert.deepEqual(mine.heard, others.sent);
  here.port.close();
  await worker.terminate();
}

test("two threads hear all that the other has said, through a small ring that is full much of the time", async (t) => {
  t.diagnostic(`seed ${seed}`);
  await talkInTwo(8 << 10, { messages: 20_000, bytes_max: 100_000 });
});

test("two threads hear all that the other has said, through a ring of the usual size", async (t) => {
  t.diagnostic(`seed ${seed}`);
  await talkInTwo(1 << 20, { messages: 6_000, bytes_max: 3_000_000 });
});

test("of two threads that wait for each other none sleeps over a message", async (t) => {
  t.diagnostic(`seed ${seed}`);
  await talkInTwo(8 << 10, { messages: 20_000, bytes_max: 100, alternate: true });
});
