import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { Bus } from "../../src/main/bus.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { until } from "../support/wire.ts";

type Calls = {
  readonly double: { readonly request: number; readonly answer: number };
  readonly fail: { readonly request: string; readonly answer: void };
  readonly refuse: { readonly request: null; readonly answer: void };
  readonly never: { readonly request: null; readonly answer: void };
  readonly sum: { readonly request: Uint8Array; readonly answer: number };
};
type None = Record<string, never>;

const timeout_ms = 60_000;

/** A bus, and what its other side was told and could not do. */
function rig(): { readonly bus: Bus<Calls, None>; readonly faults: string[]; end(): void } {
  const { port1, port2 } = new MessageChannel();
  const faults: string[] = [];
  new Bus<None, Calls>(
    port2,
    {
      double: async (number) => 2 * number,
      fail(message) {
        throw new TypeError(message);
      },
      refuse() {
        throw new WampError("wamp.error.unavailable", "not now");
      },
      never: () => new Promise(() => {}),
      sum: (bytes) => bytes.reduce((sum, byte) => sum + byte, 0),
    },
    (name, cause) => faults.push(`${name}: ${String(cause)}`),
  );
  const bus = new Bus<Calls, None>(port1, {}, () => {});
  return {
    bus,
    faults,
    end() {
      port1.close();
      port2.close();
    },
  };
}

test("calls over the bus are answered, each its own", async () => {
  const { bus, end } = rig();
  const answers = await Promise.all([1, 2, 3].map((number) => bus.call("double", number, { timeout_ms })));
  assert.deepEqual(answers, [2, 4, 6]);
  end();
});

test("what a handler throws rejects the call, with its message, its stack and its WAMP URI", async () => {
  const { bus, end } = rig();
  const failed = await bus.call("fail", "broken here", { timeout_ms }).catch((cause: unknown) => cause);
  assert.ok(failed instanceof Error && failed.message === "broken here");
  assert.match(failed.stack ?? "", /bus\.test/);
  await assert.rejects(
    bus.call("refuse", null, { timeout_ms }),
    (cause) => cause instanceof WampError && cause.uri === "wamp.error.unavailable",
  );
  end();
});

test("a call that is not answered in time rejects, and so do all when the other side has gone", async () => {
  const { bus, end } = rig();
  await assert.rejects(bus.call("never", null, { timeout_ms: 20 }), /has not answered never in 20 ms/);
  const waiting = bus.call("never", null, { timeout_ms });
  bus.close(new Error("it has gone"));
  await assert.rejects(waiting, /it has gone/);
  await assert.rejects(bus.call("double", 1, { timeout_ms }), /it has gone/);
  bus.tell("double", 1);
  end();
});

test("what is told and fails is reported where it failed", async () => {
  const { bus, faults, end } = rig();
  bus.tell("fail", "nobody waits");
  await until("the fault is reported", () => faults.length > 0);
  assert.deepEqual(faults, ["fail: TypeError: nobody waits"]);
  end();
});

test("what cannot be copied rejects the call, and what is handed over is not copied", async () => {
  const { bus, end } = rig();
  const uncopiable = (() => {}) as unknown as number;
  await assert.rejects(bus.call("double", uncopiable, { timeout_ms }), /clone/i);
  const bytes = Uint8Array.of(1, 2, 3);
  assert.equal(await bus.call("sum", bytes, { timeout_ms, transfer: [bytes.buffer] }), 6);
  assert.equal(bytes.length, 0);
  end();
});
