/**
 * Replays of retained events to subscribers that read slowly, or acknowledge slowly: nothing is lost by it, nobody else waits.
 * Over connections in memory, whose socket is full exactly when the test says so.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limits } from "../../src/base/limits.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection } from "../support/memory-connection.ts";
import { attach } from "../support/router-legs.ts";
import { nothingLeft } from "../support/router-suite.ts";
import { until, Wire } from "../support/wire.ts";

interface Scene {
  readonly router: Router;
  readonly publisher: Wire;
  readonly wire: Wire;
  /** The wire's. */
  readonly connection: MemoryConnection;
}

const count = 500;

/** A router with `count` retained events of a kilobyte, and a session that has not subscribed yet. */
function withRetained(rule: string, limits: Partial<Limits>, body: (scene: Scene) => Promise<void>): void {
  test(rule, async () => {
    const router = await createRouter({ limits });
    const alive = setInterval(() => {}, 1_000);
    try {
      const publisher = new Wire(attach(router, new MemoryConnection({ serializer: Serializer.msgpack })));
      const connection = new MemoryConnection({ serializer: Serializer.msgpack });
      const wire = new Wire(attach(router, connection));
      await publisher.join();
      await wire.join();
      for (let i = 0; i < count; i++)
        await publisher.publish(`com.n${i}`, { retain: true }, [i, "x".repeat(1_000)]);
      await body({ router, publisher, wire, connection });
      for (const one of [publisher, wire]) one.close();
      await until("all are gone", () => router.stats().connections === 0);
      await until("the replays are over", () => router.stats().replays === 0);
      assert.deepEqual(router.stats(), nothingLeft);
    } finally {
      await router.close();
      clearInterval(alive);
    }
  });
}

const pause = (time_ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time_ms));

withRetained(
  "retained events wait for a subscriber that reads slowly, and none is lost",
  { frameBytes_max: 4_096, outboxBytes_max: 20_000, inboxBytes_max: 1 << 20 },
  async ({ router, publisher, wire, connection }) => {
    connection.room = 30_000;
    const request = wire.request();
    wire.send([Message.subscribe, request, { match: "prefix", get_retained: true }, "com"]);
    assert.deepEqual((await wire.next()).slice(0, 2), [Message.subscribed, request]);
    await until("its socket is full", () => router.stats().heldBytes > 0);
    await pause(80);
    assert.equal(router.stats().replays, 1, "it waits");
    assert.ok(router.stats().heldBytes <= 20_000);
    // Others are served meanwhile.
    await publisher.publish("org.a");
    connection.resume();
    const seen = new Set<unknown>();
    for (let i = 0; i < count; i++) seen.add((await wire.event()).details["topic"]);
    assert.equal(seen.size, count);
    await wire.expectQuiet();
    assert.equal(router.metrics.eventsDroppedSlow, 0);
  },
);

withRetained(
  "retained events wait until those before them are acknowledged",
  { unacknowledged_max: 10, redelivery_ms: 60_000 },
  async ({ router, wire }) => {
    const options = { match: "prefix", get_retained: true, x_acknowledged_delivery: true };
    await wire.subscribe("com", options);
    const seen = new Set<unknown>();
    let unanswered: number[] = [];
    for (let i = 0; i < count; i++) {
      const { details, publication } = await wire.event();
      seen.add(details["topic"]);
      unanswered.push(publication);
      if (unanswered.length < 10) continue;
      await wire.expectQuiet();
      assert.equal(router.stats().unacknowledged, 10);
      assert.equal(router.stats().replays, 1, "it waits");
      wire.send(...unanswered.map((id) => [Message.eventReceived, id]));
      unanswered = [];
    }
    assert.equal(seen.size, count);
    assert.equal(router.metrics.eventsDroppedUnacknowledged, 0);
  },
);

withRetained(
  "a session whose connection is lost while its replay waits leaves nothing behind",
  {},
  async (scene) => {
    const { router, wire, connection } = scene;
    connection.room = 30_000;
    wire.send([Message.subscribe, wire.request(), { match: "prefix", get_retained: true }, "com"]);
    await wire.next();
    await until("its socket is full", () => router.stats().heldBytes > 0);
    wire.close();
    await until("its replay is over", () => router.stats().replays === 0);
  },
);
