/**
 * A flood from several clients against a router with a tiny capacity: what it sheds, in which order, what it never sheds, what it goes on
 * answering, and that it recovers by itself. Over real sockets.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../src/base/log.ts";
import { createRouter, type Router, type RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { tcpLeg, webSocketLegs } from "../support/router-legs.ts";
import { type Leg, nothingLeft } from "../support/router-suite.ts";
import { until, Wire } from "../support/wire.ts";
import { request } from "../support/ws-raw.ts";

/** Little is handled in a turn, and little may wait. The delay of the loop does not count: this machine may be busy. */
const limits = { framesPerTurn_max: 16, overloadBacklogBytes: 100_000, overloadDelay_ms: 1_000_000 };
const patience_ms = 60_000;

interface Line {
  readonly message: string;
  readonly shed: { readonly connections: number; readonly publications: number };
}

/** One that sends much more than is handled, most of it unacknowledged. */
class Flooder {
  readonly wire: Wire;
  sent = 0;
  readonly #acknowledged: number[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  constructor(wire: Wire) {
    this.wire = wire;
  }
  start(): void {
    const text = "f".repeat(600);
    this.#timer = setInterval(() => {
      for (let i = 0; i < 300; i++) {
        const id = this.wire.request();
        const acknowledge = i === 0;
        if (acknowledge) this.#acknowledged.push(id);
        else this.sent++;
        this.wire.send([
          Message.publish,
          id,
          { acknowledge },
          acknowledge ? "com.kept" : "com.noise",
          [text],
        ]);
      }
    }, 2);
  }
  /** Stops, and reads what was acknowledged: every single one of them. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    for (const id of this.#acknowledged) {
      const answer = await this.wire.next(patience_ms);
      assert.deepEqual(answer.slice(0, 2), [Message.published, id]);
    }
    return this.#acknowledged.length;
  }
}

async function withRouter(
  leg: Leg,
  body: (router: Router, join: () => Promise<Wire>, lines: Line[]) => Promise<void>,
): Promise<void> {
  const lines: Line[] = [];
  const note: Log["warn"] = (part, message, fields) => {
    if (part === "load") lines.push({ message, shed: fields!["shed"] as Line["shed"] });
  };
  const log: Log = { error: note, warn: note, info: note, debug: note };
  const options: RouterOptions = { ...leg.listen, limits, log };
  const router = await createRouter(options);
  const wires: Wire[] = [];
  const join = async (): Promise<Wire> => {
    const wire = new Wire(await leg.connect(router, leg.serializer));
    wires.push(wire);
    return wire.join();
  };
  try {
    await body(router, join, lines);
    for (const wire of wires) wire.close();
    await until("all are gone", () => router.stats().connections === 0);
    await until("nothing is left", () => router.stats().subscriptions === 0);
    assert.deepEqual(router.stats(), nothingLeft);
  } finally {
    await router.close();
  }
}

const httpOf = (router: Router): string => router.listeners[0]!.url.replace(/^ws(.*)\/ws$/, "http$1");

async function statusAt(router: Router, path: string): Promise<number> {
  const response = await fetch(`${httpOf(router)}${path}`);
  await response.arrayBuffer();
  return response.status;
}

async function expectRefused(leg: Leg, router: Router): Promise<void> {
  if (!router.listeners[0]!.url.startsWith("ws"))
    return void (await assert.rejects(async () =>
      new Wire(await leg.connect(router, leg.serializer)).join(),
    ));
  const { hostname, port } = new URL(router.listeners[0]!.url);
  const { reply, socket } = await request({ host: hostname, port: Number(port), offer: "wamp.2.msgpack" });
  socket.destroy();
  assert.equal(reply.status, 503);
}

for (const leg of [...webSocketLegs(Serializer.msgpack), tcpLeg(Serializer.cbor)]) {
  const skip = leg.skip === undefined ? {} : { skip: leg.skip };
  test(
    `${leg.name}: a flood is answered in order: no new connections, then fewer publications of the heaviest; and it ends`,
    skip,
    () =>
      withRouter(leg, async (router, join, lines) => {
        const [light, reader, caller, callee] = [await join(), await join(), await join(), await join()];
        const flooders = [new Flooder(await join()), new Flooder(await join()), new Flooder(await join())];
        await reader.subscribe("com.light");
        await reader.subscribe("com.kept");
        await callee.register("com.proc");
        for (const flooder of flooders) flooder.start();
        await until("publications are shed", () => router.metrics.publicationsShed > 0, patience_ms);
        assert.deepEqual(
          lines.map(({ shed }) => shed.publications),
          [0, 0],
          "connections are refused first, and no publication was shed by then",
        );
        const sentBefore = flooders.reduce((sum, { sent }) => sum + sent, 0);
        const shedBefore = router.metrics.publicationsShed;

        // What an overloaded router goes on doing.
        await expectRefused(leg, router);
        assert.ok(router.metrics.connectionsShed > 0);
        assert.notEqual(router.load().level, "normal");
        if (router.listeners[0]!.url.startsWith("ws")) {
          assert.equal(await statusAt(router, "/ping"), 204);
          assert.equal(await statusAt(router, "/ready"), 503);
          assert.equal(await statusAt(router, "/health"), 503);
        }
        const inside = await router.session("realm1");
        assert.ok((await inside.call("wamp.session.count")).args.length === 1);
        await inside.leave();
        let calls = 0;
        let lights = 0;
        for (; calls < 20; calls++) {
          const call = caller.call("com.proc", {}, [calls]);
          const { request: invocation } = await callee.invocation();
          callee.yield(invocation, {}, [calls]);
          await caller.expect([Message.result, call, {}, [calls]]);
          light.send([Message.publish, light.request(), {}, "com.light", [lights++]]);
          await sleep(50);
        }
        const sent = flooders.reduce((sum, flooder) => sum + flooder.sent, 0) - sentBefore;
        const shed = router.metrics.publicationsShed - shedBefore;
        let kept = 0;
        for (const flooder of flooders) kept += await flooder.stop();

        // It recovers by itself.
        await until("it has recovered", () => router.load().level === "normal", patience_ms);
        assert.match(lines.at(-1)!.message, /not overloaded/);
        if (router.listeners[0]!.url.startsWith("ws")) assert.equal(await statusAt(router, "/ready"), 204);
        await (await join()).expectQuiet();
        const before = router.metrics.publicationsShed;
        light.send([Message.publish, light.request(), {}, "com.light", ["last"]]);
        let acknowledged = 0;
        let seen = 0;
        for (;;) {
          const event = await reader.next();
          const [value] = event[4] as unknown[];
          if (value === "last") break;
          if (typeof value === "number") seen++;
          else acknowledged++;
        }
        assert.equal(router.metrics.publicationsShed, before);
        assert.equal(acknowledged, kept, "nothing that was acknowledged is lost");
        assert.ok(
          seen / lights > 1 - shed / sent,
          `${seen} of ${lights} light ones, ${shed} of ${sent} others shed`,
        );
      }),
  );
}

test("health: GET and HEAD at three paths, nothing else; off where it is not wanted", async () => {
  for (const leg of webSocketLegs(Serializer.json)) {
    if (leg.skip !== undefined) continue;
    const { websocket } = leg.listen as { websocket: { port: number } };
    const router = await createRouter(leg.listen);
    const bare = await createRouter({
      ...leg.listen,
      websocket: { ...websocket, http: { health: false, longpoll: false, sse: false } },
    });
    const alone = await createRouter({
      ...leg.listen,
      websocket: { ...websocket, http: { longpoll: false, sse: false } },
    });
    try {
      for (const [path, status] of [
        ["/ping", 204],
        ["/ready", 204],
        ["/health", 200],
      ] as const) {
        assert.equal(await statusAt(router, path), status);
        assert.equal(await statusAt(alone, path), status);
        assert.equal(await statusAt(bare, path), 404);
        const head = await fetch(`${httpOf(router)}${path}`, { method: "HEAD" });
        assert.deepEqual([head.status, await head.text()], [status, ""]);
        const post = await fetch(`${httpOf(router)}${path}`, { method: "POST", body: "x" });
        await post.arrayBuffer();
        assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
      }
      const health = await fetch(`${httpOf(router)}/health`);
      assert.deepEqual(await health.json(), { status: "ok" });
      assert.equal(await statusAt(alone, "/wamp/longpoll/open"), 404);
    } finally {
      for (const each of [router, bare, alone]) await each.close();
    }
  }
});
