/**
 * What every implementation of `PeerLinks` must hold, as a property over random traffic, deaths and rebirths: messages arrive whole,
 * in order, once, between onUp and onDown of the life they were sent in, and all of them where both ends are still there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PeerLinks } from "../../src/ports.ts";

/** A few ends in one process, under the suite's control. */
export interface LinksWorld {
  end(place: number): PeerLinks;
  takeDown(place: number): void;
  bringUp(place: number): PeerLinks;
  /** Lets some of what is under way arrive. */
  advance(): void | Promise<void>;
  /** Lets everything arrive. */
  settle(): Promise<void>;
  close(): void | Promise<void>;
}

export interface LinksSubject {
  readonly name: string;
  /** Places that the worlds have. */
  readonly count: number;
  readonly bytes_max: number;
  /** Bytes that wait in one direction before messages that may be dropped are. */
  readonly linkBytes_max: number;
  readonly runs: number;
  open(below: (n: number) => number): LinksWorld | Promise<LinksWorld>;
}

type Step =
  | { readonly kind: "send"; readonly from: number; readonly to: number; readonly sizes: readonly number[] }
  | { readonly kind: "advance" }
  | { readonly kind: "down" | "up"; readonly place: number };

const headBytes = 24;

/** One life of one place, as a test looks at it. */
class Witness {
  readonly links: PeerLinks;
  readonly life: number;
  readonly up: boolean[] = [];
  /** By peer: how often it came, what it was sent since, and what came from it since. */
  readonly epochs: number[] = [];
  readonly sent: number[] = [];
  readonly got: number[] = [];
  readonly #seen: { life: number; epoch: number }[] = [];
  closed = false;

  constructor(links: PeerLinks, life: number) {
    this.links = links;
    this.life = life;
    links.connect({
      onUp: (peer) => {
        assert.ok(!this.closed, "a dead end hears nothing");
        assert.ok(this.up[peer] !== true, "a peer that is up does not come again");
        assert.ok(links.isUp(peer));
        this.up[peer] = true;
        this.epochs[peer] = (this.epochs[peer] ?? 0) + 1;
        this.sent[peer] = this.got[peer] = 0;
        delete this.#seen[peer];
      },
      onDown: (peer) => {
        assert.ok(!this.closed, "a dead end hears nothing");
        assert.ok(this.up[peer] === true, "only who is up goes down");
        assert.ok(!links.isUp(peer));
        this.up[peer] = false;
      },
      onMessage: (peer, message) => this.#onMessage(peer, message),
    });
  }

  /** Sends one message that says where it comes from, and whose bytes can be checked. */
  send(to: number, bytes: number, split: number, mayDrop: boolean): boolean {
    const message = new Uint8Array(Math.max(bytes, headBytes));
    const view = new DataView(message.buffer);
    const number = this.sent[to] ?? 0;
    const head = [this.links.self, this.life, to, this.epochs[to] ?? 0, number, message.length];
    for (const [at, value] of head.entries()) view.setUint32(at * 4, value);
    for (let at = headBytes; at < message.length; at++) message[at] = patternOf(number, at);
    const cut = Math.min(split, message.length);
    const body = split === 0 ? null : message.subarray(cut);
    const before = body === null ? message : message.subarray(0, cut);
    const taken = this.links.send(to, before, body, mayDrop);
    // Both are copied: what becomes of them does not matter.
    message.fill(0xdd);
    if (taken) this.sent[to] = number + 1;
    return taken;
  }

  #onMessage(peer: number, message: Uint8Array): void {
    assert.ok(!this.closed, "a dead end hears nothing");
    assert.ok(this.up[peer] === true, "messages come between onUp and onDown");
    assert.ok(!(message.buffer instanceof SharedArrayBuffer), "messages lie in memory of this thread");
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    const [from, life, to, epoch, number, length] = Array.from({ length: 6 }, (_, at) =>
      view.getUint32(at * 4),
    );
    assert.equal(from, peer);
    assert.equal(to, this.links.self);
    assert.equal(length, message.length);
    this.#seen[peer] ??= { life: life!, epoch: epoch! };
    assert.deepEqual({ life, epoch }, this.#seen[peer], "everything is of one life");
    assert.equal(number, this.got[peer], "in order, and once");
    this.got[peer]!++;
    for (let at = headBytes; at < message.length; at += 1 + (at & 7))
      if (message[at] !== patternOf(number!, at)) assert.fail(`byte ${at} of ${message.length} is another`);
  }
}

const patternOf = (number: number, at: number): number => (number * 31 + at * 7) & 0xff;

async function run(subject: LinksSubject, steps: readonly Step[], seed: number): Promise<void> {
  const random = prng(seed);
  const world = await subject.open((n) => Math.floor(random() * n));
  const lives = Array.from({ length: subject.count }, () => 1);
  const alive: (Witness | null)[] = lives.map((life, place) => new Witness(world.end(place), life));
  try {
    await world.settle();
    for (const step of steps) {
      if (step.kind === "send") {
        for (const bytes of step.sizes)
          alive[step.from]?.send(step.to, bytes, Math.floor(random() * bytes), random() < 0.3);
      } else if (step.kind === "advance") await world.advance();
      else if (step.kind === "down" && alive[step.place] !== null) {
        const gone = alive[step.place]!;
        gone.closed = true;
        alive[step.place] = null;
        world.takeDown(step.place);
      } else if (step.kind === "up" && alive[step.place] === null)
        alive[step.place] = new Witness(world.bringUp(step.place), ++lives[step.place]!);
    }
    await world.settle();
    checkEnd(alive);
  } finally {
    await world.close();
  }
}

/** Whoever is there knows who else is, has heard all that they said, and nothing waits. */
function checkEnd(alive: readonly (Witness | null)[]): void {
  alive.forEach((one, at) => {
    if (one === null) return;
    alive.forEach((other, to) => {
      if (at === to) return;
      assert.equal(one.links.isUp(to), other !== null, `${at} knows whether ${to} is there`);
      assert.equal(one.links.queuedBytes(to), 0);
      if (other !== null) assert.equal(other.got[at], one.sent[to], `all from ${at} to ${to}`);
    });
  });
}

/** Mulberry32 (T. Ettinger, 2017). */
export function prng(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function stepsOf({ count, bytes_max }: LinksSubject): fc.Arbitrary<Step[]> {
  const place = fc.integer({ min: 0, max: count - 1 });
  const size = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: headBytes, max: 400 }) },
    { weight: 2, arbitrary: fc.integer({ min: headBytes, max: Math.min(bytes_max, 20_000) }) },
    { weight: 1, arbitrary: fc.integer({ min: headBytes, max: bytes_max }) },
  );
  const send = fc
    .record({ from: place, to: place, sizes: fc.array(size, { minLength: 1, maxLength: 12 }) })
    .map((given): Step => ({ kind: "send", ...given }));
  const life = fc.tuple(fc.constantFrom("down" as const, "up" as const), place);
  return fc.array(
    fc.oneof(
      { weight: 12, arbitrary: send },
      { weight: 6, arbitrary: fc.constant<Step>({ kind: "advance" }) },
      { weight: 2, arbitrary: life.map(([kind, at]): Step => ({ kind, place: at })) },
    ),
    { maxLength: 60 },
  );
}

export function linksSuite(subject: LinksSubject): void {
  const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

  test(`${subject.name}: messages arrive whole, in order, once, in the life they were sent in`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    await fc.assert(
      fc.asyncProperty(stepsOf(subject), fc.integer(), (steps, random) => run(subject, steps, random)),
      { seed, numRuns: subject.runs },
    );
  });

  test(`${subject.name}: what may be dropped is refused beyond the bound, and nothing else ever is`, async () => {
    const world = await subject.open(() => 0);
    const [sender, receiver] = [new Witness(world.end(0), 1), new Witness(world.end(1), 1)];
    await world.settle();
    const bytes = 1_000;
    let sent = 0;
    while (sender.send(1, bytes, 10, true)) sent++;
    assert.ok(sender.links.queuedBytes(1) <= subject.linkBytes_max);
    assert.ok((sent + 2) * bytes > subject.linkBytes_max, `${sent} were taken`);
    for (let extra = 0; extra < 50; extra++) assert.ok(sender.send(1, bytes, 10, false));
    assert.ok(!sender.send(1, bytes, 10, true));
    await world.settle();
    assert.equal(receiver.got[0], sent + 50);
    assert.ok(sender.send(1, bytes, 10, true), "there is room again");
    await world.settle();
    await world.close();
  });

  test(`${subject.name}: an end speaks neither to itself nor to who is down`, async () => {
    const world = await subject.open(() => 0);
    const [one, other] = [new Witness(world.end(0), 1), new Witness(world.end(1), 1)];
    await world.settle();
    assert.ok(!one.send(0, 100, 0, false));
    other.closed = true;
    world.takeDown(1);
    await world.settle();
    assert.ok(!one.send(1, 100, 0, false));
    assert.equal(one.links.queuedBytes(1), 0);
    await world.close();
  });
}
