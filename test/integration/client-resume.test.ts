/** The client's own sessions over sockets that are cut: subscriptions, registrations and requests go on as if nothing had been. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, reconnect } from "../../src/client/connect.ts";
import type { ClientSession } from "../../src/client/session.ts";
import { createRouter, type RouterOptions } from "../../src/main.ts";
import { CutProxy } from "../support/cut-proxy.ts";
import { range } from "../support/resuming.ts";
import { until } from "../support/wire.ts";

const rounds = 12;
const perRound = 25;

interface Cuttable {
  readonly session: ClientSession;
  /** Cuts the connection, now. */
  cut(): void;
}

/** A session that comes back whenever its connection is lost. */
async function roaming(url: string): Promise<Cuttable> {
  let proxy = await CutProxy.open(url);
  const session = await connect({ url: proxy.url, realm: "realm1", resumable: true });
  session.onAway = () => {
    void CutProxy.open(url).then((next) => {
      proxy = next;
      return reconnect(session, { url: next.url });
    });
  };
  return { session, cut: () => proxy.cut() };
}

const listeners: readonly (readonly [name: string, options: RouterOptions])[] = [
  ["websocket", { websocket: { port: 0 } }],
  ["rawsocket", { rawsocket: { port: 0 } }],
];

for (const [name, options] of listeners) {
  test(`${name}: [S-07] the client's session goes on over one connection after the other`, async () => {
    const router = await createRouter(options);
    try {
      const url = router.listeners[0]!.url;
      const here = await roaming(url);
      const there = await connect({ url, realm: "realm1" });
      const heard: unknown[] = [];
      const answered: unknown[] = [];
      await here.session.subscribe("com.there", ({ args }) => void heard.push(args[0]));
      await there.subscribe("com.here", ({ args }) => void answered.push(args[0]));
      await here.session.register("com.double", ({ args }) => 2 * Number(args[0]));
      await there.register("com.half", ({ args }) => Number(args[0]) / 2);
      const calls: Promise<unknown>[] = [];
      for (let i = 1; i <= rounds * perRound; i++) {
        void there.publish("com.there", [i]);
        void here.session.publish("com.here", [i]);
        calls.push(there.call("com.double", [i]).then(({ args }) => assert.deepEqual(args, [2 * i])));
        calls.push(here.session.call("com.half", [i]).then(({ args }) => assert.deepEqual(args, [i / 2])));
        if (i % perRound !== 0) continue;
        await new Promise((resolve) => setTimeout(resolve, i % 4));
        here.cut();
        await until("it has come back", () => router.metrics.sessionsResumed >= i / perRound);
      }
      await Promise.all(calls);
      await until(
        "all is heard",
        () => heard.length >= rounds * perRound && answered.length >= rounds * perRound,
      );
      assert.deepEqual(heard, range(1, rounds * perRound));
      assert.deepEqual(answered, range(1, rounds * perRound));
      await Promise.all([here.session.leave(), there.leave()]);
      await until("all have left", () => router.stats().sessions === 0);
      assert.equal(router.stats().replayBytes, 0);
    } finally {
      await router.close();
    }
  });
}
