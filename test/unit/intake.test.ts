/** What is handled of what arrives in one turn, and what waits. Under a virtual clock, whose turns are the outbox's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Limits, limitsFrom } from "../../src/base/limits.ts";
import type { Connection } from "../../src/ports.ts";
import { Backlog, type BacklogOwner } from "../../src/session/backlog.ts";
import { Intake } from "../../src/session/intake.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

const given = {
  frameBytes_max: 1 << 17,
  framesPerTurn_max: 4,
  largeFrameBytes: 10_000,
  largeBytesPerTurn_max: 30_000,
};
const large = 10_000;

function setUp(limits: Partial<Limits> = {}) {
  const scheduler = new VirtualScheduler();
  const outbox = {
    turn: 0,
    afterTurn: (task: () => void) =>
      scheduler.endOfTurn(() => {
        outbox.turn++;
        task();
      }),
  };
  const intake = new Intake({ limits: limitsFrom({ ...given, ...limits }), outbox });
  const handled: [name: string, bytes: number][] = [];

  class Sender implements BacklogOwner {
    readonly name: string;
    readonly connection = { pause: () => {} } as unknown as Connection;
    backlog: Backlog | null = null;
    isHeld = false;
    intakeTurn = -1;
    framesLeft = 0;
    /** What each of its frames costs beyond one. */
    cost = 0;
    constructor(name: string) {
      this.name = name;
    }
    send(length: number): void {
      const bytes = new Uint8Array(length);
      if (this.backlog === null && intake.admits(this, length)) return this.handle(bytes);
      this.backlog ??= new Backlog(this, intake);
      assert.ok(this.backlog.push(bytes));
    }
    handle(bytes: Uint8Array): void {
      handled.push([this.name, bytes.length]);
      this.framesLeft -= this.cost;
    }
  }
  /** What was handled since, as names, and large ones in capitals. */
  const seen = (): string =>
    handled
      .splice(0)
      .map(([name, bytes]) => (bytes >= large ? name.toUpperCase() : name))
      .join("");
  return { scheduler, intake, seen, sender: (name: string) => new Sender(name) };
}

test("what a frame costs beyond one is taken from its session's share, and a long inbox has no more of that", () => {
  const { scheduler, seen, sender } = setUp();
  const [a, b] = [sender("a"), sender("b")];
  a.cost = 1;
  for (let i = 0; i < 100; i++) a.send(1);
  b.send(1);
  assert.equal(seen(), "aab");
  for (let turns = 0; turns < 10; turns++) {
    scheduler.endTurn();
    assert.equal(seen(), "aaaa");
  }
  a.cost = 100;
  scheduler.endTurn();
  assert.equal(seen(), "a");
  a.cost = 0;
  scheduler.settle();
  assert.equal(seen(), "a".repeat(57));
});

test("a session's share is counted in frames, and the rest follows turn by turn, in order", () => {
  const { scheduler, intake, seen, sender } = setUp();
  const [a, b] = [sender("a"), sender("b")];
  for (let i = 1; i <= 10; i++) a.send(i);
  b.send(1);
  assert.equal(seen(), "aaaab");
  assert.ok(intake.bytes > 0);
  scheduler.endTurn();
  assert.equal(seen(), "aaaa");
  scheduler.settle();
  assert.equal(seen(), "aa");
  assert.deepEqual([intake.bytes, a.backlog], [0, null]);
});

test("large frames of all sessions share what one turn takes; small ones of other sessions pass them", () => {
  const { scheduler, seen, sender } = setUp();
  const senders = ["a", "b", "c", "d", "e", "f", "g"].map(sender);
  for (const each of senders) each.send(large);
  assert.equal(seen(), "ABC");
  const small = sender("x");
  small.send(1);
  assert.equal(seen(), "x", "a small one in the same turn");
  // Behind its own large one a small one waits.
  senders[6]!.send(1);
  assert.equal(seen(), "");
  scheduler.endTurn();
  assert.equal(seen(), "DEF");
  small.send(1);
  scheduler.endTurn();
  assert.equal(seen(), "xGg");
});

test("one that large frames of others kept waiting is first in the next turn", () => {
  const { scheduler, seen, sender } = setUp();
  const [greedy, other] = [sender("g"), sender("o")];
  for (let i = 0; i < 7; i++) greedy.send(large);
  other.send(large);
  assert.equal(seen(), "GGG");
  scheduler.endTurn();
  assert.equal(seen(), "GGG");
  scheduler.endTurn();
  assert.equal(seen(), "OG");
});

test("a frame larger than a turn's share goes, alone", () => {
  const { scheduler, seen, sender } = setUp();
  const [a, b] = [sender("a"), sender("b")];
  a.send(100_000);
  b.send(large);
  assert.equal(seen(), "A");
  scheduler.endTurn();
  assert.equal(seen(), "B");
});

test("when much waits, more of it goes in one turn", () => {
  const { scheduler, seen, sender } = setUp({ framesPerTurn_max: 100 });
  const a = sender("a");
  for (let i = 0; i < 43; i++) a.send(large);
  assert.equal(seen().length, 3);
  scheduler.endTurn();
  assert.equal(seen().length, 21);
});

test("a session within its share of frames is not ended for large ones: where no more can wait, the oldest goes", () => {
  const { scheduler, intake, seen, sender } = setUp({ framesPerTurn_max: 50, inboxBytes_max: 1 << 17 });
  const a = sender("a");
  for (let i = 0; i < 53; i++) a.send(large);
  assert.equal(seen().length, 53 - 13);
  assert.ok(intake.bytes <= 1 << 17);
  assert.throws(() => {
    for (let i = 0; i < 50; i++) a.send(large);
  });
  scheduler.settle();
  assert.equal(intake.bytes, 0);
});

test("what a session that ends had waiting is not counted any more; a held one goes on when it is told to", () => {
  const { scheduler, intake, seen, sender } = setUp();
  const [a, b] = [sender("a"), sender("b")];
  for (let i = 0; i < 6; i++) {
    a.send(1);
    b.send(1);
  }
  seen();
  a.backlog!.drop();
  b.isHeld = true;
  scheduler.settle();
  assert.equal(seen(), "");
  assert.equal(intake.bytes, 2 * 5);
  b.isHeld = false;
  b.backlog!.schedule();
  scheduler.settle();
  assert.equal(seen(), "bb");
  assert.equal(intake.bytes, 0);
});
