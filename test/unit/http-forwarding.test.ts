/** HTTP requests that come to another router than the one that has their transport. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimits, type Limits } from "../../src/base/limits.ts";
import { HttpForwarding } from "../../src/router/peers/http-forwarding.ts";
import { Peers } from "../../src/router/peers/peers.ts";
import { MemoryLinks } from "../support/memory-links.ts";
import { FakeExchange, type FakeRequest } from "../support/fake-exchange.ts";
import { HttpWorld, Opened } from "../support/http-world.ts";

interface Router {
  readonly world: HttpWorld;
  readonly forwarding: HttpForwarding;
}

/** Routers whose HTTP transports know of each other. */
class Routers {
  readonly links: MemoryLinks;
  readonly #limits: Partial<Limits>;
  readonly all: Router[] = [];

  constructor(count: number, limits: Partial<Limits> = {}) {
    this.links = new MemoryLinks({ count });
    this.#limits = limits;
    for (let place = 0; place < count; place++) this.#start(place);
    this.links.settle();
  }

  #start(place: number): void {
    const forwarding = new HttpForwarding(new Peers(this.links.end(place)));
    const world = new HttpWorld(this.#limits, { place, forward: forwarding.forward });
    forwarding.serve(world.transports.owner, world.transports);
    this.all[place] = { world, forwarding };
  }

  restart(place: number): void {
    this.links.takeDown(place);
    this.links.settle();
    this.links.bringUp(place);
    this.#start(place);
    this.links.settle();
  }

  world(place: number): HttpWorld {
    return this.all[place]!.world;
  }

  /** A request to one router, as far as it gets. */
  ask(place: number, request: FakeRequest): FakeExchange {
    const exchange = this.world(place).ask(request);
    this.links.settle();
    return exchange;
  }

  /** A transport of one router, whose client speaks to another. */
  async elsewhere(kind: "lp" | "sse" = "lp"): Promise<Opened> {
    const { path, session } = await this.world(0).open(kind);
    return new Opened(this.world(1), path, session);
  }

  get count(): number {
    return this.all.reduce((sum, { forwarding }) => sum + forwarding.count, 0);
  }
}

test("[T-07] what is sent to another router reaches the session, and is answered as at its own", async () => {
  const routers = new Routers(2);
  const opened = await routers.elsewhere();
  const sent = opened.send('[1,"a",{}]');
  assert.equal(sent.status, 0, "not before the owner has answered");
  routers.links.settle();
  assert.equal(sent.status, 202);
  assert.equal(await opened.frame(), '[1,"a",{}]');
  const late = opened.send();
  late.give("[2]");
  routers.links.settle();
  assert.deepEqual([late.status, await opened.frame()], [202, "[2]"]);
  const method = routers.ask(1, { method: "GET", path: `${opened.path}/send` });
  assert.equal(method.status, 405);
  const empty = opened.send("");
  routers.links.settle();
  assert.deepEqual([empty.status, empty.json["error"]], [400, "message_error"]);
  assert.equal(routers.count, 0);
});

test("[T-07] a poll at another router gets what comes, with the headers of any answer", async () => {
  const routers = new Routers(2);
  const opened = await routers.elsewhere();
  const poll = opened.receive();
  routers.links.settle();
  assert.equal(poll.status, 0);
  opened.post("[8,1]");
  routers.links.settle();
  assert.deepEqual([poll.status, Buffer.from(poll.response!.body as Uint8Array).toString()], [200, "[8,1]"]);
  assert.equal(poll.response!.headers["cache-control"], "no-store");
  assert.equal(poll.response!.headers["content-type"], "application/json");
  const large = "x".repeat(300_000);
  opened.post(large);
  const next = opened.receive();
  routers.links.settle();
  assert.equal(next.text, large);
  const silent = opened.receive();
  routers.links.settle();
  routers.world(0).scheduler.advance(20_000);
  routers.links.settle();
  assert.deepEqual([silent.status, silent.text], [204, ""]);
});

test("[T-07] a client that leaves its poll loses no message, wherever it polls next", async () => {
  const routers = new Routers(3);
  const opened = await routers.elsewhere();
  const poll = opened.receive();
  routers.links.settle();
  poll.leave();
  routers.links.settle();
  assert.equal(routers.count, 0);
  opened.post("[8,1]");
  const again = routers.ask(2, { path: `${opened.path}/receive` });
  assert.equal(again.text, "[8,1]");
  const early = opened.send();
  early.leave();
  early.give("[1]");
  routers.links.settle();
  assert.equal(opened.session.frameCount, 0, "it left in the middle of its body");
  assert.equal(routers.count, 0);
});

test("[T-08] an event stream at another router: pieces in order, the owner waits while the client's socket is full", async () => {
  const routers = new Routers(2);
  const opened = await routers.elsewhere("sse");
  const stream = opened.receive();
  routers.links.settle();
  assert.equal(stream.head?.status, 200);
  assert.match(String(stream.head?.headers["content-type"]), /^text\/event-stream/);
  opened.post("[8,1]", "[8,2]");
  routers.links.settle();
  assert.match(stream.pieces.join(""), /\[8,1\][\s\S]*\[8,2\]/);
  stream.isFull = true;
  const message = `[${"7".repeat(60_000)}]`;
  let taken = 0;
  for (let i = 0; i < 100; i++) {
    taken += opened.post(message);
    routers.links.settle();
  }
  // What is under way, what waits in the queue behind it, and no more.
  const most = fixedLimits.carriedBytes_max + (1 << 20) + 2 * message.length;
  assert.ok(taken < 100 && taken * message.length <= most, `${taken} taken`);
  const arrived = (): number => stream.pieces.join("").split(message).length - 1;
  const before = arrived();
  assert.ok(before * message.length <= fixedLimits.carriedBytes_max + 2 * message.length, `${before} sent`);
  for (let rounds = 0; arrived() < taken && rounds < 1_000; rounds++) {
    stream.drain();
    routers.links.settle();
  }
  assert.equal(arrived(), taken);
  const closed = opened.close();
  routers.links.settle();
  assert.equal(closed.status, 202);
  assert.equal(stream.isEnded, true);
  await opened.session.closed;
  assert.equal(routers.count, 0);
});

test("[T-08] a client that leaves its stream at another router is gone for the owner too", async () => {
  const routers = new Routers(2);
  const opened = await routers.elsewhere("sse");
  const stream = opened.receive();
  routers.links.settle();
  stream.leave();
  routers.links.settle();
  assert.equal(routers.count, 0);
  opened.post("[8,1]");
  const again = opened.receive();
  routers.links.settle();
  assert.match(again.pieces.join(""), /\[8,1\]/);
});

test("[T-07] bodies are bounded where they arrive, and where they are read", async () => {
  const routers = new Routers(2, { frameBytes_max: 512 });
  const opened = await routers.elsewhere();
  for (const length of [513, 2_000]) {
    const sent = opened.send("x".repeat(length));
    routers.links.settle();
    assert.deepEqual([sent.status, sent.json["error"]], [413, "body_too_large"], `${length}`);
  }
});

test("[T-07] a transport of a router's earlier life is as unknown as one that never was", async () => {
  const routers = new Routers(2);
  const opened = await routers.elsewhere();
  const [poll, stream] = [opened.receive(), (await routers.elsewhere("sse")).receive()];
  routers.links.settle();
  routers.restart(0);
  assert.deepEqual([poll.status, poll.json["error"]], [404, "transport_not_found"], "nobody can answer it");
  assert.equal(stream.isEnded, true);
  const made = opened.path.replace(/\.[^/]*/, `.${"A".repeat(22)}`);
  for (const path of [opened.path, made])
    for (const action of ["send", "receive", "close"]) {
      const exchange = routers.ask(1, { path: `${path}/${action}`, body: "[1]" });
      assert.deepEqual([exchange.status, exchange.json["error"]], [404, "transport_not_found"]);
    }
  assert.equal(routers.count, 0);
  routers.links.takeDown(0);
  routers.links.settle();
  const down = routers.ask(1, { path: `${opened.path}/receive` });
  assert.deepEqual([down.status, down.answers], [404, 1]);
});

test("[T-07] a transport that has ended at its own router is answered 410 everywhere", async () => {
  const routers = new Routers(2);
  const opened = await routers.elsewhere();
  opened.session.connection.terminate();
  const poll = opened.receive();
  routers.links.settle();
  assert.deepEqual([poll.status, poll.json["error"]], [410, "transport_closed"]);
});

test("[T-07] requests whose router goes are forgotten by the owner", async () => {
  const routers = new Routers(3);
  const opened = await routers.elsewhere();
  opened.receive();
  routers.links.settle();
  routers.links.takeDown(1);
  routers.links.settle();
  assert.equal(routers.all[0]!.forwarding.count, 0);
  opened.post("[8,1]");
  assert.equal(routers.ask(2, { path: `${opened.path}/receive` }).text, "[8,1]");
});

test("a service that throws is told so, and its request answered 500", () => {
  const routers = new Routers(2);
  const faults: unknown[] = [];
  const handle = (): boolean => {
    throw new Error("a fault");
  };
  routers.all[0]!.forwarding.serve("0aulty__", { handle, failed: (cause) => faults.push(cause) });
  const exchange = new FakeExchange({ path: "/anything" });
  const unknown = (): void => assert.fail("it is known");
  assert.ok(routers.all[1]!.forwarding.forward("0aulty__", exchange, { bodyBytes_max: 0, unknown }));
  routers.links.settle();
  assert.equal(exchange.status, 500);
  assert.equal(faults.length, 1);
  assert.equal(routers.count, 0);
});
