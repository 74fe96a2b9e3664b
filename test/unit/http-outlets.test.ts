/** How messages leave the HTTP transports: polls, event streams, their bounds and their ends, without a server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sseEvents } from "../../src/transport/http-formats.ts";
import { HttpWorld } from "../support/http-world.ts";
import { SseReader } from "../support/sse-reader.ts";

const wamp = (text: string): string => `event: wamp\ndata: ${text}\n\n`;

test("[T-07] a poll waits for a message and is answered with one; what else there is waits for the next", async () => {
  const transport = await new HttpWorld().open();
  const poll = transport.receive();
  assert.equal(poll.status, 0);
  assert.equal(transport.post("[1]", "[2]"), 2);
  assert.deepEqual([poll.status, poll.text], [200, "[1]"]);
  assert.equal(poll.response?.headers["content-type"], "application/json");
  assert.equal(transport.receive().text, "[2]");
  assert.equal(transport.receive().status, 0);
});

test("[T-07] a poll for which no message comes in time is answered 204", async () => {
  const world = new HttpWorld({ poll_ms: 10_000 });
  const transport = await world.open();
  const poll = transport.receive();
  world.scheduler.advance(9_990);
  assert.equal(poll.status, 0);
  world.scheduler.advance(700);
  assert.equal(poll.status, 204);
  transport.post("[1]");
  assert.equal(transport.receive().text, "[1]");
});

test("[T-07] of two polls the older is answered 204, and the newer gets the message", async () => {
  const transport = await new HttpWorld().open();
  const [older, newer] = [transport.receive(), transport.receive()];
  assert.equal(older.status, 204);
  transport.post("[1]");
  assert.equal(newer.text, "[1]");
  assert.equal(older.answers, 1);
});

test("[T-07] a poll whose client goes away takes no message with it", async () => {
  const transport = await new HttpWorld().open();
  transport.receive().leave();
  transport.post("[1]");
  assert.equal(transport.receive().text, "[1]");
});

test("[T-07] closing answers the waiting poll 204", async () => {
  const transport = await new HttpWorld().open();
  const poll = transport.receive();
  assert.equal(transport.close().status, 202);
  assert.equal(poll.status, 204);
  await transport.session.closed;
});

test("[T-07 T-08] the queue is bounded in messages and bytes; beyond, send() takes no more until half of it is fetched", async () => {
  for (const [limits, text] of [
    [{ httpQueueMessages_max: 4 }, "[1]"],
    [{ httpQueueBytes_max: 400 }, "x".repeat(100)],
  ] as const) {
    const transport = await new HttpWorld(limits).open();
    assert.equal(transport.post(...Array<string>(10).fill(text)), 4);
    assert.equal(transport.post(text), 0);
    assert.equal(transport.session.connection.bufferedBytes(), 4 * text.length);
    transport.receive();
    assert.equal(transport.session.drains.pending, 0, "three are left");
    transport.receive();
    assert.equal(transport.session.drains.pending, 1, "two are left");
    transport.receive();
    assert.equal(transport.session.drains.pending, 1, "told once");
  }
});

test("[T-07] a message larger than the whole queue goes through an empty one", async () => {
  const transport = await new HttpWorld({ httpQueueBytes_max: 10 }).open();
  assert.equal(transport.post("x".repeat(1_000), "[2]"), 1);
  assert.equal(transport.receive().text.length, 1_000);
});

test("[T-07] a session that closes leaves what it said to be fetched, for two seconds or until its client knows", async () => {
  const world = new HttpWorld();
  const [fetched, closed, left] = [await world.open(), await world.open(), await world.open()];
  for (const transport of [fetched, closed, left]) {
    transport.post("[3]", "[6]");
    transport.session.connection.close(1008, "wamp.error.no_such_realm");
  }
  assert.equal(fetched.receive().text, "[3]");
  assert.equal(fetched.session.closeCount, 0);
  assert.equal(fetched.receive().text, "[6]");
  assert.equal(fetched.send("[6]").status, 410);
  assert.equal(fetched.session.closeCount, 0);
  assert.equal(fetched.receive().status, 410);
  await fetched.session.closed;
  assert.equal(closed.receive().text, "[3]");
  assert.equal(closed.close().status, 202);
  await closed.session.closed;
  world.scheduler.advance(3_000);
  await left.session.closed;
  assert.equal(left.receive().status, 410);
});

test("[T-07] a poll that waits when the session closes or is terminated is answered 410", async () => {
  for (const end of ["close", "terminate"] as const) {
    const transport = await new HttpWorld().open();
    const poll = transport.receive();
    transport.session.connection[end](1001, "bye");
    assert.equal(transport.session.closeCount, 0, "not from inside the call");
    assert.deepEqual([poll.status, poll.json["error"]], [410, "transport_closed"]);
    await transport.session.closed;
    assert.equal(transport.post("[1]"), 1, "what is sent afterwards goes nowhere");
    assert.equal(transport.session.closeCount, 1);
  }
});

test("[T-08] a stream begins with a comment and carries what waited and what comes, one event each, in order", async () => {
  const transport = await new HttpWorld().open("sse");
  transport.post("[1]", "[2]");
  const stream = transport.receive();
  assert.equal(stream.head?.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.equal(stream.head?.headers["cache-control"], "no-store");
  transport.post("[3]");
  assert.deepEqual(stream.pieces, [": open\n\n", wamp("[1]") + wamp("[2]"), wamp("[3]")]);
});

test("[T-08] JSON over several lines stays one event, and means the same to its reader", async () => {
  for (const text of ['[1,\n"a"]', "[\r\n\t1\r]", "\n[1]\n", '["\u2028 \\n \\r"]', "[1]"]) {
    const events = sseEvents([new TextEncoder().encode(text), new TextEncoder().encode("[9]")]);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(events);
        controller.close();
      },
    });
    const found: unknown[] = [];
    for await (const { event, data } of new SseReader(body)) found.push(event, JSON.parse(data));
    assert.deepEqual(found, ["wamp", JSON.parse(text), "wamp", [9]], JSON.stringify(text));
  }
});

test("[T-08] a stream with nothing to say gets a comment in each keep-alive interval, and none while messages come", async () => {
  const world = new HttpWorld({ sseKeepAlive_ms: 16_000, httpIdle_ms: 100_000 });
  const transport = await world.open("sse");
  const stream = transport.receive();
  for (let i = 0; i < 5; i++) {
    world.scheduler.advance(8_000);
    transport.post("[1]");
  }
  assert.equal(stream.pieces.filter((piece) => piece === ": keepalive\n\n").length, 0);
  world.scheduler.advance(3 * 16_000 + 2_000);
  assert.equal(stream.pieces.filter((piece) => piece === ": keepalive\n\n").length, 3);
});

test("[T-08] a stream that is open keeps its transport alive, and one that has broken does so for the idle time", async () => {
  const world = new HttpWorld({ httpIdle_ms: 20_000 });
  const transport = await world.open("sse");
  const stream = transport.receive();
  world.scheduler.advance(200_000);
  assert.equal(transport.session.closeCount, 0);
  stream.leave();
  world.scheduler.advance(15_000);
  transport.post("[1]");
  const again = transport.receive();
  assert.equal(again.pieces[1], wamp("[1]"), "the client has come back");
  again.leave();
  world.scheduler.advance(21_000);
  await transport.session.closed;
});

test("[T-08] a stream whose socket is full is written to when it drains; meanwhile the queue fills and send() stops", async () => {
  const world = new HttpWorld({ httpQueueMessages_max: 3 });
  const transport = await world.open("sse");
  const stream = transport.receive();
  stream.isFull = true;
  assert.equal(transport.post("[1]"), 1);
  assert.equal(transport.post("[2]", "[3]", "[4]", "[5]"), 3);
  assert.equal(stream.pieces.length, 2);
  stream.drain();
  assert.equal(stream.pieces[2], wamp("[2]") + wamp("[3]") + wamp("[4]"));
  assert.equal(transport.session.drains.pending, 1);
});

test("[T-08] a stream that breaks, or is replaced, while its socket is full ends the session: messages were lost with it", async () => {
  for (const how of ["breaks", "is replaced"]) {
    const transport = await new HttpWorld().open("sse");
    const stream = transport.receive();
    stream.isFull = true;
    transport.post("[1]");
    if (how === "breaks") stream.leave();
    assert.equal(transport.receive().status, 410, how);
    await transport.session.closed;
  }
});

test("[T-08] a stream that does not read for the idle time ends the session", async () => {
  const world = new HttpWorld({ httpIdle_ms: 20_000 });
  const transport = await world.open("sse");
  const stream = transport.receive();
  stream.isFull = true;
  transport.post("[1]");
  world.scheduler.advance(19_000);
  stream.drain();
  stream.isFull = true;
  transport.post("[2]");
  world.scheduler.advance(19_000);
  assert.equal(transport.session.closeCount, 0);
  world.scheduler.advance(3_000);
  await transport.session.closed;
  assert.ok(stream.isEnded);
});

test("[T-08] of two streams the older is ended, and the newer goes on", async () => {
  const transport = await new HttpWorld().open("sse");
  const [older, newer] = [transport.receive(), transport.receive()];
  assert.ok(older.isEnded);
  transport.post("[1]");
  assert.equal(newer.pieces[1], wamp("[1]"));
  assert.deepEqual(older.pieces, [": open\n\n"], "it was not told that its transport has ended");
});

test("[T-08] a session that closes says so on the stream, behind its last message", async () => {
  const transport = await new HttpWorld().open("sse");
  const stream = transport.receive();
  transport.post("[6]");
  transport.session.connection.close(1001, "wamp.close.system_shutdown");
  assert.deepEqual(stream.pieces.slice(1), [
    wamp("[6]"),
    "event: transport_error\ndata: session_terminated\n\n",
  ]);
  assert.ok(stream.isEnded);
  await transport.session.closed;
});
