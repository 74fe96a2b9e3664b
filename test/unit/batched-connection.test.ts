/** What stands between an adapter and a session of a batched subprotocol, without either. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fixedLimits } from "../../src/base/limits.ts";
import type { Accept, OutgoingFrame } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { acceptBatched } from "../../src/transport/batched.ts";
import { joinModel, splitModel, terminatorFor } from "../support/batch-model.ts";
import { BatchSocket } from "../support/batch-socket.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");
const frame = (text: string): OutgoingFrame => ({ bytes: bytesOf(text) });

/** One listener: all sockets that it makes share their memory. */
function listener(): (serializer: Serializer, canPause?: boolean) => BatchSocket {
  let accept: Accept = () => null;
  const shared = acceptBatched((connection) => accept(connection));
  const use = (given: Accept): Accept => {
    accept = given;
    return shared;
  };
  return (serializer, canPause) => new BatchSocket(use, serializer, canPause);
}

/** All that a socket was sent, as messages. */
const messages = ({ batches, serializer }: BatchSocket): Buffer[] =>
  batches.flatMap((batch) => {
    const { messages: found, whole } = splitModel(batch, terminatorFor(serializer));
    assert.ok(whole);
    return [...found];
  });

test("[T-03] all frames of one send() leave in one batch", () => {
  const connect = listener();
  for (const serializer of [Serializer.cbor, Serializer.msgpack, Serializer.json]) {
    const socket = connect(serializer);
    const frames = ["a", "bb", "ccc", "dddd"].map(frame);
    assert.equal(socket.session.connection.send(frames, 1, 3), 3);
    const expected = joinModel([bytesOf("bb"), bytesOf("ccc")], terminatorFor(serializer));
    assert.deepEqual(socket.batches, [expected]);
  }
});

test("[T-03] a batch ends at its bound; a frame beyond it leaves alone", () => {
  const socket = listener()(Serializer.msgpack);
  const sizes = [30_000, 30_000, 5_528, 100_000, 1, 65_532, 2, 65_533];
  const frames = sizes.map((size, i) => ({ bytes: Buffer.alloc(size, i) }));
  assert.equal(socket.session.connection.send(frames, 0, frames.length), frames.length);
  assert.deepEqual(
    messages(socket),
    frames.map(({ bytes }) => bytes),
  );
  const counts = socket.batches.map((batch) => splitModel(batch, 0).messages.length);
  // 30,000 + 30,000 + 5,528 and three lengths are four bytes more than the bound.
  assert.deepEqual(counts, [2, 1, 1, 1, 1, 1, 1]);
  for (const [i, batch] of socket.batches.entries())
    assert.ok(counts[i] === 1 || batch.length <= fixedLimits.batchBytes_max);
});

test("[T-03] a full socket takes whole batches, and send() says where to go on", () => {
  const socket = listener()(Serializer.cbor);
  const frames = Array.from({ length: 20 }, (_, i) => ({ bytes: Buffer.alloc(20_000, i) }));
  socket.room = 100_000;
  const { connection } = socket.session;
  const taken = connection.send(frames, 0, 20);
  assert.equal(taken, 6);
  assert.equal(connection.send(frames, taken, 20), taken);
  socket.room = Number.POSITIVE_INFINITY;
  assert.equal(connection.send(frames, taken, 20), 20);
  assert.deepEqual(
    messages(socket),
    frames.map(({ bytes }) => bytes),
  );
});

test("[T-03] JSON is answered with the terminator that the peer used last, before that with the specification's", () => {
  const connect = listener();
  const [python, other] = [connect(Serializer.json), connect(Serializer.json)];
  const say = (socket: BatchSocket): string => {
    socket.session.connection.send([frame("[1]")], 0, 1);
    return socket.batches.at(-1)!.toString("latin1");
  };
  assert.equal(say(python), "[1]\x1e");
  python.events.onFrame(bytesOf("[5]\x18"));
  assert.equal(say(python), "[1]\x18");
  assert.equal(say(other), "[1]\x1e");
  other.events.onFrame(bytesOf("[5]\x1e"));
  assert.equal(say(other), "[1]\x1e");
  assert.equal(say(python), "[1]\x18");
  python.events.onFrame(bytesOf("[5]\x1e"));
  assert.equal(say(python), "[1]\x1e");
});

test("[T-03] a batch arrives message by message; a malformed one ends in a violation behind the good messages", async () => {
  const socket = listener()(Serializer.msgpack);
  socket.events.onFrame(joinModel([bytesOf("one"), bytesOf("two")], 0));
  socket.events.onFrame(Buffer.concat([joinModel([bytesOf("three")], 0), Buffer.of(0, 0)]));
  for (const text of ["one", "two", "three"])
    assert.equal((await socket.session.frames.next()).toString(), text);
  assert.match(await socket.session.violations.next(), /inside the length/);
  assert.equal(socket.session.frameCount, 3);
});

test("[T-03] a session that closes, or is lost, in the middle of a batch hears nothing of the rest", () => {
  const endings: readonly ((socket: BatchSocket) => void)[] = [
    ({ session }) => session.connection.close(1000, "enough"),
    ({ session }) => session.connection.terminate(),
    ({ events }) => events.onClose(),
  ];
  for (const end of endings) {
    for (const rest of [joinModel([bytesOf("three")], 0), Buffer.of(0, 0, 0, 0)]) {
      const socket = listener()(Serializer.cbor);
      socket.session.onFrameInstead = () => {
        if (socket.session.frameCount === 2) end(socket);
      };
      socket.events.onFrame(Buffer.concat([joinModel([bytesOf("one"), bytesOf("two")], 0), rest]));
      assert.equal(socket.session.frameCount, 2);
      assert.equal(socket.session.violations.pending, 0);
    }
  }
});

test("everything else passes through: endings, drains, pausing where there is such a thing, what the transport says of itself", async () => {
  const connect = listener();
  const socket = connect(Serializer.json, true);
  const { connection } = socket.session;
  assert.deepEqual(
    [connection.serializer, connection.info, connection.peerFrameBytes_max, connection.bufferedBytes()],
    [Serializer.json, { ...socket.info, batched: true }, 1_234, 77],
  );
  connection.pause!(true);
  connection.pause!(false);
  connection.close(1002, "why");
  connection.terminate();
  assert.deepEqual(socket.calls, ["pause true", "pause false", "close 1002 why", "terminate"]);
  socket.events.onDrain();
  await socket.session.drains.next();
  socket.events.onClose();
  await socket.session.closed;
  assert.equal(connect(Serializer.json).session.connection.pause, undefined);
});

test("where the router takes no more connections, there is none", () => {
  const refused = acceptBatched(() => null);
  const socket = listener()(Serializer.json);
  assert.equal(refused(socket), null);
});

test("[T-03] receivers of the same frames are sent the same memory, and nobody is sent another's frames", () => {
  const connect = listener();
  const shared = ["[1]", "[2]"].map(frame);
  const [first, second] = [connect(Serializer.json), connect(Serializer.json)];
  const seen: OutgoingFrame[][] = [];
  for (const socket of [first, second]) {
    const send = socket.send.bind(socket);
    socket.send = (frames, from, count) => {
      seen.push(frames.map(({ bytes, text }) => ({ bytes, text })));
      // As the adapter on Bun does.
      for (const batch of frames as OutgoingFrame[]) batch.text ??= batch.bytes.toString();
      return send(frames, from, count);
    };
    socket.session.connection.send(shared, 0, 2);
  }
  assert.equal(seen[0]![0]!.bytes, seen[1]![0]!.bytes);
  assert.equal(seen[0]![0]!.text, undefined);
  assert.notEqual(seen[1]![0]!.text, undefined, "the second receiver finds the text made");
  second.session.connection.send([shared[0]!, frame("[3]")], 0, 2);
  assert.equal(seen[2]![0]!.text, undefined);
  assert.deepEqual(messages(second).map(String), ["[1]", "[2]", "[1]", "[3]"]);
});

test("[T-03] whatever is sent to whom, however full the sockets: each receives its frames in order, once", () => {
  const pool = Array.from({ length: 6 }, (_, i) => ({
    bytes: Buffer.alloc([1, 20, 300, 20_000, 45_000, 70_000][i]!, i),
  }));
  const lists = fc.array(fc.nat(5), { minLength: 1, maxLength: 8 });
  const step = fc.record({ to: fc.nat(2), list: lists, room: fc.constantFrom(0, 1, 30_000, 1 << 30) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const connect = listener();
      const sockets = [Serializer.msgpack, Serializer.msgpack, Serializer.json].map((of) => connect(of));
      const waiting: OutgoingFrame[][] = [[], [], []];
      const expected: Buffer[][] = [[], [], []];
      const push = (to: number, room: number): void => {
        sockets[to]!.room = room;
        const frames = waiting[to]!;
        waiting[to] = frames.slice(sockets[to]!.session.connection.send(frames, 0, frames.length));
      };
      for (const { to, list, room } of steps) {
        for (const i of list) {
          waiting[to]!.push(pool[i]!);
          expected[to]!.push(pool[i]!.bytes);
        }
        push(to, room);
      }
      for (const to of [0, 1, 2]) {
        push(to, Number.POSITIVE_INFINITY);
        assert.deepEqual(waiting[to], []);
        assert.deepEqual(messages(sockets[to]!), expected[to]);
      }
    }),
    { seed, numRuns: 200 },
  );
});
