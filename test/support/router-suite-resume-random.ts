/**
 * A client that loses its transport again and again, at moments of chance, while it is sent numbered events and calls and publishes
 * itself. Nothing may be lost, doubled or out of order, in neither direction.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { Message } from "../../src/protocol/messages.ts";
import { randomFrom } from "./pattern-index.ts";
import { eventValues, type Link, openLink, range } from "./resuming.ts";
import type { Suite, World } from "./router-suite.ts";
import type { Wire } from "./wire.ts";

const eventCount = 300;
const publishCount = 100;
const callCount = 60;

/** The client: what it has heard, what it has said, and over which link. */
class Roamer {
  readonly #world: World;
  readonly #random: (n: number) => number;
  /** All messages of the session since WELCOME, so that they can be sent again. */
  readonly #said: unknown[][] = [];
  #link: Link;
  #isLeaving = false;
  readonly events: unknown[] = [];
  readonly invocations: unknown[] = [];

  constructor(world: World, link: Link, random: (n: number) => number) {
    this.#world = world;
    this.#link = link;
    this.#random = random;
  }
  get wire(): Wire {
    return this.#link.wire;
  }

  /** Behind GOODBYE it says nothing; the next link carries it. */
  say(message: unknown[]): void {
    this.#said.push(message);
    if (!this.#isLeaving) this.wire.send(message);
  }

  /** Takes what has arrived, or some of it, and answers invocations. */
  async hear(count_max: number): Promise<void> {
    for (let left = count_max; left > 0 && this.wire.arrivedCount > 0; left--)
      this.#take(await this.wire.next());
  }

  #take(message: readonly unknown[]): void {
    if (message[0] === Message.event) this.events.push((message[4] as unknown[])[0]);
    if (message[0] !== Message.invocation) return;
    this.invocations.push((message[4] as unknown[])[0]);
    this.say([Message.yield, message[1], {}, message[4]]);
  }

  /** Loses its link in one of the ways there are, and comes back. */
  async move(): Promise<void> {
    const before = this.#link;
    const way = this.#random(4);
    if (way === 0) {
      before.wire.send([Message.goodbye, { resumable: true }, "wamp.close.normal"]);
      this.#isLeaving = true;
      for (
        let message = await this.wire.next();
        message[0] !== Message.goodbye;
        message = await this.wire.next()
      )
        this.#take(message);
      this.#isLeaving = false;
    }
    if (way <= 1) before.cut();
    while (this.#random(3) === 0) await this.#failToCome();
    const link = await openLink(this.#world);
    this.#link = link;
    await link.wire.resume(before.wire);
    assert.equal(link.wire.welcome["resumed"], true);
    const arrived = Number(link.wire.welcome["x_resume_received"]);
    for (const message of this.#said.slice(arrived)) link.wire.send(message);
    if (way >= 2) before.cut();
  }

  /** Says HELLO and does not wait for WELCOME. */
  async #failToCome(): Promise<void> {
    const { id, welcome, received } = this.wire;
    const link = await openLink(this.#world);
    const state = { resume_session: id, resume_token: welcome["resume_token"], resume_received: received };
    link.wire.send([Message.hello, null, { ...state }]);
    for (let turns = this.#random(5); turns > 0; turns--)
      await new Promise((resolve) => setTimeout(resolve, 1));
    link.cut();
  }
}

export function resumeRandomSuite(suite: Suite): void {
  const seed = randomInt(1, 0x7fffffff);
  suite.test(
    "[S-07] transports lost at any moment: every message arrives once and in order, both ways",
    async (world) => {
      try {
        await roam(world, randomFrom(seed));
      } catch (cause) {
        throw new Error(`with seed ${seed}`, { cause });
      }
    },
  );
}

async function roam(world: World, random: (n: number) => number): Promise<void> {
  const [publisher, watcher, caller] = [await world.join(), await world.join(), await world.join()];
  const link = await openLink(world);
  const roamer = new Roamer(world, link, random);
  await link.wire.join({ details: { resumable: true } });
  await watcher.subscribe("com.back");
  roamer.say([Message.subscribe, link.wire.request(), {}, "com.there"]);
  roamer.say([Message.register, link.wire.request(), {}, "com.proc"]);
  await link.wire.next();
  await link.wire.next();
  let [sent, back, called] = [0, 0, 0];
  const calls: number[] = [];
  while (roamer.events.length < eventCount || roamer.invocations.length < callCount || back < publishCount) {
    for (let left = random(20); left > 0 && sent < eventCount; left--)
      publisher.send([Message.publish, publisher.request(), {}, "com.there", [++sent]]);
    for (let left = random(5); left > 0 && called < callCount; left--)
      calls.push(caller.call("com.proc", {}, [++called]));
    for (let left = random(8); left > 0 && back < publishCount; left--)
      roamer.say([Message.publish, roamer.wire.request(), {}, "com.back", [++back]]);
    for (let turns = random(4); turns > 0; turns--) await new Promise((resolve) => setTimeout(resolve, 1));
    await roamer.hear(random(30));
    if (random(3) === 0) await roamer.move();
  }
  assert.deepEqual(roamer.events, range(1, eventCount));
  assert.deepEqual(roamer.invocations, range(1, callCount));
  assert.deepEqual(await eventValues(watcher, publishCount), range(1, publishCount));
  for (let i = 0; i < callCount; i++) await caller.expect([Message.result, calls[i]!, {}, [i + 1]]);
  for (const wire of [watcher, caller]) await wire.expectQuiet();
  await roamer.move();
  await roamer.wire.leave();
  assert.equal(world.router.metrics.violations, 0);
}
