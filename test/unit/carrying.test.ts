/** Connections whose session another router has: what goes over them, what bounds it, and how they end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimits } from "../../src/base/limits.ts";
import type { TransportInfo } from "../../src/ports.ts";
import { CarriedConnection } from "../../src/router/peers/carried-connection.ts";
import { CarriedWorld, FakeWire, frameOf } from "../support/carried-world.ts";

const window = fixedLimits.carriedBytes_max;

/** A client at router 0 whose session router 1 has. */
function carried(wire = new FakeWire(), pending: readonly string[] = []) {
  const world = new CarriedWorld(3);
  const gate = world.carry(0, 1, wire, "hello", pending);
  world.settle();
  const session = world.routers[1]!.sessions[0]!;
  return { world, wire, gate, session };
}

test("the session sees the client's transport as if it were its own, and HELLO first", () => {
  const certificate = { commonName: "device-7", fingerprint: "00ff", names: ["DNS:device-7"], validTo_ms: 7 };
  const channelId = (type: string): Uint8Array | null =>
    type === "tls-unique" ? null : Uint8Array.of(1, 2, 255);
  const info: TransportInfo = { kind: "rawsocket", peer: "192.0.2.7", tls: { certificate, channelId } };
  const { session, wire } = carried(new FakeWire(true, info));
  assert.deepEqual(session.frames, ["hello"]);
  const { connection } = session;
  assert.equal(connection.serializer, wire.serializer);
  assert.equal(connection.peerFrameBytes_max, wire.peerFrameBytes_max);
  assert.deepEqual({ ...connection.info, tls: null }, { ...info, tls: null });
  assert.deepEqual(connection.info.tls?.certificate, certificate);
  assert.deepEqual(connection.info.tls?.channelId("tls-exporter"), Uint8Array.of(1, 2, 255));
  assert.equal(connection.info.tls?.channelId("tls-unique"), null);
  assert.equal(carried(new FakeWire(false)).session.connection.pause, undefined);
});

test("frames go both ways in order, behind those that were there before, and the end is told", () => {
  const { world, wire, gate, session } = carried(new FakeWire(), ["before 1", "before 2"]);
  for (const text of ["a", "b", "c"]) gate.onFrame(frameOf(text));
  gate.onViolation("no frame");
  for (const text of ["1", "2", "3"]) assert.ok(session.post(text));
  world.settle();
  assert.deepEqual(session.frames, ["hello", "a", "b", "c"]);
  assert.deepEqual(session.violations, ["no frame"]);
  assert.deepEqual(wire.taken, ["before 1", "before 2", "1", "2", "3"]);
  assert.equal(session.connection.bufferedBytes(), 0);
  gate.onClose();
  assert.equal(session.closes, 0, "not before it has arrived");
  world.settle();
  assert.equal(session.closes, 1);
  assert.equal(world.count, 0);
});

test("a session sends no more than the window while the client's socket is full, and a frame of any size alone", () => {
  const wire = new FakeWire();
  const { world, session, gate } = carried(wire);
  wire.room = 0;
  const size = window / 8;
  let posted = 0;
  while (session.post(`${posted}`, size)) posted++;
  assert.equal(posted, 8);
  assert.equal(session.connection.bufferedBytes(), window);
  world.settle();
  assert.deepEqual([wire.taken.length, session.drains], [0, 0]);
  wire.room = 3 * size;
  gate.onDrain();
  world.settle();
  assert.deepEqual([wire.taken.length, session.drains], [3, 0], "more than half of it is still under way");
  wire.room = Number.POSITIVE_INFINITY;
  gate.onDrain();
  world.settle();
  assert.deepEqual([wire.taken.length, session.drains], [8, 1]);
  assert.ok(session.post("large", 3 * window));
  assert.ok(!session.post("next"));
  world.settle();
  assert.deepEqual([wire.taken.at(-1), session.drains, session.connection.bufferedBytes()], ["large", 2, 0]);
});

test("a client is not read while more of it is under way than half the window, nor while its session wants it so", () => {
  const { world, wire, gate, session } = carried();
  gate.onFrame(frameOf("1", window - 10));
  gate.onFrame(frameOf("2", 20));
  assert.ok(wire.isPaused);
  world.settle();
  assert.ok(!wire.isPaused);
  session.connection.pause!(true);
  world.settle();
  assert.ok(wire.isPaused);
  gate.onFrame(frameOf("3", window + 1));
  world.settle();
  assert.ok(wire.isPaused, "what is under way has nothing to do with it");
  session.connection.pause!(false);
  world.settle();
  assert.ok(!wire.isPaused);
  assert.deepEqual(session.frames, ["hello", "1", "2", "3"]);
});

test("a client that cannot be paused and floods is closed, once as much is under way as an inbox may hold", () => {
  const wire = new FakeWire(false);
  const { world, gate, session } = carried(wire);
  let frames = 0;
  for (; wire.closed === "" && frames < 1_000; frames++) gate.onFrame(frameOf(`${frames}`, 1 << 16));
  assert.match(wire.closed, /^1008 more messages/);
  assert.equal(frames, 17 + 1);
  gate.onFrame(frameOf("late"));
  gate.onClose();
  world.settle();
  assert.equal(session.closes, 1);
  assert.equal(session.frames.includes("late"), false);
});

test("a session's close comes behind what it has sent, or after its time; terminate comes at once", () => {
  const wire = new FakeWire();
  const { world, session, gate } = carried(wire);
  wire.room = 4;
  for (const text of ["abcd", "efgh"]) session.post(text);
  session.connection.close(1008, "enough");
  assert.equal(session.connection.send([{ bytes: frameOf("late") }], 0, 1), 1, "it goes nowhere");
  world.settle();
  assert.deepEqual([wire.taken, wire.closed], [["abcd"], ""]);
  wire.room = 4;
  gate.onDrain();
  assert.deepEqual([wire.taken, wire.closed], [["abcd", "efgh"], "1008 enough"]);
  gate.onClose();
  world.settle();
  assert.deepEqual([session.closes, world.count], [1, 0]);

  const stuck = carried();
  stuck.wire.room = 0;
  stuck.session.post("never");
  stuck.session.connection.close(1000, "over");
  stuck.world.settle();
  stuck.world.scheduler.advance(999);
  assert.equal(stuck.wire.closed, "");
  stuck.world.scheduler.advance(2);
  assert.equal(stuck.wire.closed, "1000 over");

  const dropped = carried();
  dropped.wire.room = 0;
  dropped.session.post("never");
  dropped.session.connection.terminate();
  dropped.world.settle();
  assert.equal(dropped.wire.closed, "terminated");
  dropped.gate.onClose();
  dropped.world.settle();
  assert.deepEqual([dropped.session.closes, dropped.world.count], [1, 0]);
});

test("a connection that is handed back is the front's again, with what was under way and the HELLO that nobody has answered", async () => {
  const { world, wire, session, gate } = carried();
  wire.room = 0;
  session.post("sent");
  const { connection } = session;
  assert.ok(connection instanceof CarriedConnection);
  connection.handBack([{ bytes: frameOf("goodbye") }], frameOf("hello again"), true);
  assert.equal(session.closes, 0, "not from inside its own call");
  await null;
  assert.equal(session.closes, 1);
  world.settle();
  assert.deepEqual(world.handedBack, [
    { pending: ["sent", "goodbye"], hello: "hello again", mayCarry: true },
  ]);
  assert.equal(world.count, 0);
  gate.onFrame(frameOf("to nobody"));
  gate.onClose();
  world.settle();
  assert.equal(wire.closed, "");
});

test("a router that takes no more hands the connection back at once", () => {
  const world = new CarriedWorld(2);
  world.routers[1]!.isFull = true;
  world.carry(0, 1, new FakeWire());
  world.settle();
  assert.deepEqual(world.handedBack, [{ pending: [], hello: "hello", mayCarry: false }]);
  assert.equal(world.count, 0);
});

test("a HELLO that a router has not answered when it goes is the front's to answer", () => {
  const world = new CarriedWorld(2);
  const wire = new FakeWire();
  world.carry(0, 1, wire, "hello", ["before"]);
  wire.room = 0;
  world.settle();
  world.links.takeDown(1);
  world.settle();
  assert.deepEqual(world.handedBack, [{ pending: ["before"], hello: "hello", mayCarry: false }]);
  assert.equal(wire.closed, "");
  assert.equal(world.routers[0]!.carrying.count, 0);
});

test("a router that goes takes its sessions along, and those of others hear that their clients are gone", () => {
  const { world, wire, gate, session } = carried();
  const other = new FakeWire();
  world.carry(2, 1, other);
  const kept = new FakeWire();
  const keptGate = world.carry(0, 2, kept);
  world.settle();
  for (const { sessions } of world.routers) for (const each of sessions) each.post("welcome");
  world.settle();
  world.links.takeDown(1);
  world.settle();
  assert.match(wire.closed, /^1001 the session has ended/);
  assert.match(other.closed, /^1001 the session has ended/);
  assert.equal(kept.closed, "");
  gate.onClose();
  world.restart(1);
  // Nothing that is said of the life before reaches the next one.
  gate.onFrame(frameOf("late"));
  keptGate.onFrame(frameOf("still"));
  world.settle();
  assert.equal(world.routers[1]!.sessions.length, 0);
  assert.deepEqual(world.routers[2]!.sessions[0]!.frames, ["hello", "still"]);
  assert.equal(session.closes, 0, "it was in the life that is over");
  world.links.takeDown(0);
  world.settle();
  assert.equal(world.routers[2]!.sessions[0]!.closes, 1);
  assert.equal(world.routers[2]!.carrying.count, 0);
});
