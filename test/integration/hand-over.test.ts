/** [S-07] Whose a connection is when its client asks for one session after another, wherever they are, or are not any more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { LocalConnection } from "../../src/session/local.ts";
import { MemoryConnection } from "../support/memory-connection.ts";
import { busyLinks, PeerWorld } from "../support/peer-world.ts";
import { attach } from "../support/router-legs.ts";
import { until, Wire } from "../support/wire.ts";

/** Opens a connection at one of the routers. */
type Open = (place: number) => Wire;

function withRouters(rule: string, body: (world: PeerWorld, open: Open) => Promise<void>): void {
  test(`[S-07] ${rule}`, { timeout: 60_000 }, async () => {
    let at = 0;
    const world = await PeerWorld.start({ count: 3, place: () => at, ...busyLinks });
    const alive = setInterval(() => {}, 1_000);
    const wires: Wire[] = [];
    try {
      await body(world, (place) => {
        at = place;
        const wire = new Wire(attach(world, new MemoryConnection({ serializer: Serializer.msgpack })));
        wires.push(wire);
        return wire;
      });
    } finally {
      for (const wire of wires) wire.close();
      await world.close();
      clearInterval(alive);
    }
  });
}

const sessionsAt = (world: PeerWorld, place: number): number => world.peers[place]!.host.stats().sessions;
const carriedBy = (world: PeerWorld, place: number): number => world.peers[place]!.core.forwarding!.count;
const resumable = { details: { resumable: true } };

const topicAt = (place: number): string => `com.at.${place}`;

/** A session that waits for its client, at this router. */
async function waiting(open: Open, world: PeerWorld, place: number): Promise<Wire> {
  const wire = await open(place).join(resumable);
  await wire.subscribe(topicAt(place));
  const before = world.peers[place]!.host.stats().detached;
  wire.close();
  await until("it is detached", () => world.peers[place]!.host.stats().detached > before);
  return wire;
}

/** What a client needs to come back. */
interface Ticket {
  readonly topic: string;
  readonly id: number;
  readonly token: unknown;
}

/** One stay at a session: WELCOME, an event of its own, and GOODBYE to come back. */
async function visit(
  wire: Wire,
  { topic, id, token }: Ticket,
  value: number,
  check: () => Promise<void>,
): Promise<Ticket> {
  const details = { roles: { publisher: {}, subscriber: {} }, resume_session: id, resume_token: token };
  wire.send([Message.hello, "realm1", details]);
  const [type, welcomed, said] = await wire.next();
  const { resumed, resume_token } = said as Record<string, unknown>;
  assert.deepEqual([type, welcomed, resumed], [Message.welcome, id, true]);
  await check();
  wire.send([Message.publish, wire.request(), { exclude_me: false }, topic, [value]]);
  assert.deepEqual((await wire.event()).payload[0], [value]);
  wire.send([Message.goodbye, { resumable: true }, "wamp.close.normal"]);
  await wire.expect([Message.goodbye, { resumable: true }, "wamp.close.goodbye_and_out"]);
  return { topic, id, token: resume_token };
}

withRouters(
  "one connection resumes sessions of several routers, one after the other",
  async (world, open) => {
    const tickets: Ticket[] = [];
    for (const place of [0, 1, 2]) {
      const { id, welcome } = await waiting(open, world, place);
      tickets.push({ topic: topicAt(place), id, token: welcome["resume_token"] });
    }
    const wire = open(1);
    for (const [round, place] of [0, 2, 1, 0, 1, 2].entries()) {
      const wanted = place === 1 ? [0, 0, 0] : [place === 0 ? 1 : 0, 1, place === 2 ? 1 : 0];
      const counts = (): number[] => [0, 1, 2].map((each) => carriedBy(world, each));
      const check = (): Promise<void> =>
        until("it goes where it belongs and nowhere else", () => `${counts()}` === `${wanted}`);
      tickets[place] = await visit(wire, tickets[place]!, round, check);
    }
    assert.equal(world.connectionCount, 1);
  },
);

withRouters(
  "a session that is nowhere: a new one is where its client came to, and nothing is carried",
  async (world, open) => {
    const ended = await open(0).join(resumable);
    await ended.leave();
    const wire = open(1);
    await wire.resume(ended);
    assert.equal(wire.welcome["resumed"], false);
    assert.deepEqual([sessionsAt(world, 0), sessionsAt(world, 1)], [0, 1]);
    await until("the connection is not carried", () => carriedBy(world, 0) + carriedBy(world, 1) === 0);
    await wire.publish("com.a");
    const other = open(2);
    other.send([
      Message.hello,
      null,
      { resume_session: ended.id, resume_token: ended.welcome["resume_token"] },
    ]);
    await other.expectAbort("wamp.error.no_such_session");
    await until("nor is the other", () => carriedBy(world, 0) + carriedBy(world, 2) === 0);
  },
);

withRouters("a token of a router's earlier life is unknown, wherever it is shown", async (world, open) => {
  const before = await waiting(open, world, 0);
  world.takeDown(0);
  const state = { resume_session: before.id, resume_token: before.welcome["resume_token"] };
  const meanwhile = open(1);
  meanwhile.send([Message.hello, null, state]);
  await meanwhile.expectAbort("wamp.error.no_such_session");
  world.bringUp(0);
  await until("it is there again", () => world.peers[1]!.core.peers!.isUp(0));
  for (const place of [0, 1]) {
    const wire = open(place);
    wire.send([Message.hello, null, state]);
    await wire.expectAbort("wamp.error.no_such_session");
  }
  const wire = await open(1).resume(before);
  assert.equal(wire.welcome["resumed"], false);
  assert.equal(sessionsAt(world, 1), 1);
});

withRouters(
  "a session that ends with its router ends its connection elsewhere, so that its client notices",
  async (world, open) => {
    const away = await waiting(open, world, 0);
    const wire = await open(1).resume(away);
    assert.equal(wire.welcome["resumed"], true);
    world.takeDown(0);
    assert.equal((await wire.expectEnd()).code, 1001);
    await until("it is gone", () => world.peers[1]!.host.connectionCount === 0);
    assert.equal(carriedBy(world, 1), 0);
  },
);

withRouters(
  "an in-process session has no session of another router: what it says of itself does not leave this one",
  async (world, open) => {
    const away = await waiting(open, world, 0);
    const identity = { authid: "me", authrole: "trusted", authmethod: "trust", authprovider: "local" };
    const connection = new LocalConnection(identity, 1 << 20);
    const events = world.peers[1]!.host.accept(connection)!;
    const wire = new Wire(connection.open(events));
    wire.send([Message.hello, null, { resume_session: away.id, resume_token: away.welcome["resume_token"] }]);
    await wire.expectAbort("wamp.error.no_such_session");
  },
);

withRouters("routers that close end what they carry for each other", async (world, open) => {
  const wires: Wire[] = [];
  for (const place of [0, 1, 2]) {
    const away = await waiting(open, world, place);
    wires.push(await open((place + 1) % 3).resume(away));
  }
  const closing = world.close();
  for (const wire of wires) {
    const [type] = await wire.next();
    assert.equal(type, Message.goodbye);
    wire.send([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
  }
  await closing;
  assert.equal(world.connectionCount, 0);
});
