// The long-poll transport of autobahn-js, which is for browsers without WebSocket, against each adapter of this runtime.
import assert from "node:assert/strict";
import test from "node:test";
import { createRouter, type Router } from "../../src/main.ts";
import { Events } from "../support/events.ts";
import { type ForeignClient, ForeignError, type Payload, payload } from "../support/foreign.ts";
import { autobahnKind, loadAutobahn } from "../support/foreign-autobahn.ts";
import { spanwireKind } from "../support/foreign-spanwire.ts";
import { httpUrl } from "../support/http-client.ts";
import { adapters } from "../support/router-legs.ts";
import { until } from "../support/wire.ts";

interface All {
  readonly router: Router;
  readonly autobahn: ForeignClient;
  readonly spanwire: ForeignClient;
}

function longpollTest(name: string, body: (all: All) => Promise<void>): void {
  for (const { name: adapter, skip } of adapters) {
    test(`[T-07] ${adapter}: ${name}`, skip === undefined ? {} : { skip }, async () => {
      const router = await createRouter({ websocket: { port: 0 }, transport: adapter });
      const { url } = router.listeners[0]!;
      const connect = { realm: "realm1", serializer: "json" } as const;
      const autobahn = await autobahnKind.connect({ ...connect, url: httpUrl(url, "longpoll") });
      const spanwire = await spanwireKind.connect({ ...connect, url, serializer: "cbor" });
      try {
        await body({ router, autobahn, spanwire });
      } finally {
        await spanwire.close();
        await router.close();
      }
    });
  }
}

const add = ({ args }: Payload): Payload => payload([(args[0] as number) + (args[1] as number)]);

longpollTest("autobahn-js over long-poll calls, and is called", async ({ autobahn, spanwire }) => {
  const clients = [autobahn, spanwire];
  for (const [caller, callee] of [clients, clients.toReversed()] as [ForeignClient, ForeignClient][]) {
    const unregister = await callee.register("com.example.add", add);
    const calls = Array.from(
      { length: 50 },
      (_, i) => caller.call("com.example.add", payload([i, 1])).result,
    );
    assert.deepEqual(
      (await Promise.all(calls)).map(({ args }) => args[0]),
      calls.map((_, i) => i + 1),
    );
    await unregister();
    await assert.rejects(caller.call("com.example.add").result, (error) => {
      assert.ok(error instanceof ForeignError);
      return error.uri === "wamp.error.no_such_procedure";
    });
  }
});

longpollTest(
  "autobahn-js over long-poll publishes and receives, in order",
  async ({ autobahn, spanwire }) => {
    for (const [publisher, subscriber] of [
      [autobahn, spanwire],
      [spanwire, autobahn],
    ] as const) {
      const events = new Events<unknown>("event");
      const unsubscribe = await subscriber.subscribe("com.example.topic", ({ args }) => events.push(args[0]));
      for (let i = 0; i < 30; i++) await publisher.publish("com.example.topic", payload([i]));
      for (let i = 0; i < 30; i++) assert.equal(await events.next(), i);
      await unsubscribe();
    }
  },
);

longpollTest("autobahn-js over long-poll leaves, and nothing is left of it", async ({ router, autobahn }) => {
  await autobahn.subscribe("com.example.topic", () => {});
  await autobahn.close();
  await until("its transport is gone", () => router.stats().connections === 1);
  assert.equal(router.stats().subscriptions, 0);
});

test("[T-07] autobahn-js over long-poll is told once when the router goes, and does not come back", async () => {
  for (const { name: transport, skip } of adapters) {
    if (skip !== undefined) continue;
    const router = await createRouter({ websocket: { port: 0 }, transport });
    const url = httpUrl(router.listeners[0]!.url, "longpoll");
    const client = await autobahnKind.connect({ url, realm: "realm1", serializer: "json" });
    assert.ok(client.sessionId > 0);
    const autobahn = await loadAutobahn();
    const ends: string[] = [];
    const connection = new autobahn.Connection({ transports: [{ type: "longpoll", url }], realm: "realm1" });
    await new Promise<void>((resolve) => {
      connection.onopen = () => resolve();
      connection.open();
    });
    const closed = new Promise<void>((resolve) => {
      connection.onclose = (_, { reason }) => {
        ends.push(String(reason));
        resolve();
        return false;
      };
    });
    await router.close();
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(ends, ["wamp.close.system_shutdown"], transport);
  }
});
