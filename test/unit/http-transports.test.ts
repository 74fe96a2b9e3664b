/** The HTTP transports without a server: who finds which transport, order, bounds, time, and how transports end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeExchange } from "../support/fake-exchange.ts";
import { HttpWorld, Opened } from "../support/http-world.ts";

const errorOf = ({ status, json }: FakeExchange): string => `${status} ${String(json["error"])}`;

test("[T-07 T-08] an open request is answered with the first protocol of the client that is known, and an id that names its owner", () => {
  const world = new HttpWorld();
  const protocols = ["soap", "wamp.2.cbor", "wamp.2.json"];
  const { status, json } = world.ask({ path: "/lp/open", body: JSON.stringify({ protocols }) });
  assert.equal(status, 200);
  assert.equal(json["protocol"], "wamp.2.cbor");
  assert.match(String(json["transport"]), /^[\w-]{8}\.[\w-]{22}$/);
  assert.equal(String(json["transport"]).split(".")[0], world.transports.owner);
  const sse = world.ask({ path: "/sse/open", body: '{"protocols":["wamp.2.cbor","wamp.2.json.sse"]}' });
  assert.equal(sse.json["protocol"], "wamp.2.json.sse");
});

test("[T-07 T-08] an open request that cannot be answered with a transport says why", () => {
  const world = new HttpWorld();
  for (const body of ["", "{", "[", "\xff", '"', "{'protocols':[]}"])
    assert.equal(errorOf(world.ask({ path: "/lp/open", body })), "400 invalid_json", body);
  for (const body of ["{}", "null", "7", '{"protocols":"wamp.2.json"}', '{"protocols":["soap",7,null]}']) {
    const answer = world.ask({ path: "/lp/open", body });
    assert.equal(errorOf(answer), "400 no_supported_protocol", body);
    assert.ok((answer.json["supported"] as string[]).includes("wamp.2.json"));
  }
  const tooLarge = world.ask({ path: "/lp/open", body: " ".repeat(8_193) });
  assert.equal(errorOf(tooLarge), "413 body_too_large");
  world.probe.full = true;
  const full = world.ask({ path: "/lp/open", body: '{"protocols":["wamp.2.json"]}' });
  assert.equal(errorOf(full), "503 overloaded");
  assert.equal(world.transports.connectionCount, 0);
});

test("[T-07 T-08] a wrong method is answered 405 and Allow, OPTIONS is answered, another path is not found", () => {
  const world = new HttpWorld();
  for (const [path, allow] of [
    ["/lp/open", "POST, OPTIONS"],
    ["/lp/x/receive", "POST, OPTIONS"],
    ["/sse/x/receive", "GET, OPTIONS"],
    ["/sse/x/close", "POST, OPTIONS"],
  ] as const) {
    const answer = world.ask({ method: "DELETE", path });
    assert.equal(errorOf(answer), "405 method_not_allowed", path);
    assert.equal(answer.response?.headers["allow"], allow);
    const options = world.ask({ method: "OPTIONS", path });
    assert.equal(options.status, 204);
    assert.equal(options.response?.headers["allow"], allow);
  }
  for (const path of ["/lp/", "/lp/x", "/lp/x/y", "/lp/x/send/", "/lp//send", "/sse/open/receive/x"])
    assert.equal(errorOf(world.ask({ path })), "404 not_found", path);
  for (const path of ["/", "/lp", "/lpx/open", "/LP/open"])
    assert.equal(world.transports.handle(new FakeExchange({ path })), false, path);
});

test("[T-07 T-08] a transport that is not known is answered 404, also under the path of the other kind", async () => {
  const world = new HttpWorld();
  const { path } = await world.open();
  for (const action of ["send", "close"])
    assert.equal(errorOf(world.ask({ path: `/sse${path.slice(3)}/${action}` })), "404 transport_not_found");
  const guessed = `${path.slice(0, -1)}${path.endsWith("A") ? "B" : "A"}`;
  for (const action of ["send", "receive", "close"])
    assert.equal(errorOf(world.ask({ path: `${guessed}/${action}` })), "404 transport_not_found");
});

test("[T-07 T-08] a request for another process's transport is forwarded, or answered 404 where that process is unknown", () => {
  const asked: string[] = [];
  const forward = (owner: string, exchange: FakeExchange): boolean => {
    asked.push(`${owner} ${exchange.path}`);
    if (owner !== "elsewher") return false;
    exchange.respond({ status: 299, headers: {} });
    return true;
  };
  const world = new HttpWorld({}, { forward: forward as never });
  const secret = "AAAAAAAAAAAAAAAAAAAAAA";
  assert.equal(world.ask({ path: `/lp/elsewher.${secret}/send` }).status, 299);
  const nobody = world.ask({ path: `/lp/nowhere_.${secret}/send` });
  assert.equal(errorOf(nobody), "404 transport_not_found");
  assert.match(String(nobody.json["message"]), /another router process/);
  assert.equal(world.ask({ path: `/lp/${world.transports.owner}.${secret}/send` }).status, 404);
  assert.deepEqual(asked, [`elsewher /lp/elsewher.${secret}/send`, `nowhere_ /lp/nowhere_.${secret}/send`]);
});

test("[T-07] a session learns who its peer is, and by which transport it comes", async () => {
  const world = new HttpWorld();
  const [longpoll, sse] = [await world.open("lp"), await world.open("sse")];
  assert.deepEqual(longpoll.session.connection.info, { kind: "longpoll", peer: "192.0.2.7" });
  assert.deepEqual(sse.session.connection.info, { kind: "sse", peer: "192.0.2.7" });
});

test("[T-07 T-08] a message that was taken is answered 202, or 204 to the client that names a charset with its JSON", async () => {
  const world = new HttpWorld();
  for (const [contentType, status] of [
    ["application/json", 202],
    ["", 202],
    ["text/plain; charset=utf-8", 202],
    ["application/json; charset=utf-8", 204],
    ["application/json;charset=UTF-8", 204],
  ] as const) {
    const transport = await world.open("lp", contentType === "" ? {} : { "content-type": contentType });
    assert.equal(transport.send("[1]").status, status, contentType);
    assert.equal(await transport.frame(), "[1]");
    assert.equal(transport.close().status, status, contentType);
  }
});

test("[T-07] messages are handed over in the order in which their requests began, whichever body is complete first", async () => {
  const world = new HttpWorld();
  const transport = await world.open();
  const [first, second, third] = [transport.send(), transport.send("[2]"), transport.send("[3]")];
  const close = transport.close();
  assert.equal(transport.session.frameCount, 0);
  first.give("[1]");
  for (const expected of ["[1]", "[2]", "[3]"]) assert.equal(await transport.frame(), expected);
  assert.deepEqual([first.status, second.status, third.status, close.status], [202, 202, 202, 202]);
  await transport.session.closed;
});

test("[T-07] a client that goes away in the middle of a body does not stop those behind it", async () => {
  const world = new HttpWorld();
  const transport = await world.open();
  const first = transport.send();
  const second = transport.send("[2]");
  first.leave();
  assert.equal(await transport.frame(), "[2]");
  assert.equal(second.status, 202);
  first.give("[1]");
  assert.equal(transport.session.frameCount, 1);
});

test("[T-07] an empty or too large body is refused and leaves the transport as it is", async () => {
  const world = new HttpWorld({ frameBytes_max: 512 });
  const transport = await world.open();
  assert.equal(errorOf(transport.send("")), "400 message_error");
  assert.equal(errorOf(transport.send("x".repeat(513))), "413 body_too_large");
  assert.equal(transport.send("x".repeat(512)).status, 202);
  assert.equal(transport.session.frameCount, 1);
});

test("[T-07] a message at which the session closes for a violation is answered 400, and those behind it 410", async () => {
  const world = new HttpWorld();
  const transport = await world.open();
  const { connection } = transport.session;
  transport.session.onFrameInstead = () => {
    transport.post("[3]");
    connection.close(1002, "wamp.error.protocol_violation");
  };
  const first = transport.send();
  const second = transport.send("[2]");
  first.give("?");
  assert.equal(errorOf(first), "400 message_error");
  assert.equal(first.json["message"], "wamp.error.protocol_violation");
  assert.equal(errorOf(second), "410 transport_closed");
  assert.equal(transport.receive().text, "[3]", "what was said before can still be fetched");
  assert.equal(errorOf(transport.receive()), "410 transport_closed");
});

test("[T-07] sends beyond the bounds are refused with 503, and none that was accepted is lost", async () => {
  const world = new HttpWorld({ httpSends_max: 3, frameBytes_max: 512, inboxBytes_max: 512 });
  const transport = await world.open();
  const first = transport.send();
  const second = transport.send("x".repeat(400));
  const third = transport.send("y".repeat(400));
  assert.equal(errorOf(third), "503 overloaded", "two of them are more than may wait");
  const fourth = transport.send("z");
  const fifth = transport.send("!");
  assert.equal(errorOf(fifth), "503 overloaded", "three requests are under way");
  assert.equal(fifth.response?.headers["retry-after"], "1");
  first.give("[1]");
  assert.equal(await transport.frame(), "[1]");
  assert.equal((await transport.frame()).length, 400);
  assert.equal(await transport.frame(), "z");
  assert.deepEqual([second.status, fourth.status], [202, 202]);
});

test("[T-07] while a session is paused its client's sends wait, and go on in order", async () => {
  const world = new HttpWorld();
  const transport = await world.open();
  const { connection } = transport.session;
  connection.pause?.(true);
  const sends = ["[1]", "[2]", "[3]"].map((body) => transport.send(body));
  assert.equal(transport.session.frameCount, 0);
  assert.ok(sends.every(({ status }) => status === 0));
  connection.pause?.(false);
  assert.equal(transport.session.frameCount, 0, "not from inside the session's own call");
  for (const expected of ["[1]", "[2]", "[3]"]) assert.equal(await transport.frame(), expected);
  assert.ok(sends.every(({ status }) => status === 202));
});

test("[T-07 T-08] requests for an ended transport are answered 410, and 404 once as many others have ended", async () => {
  const world = new HttpWorld();
  const transport = await world.open();
  assert.equal(transport.close().status, 202);
  await transport.session.closed;
  for (const asked of [transport.send("[1]"), transport.receive()])
    assert.equal(errorOf(asked), "410 transport_closed");
  assert.equal(transport.close().status, 202, "closed is what it was to be");
  for (let i = 0; i < 4_096; i++) (await world.open()).close();
  assert.equal(errorOf(transport.receive()), "404 transport_not_found");
  assert.equal(world.transports.connectionCount, 0);
});

test("[T-07 T-08] a transport nobody asks for is ended after the idle time, and any request puts that off", async () => {
  const world = new HttpWorld({ httpIdle_ms: 60_000, poll_ms: 10_000 });
  const [silent, sending, polling] = [await world.open(), await world.open(), await world.open()];
  for (let i = 0; i < 11; i++) {
    world.scheduler.advance(5_000);
    sending.send("[1]");
    if (i % 2 === 0) polling.receive();
  }
  assert.equal(silent.session.closeCount, 0);
  world.scheduler.advance(5_500);
  await silent.session.closed;
  assert.equal(sending.session.closeCount + polling.session.closeCount, 0);
  world.scheduler.advance(71_000);
  await Promise.all([sending.session.closed, polling.session.closed]);
  assert.equal(errorOf(silent.receive()), "410 transport_closed");
});

test("[T-07 T-08] when the router stops, all polls, streams and sends are answered and all sessions end", async () => {
  const world = new HttpWorld();
  const [longpoll, sse] = [await world.open("lp"), await world.open("sse")];
  const [poll, stream, send] = [longpoll.receive(), sse.receive(), sse.send()];
  const closed = world.transports.close();
  world.scheduler.settle();
  await closed;
  assert.equal(errorOf(poll), "410 transport_closed");
  assert.equal(errorOf(send), "410 transport_closed");
  assert.ok(stream.isEnded);
  assert.equal(stream.pieces.at(-1), "event: transport_error\ndata: session_terminated\n\n");
  await Promise.all([longpoll.session.closed, sse.session.closed]);
  const late = world.ask({ path: "/lp/open", body: '{"protocols":["wamp.2.json"]}' });
  assert.equal(errorOf(late), "503 overloaded");
  assert.equal(world.scheduler.timers, 0);
});

const batchedOpen = (name: string): string => JSON.stringify({ protocols: [`wamp.2.${name}.batched`] });

test("[T-07] a batched protocol: all that waits comes in one body, with the terminator that the client uses", async () => {
  for (const terminator of ["\x1e", "\x18"]) {
    const world = new HttpWorld();
    const { json } = world.ask({ path: "/lp/open", body: batchedOpen("json") });
    assert.equal(json["protocol"], "wamp.2.json.batched");
    const transport = new Opened(
      world,
      `/lp/${String(json["transport"])}`,
      await world.probe.sessions.next(),
    );
    const sent = transport.send(["[1]", "[2]", ""].join(terminator));
    assert.equal(sent.status, 202);
    assert.deepEqual([await transport.frame(), await transport.frame()], ["[1]", "[2]"]);
    transport.post("[3]", "[4]", "[5]");
    assert.equal(transport.receive().text, ["[3]", "[4]", "[5]", ""].join(terminator));
    const poll = transport.receive();
    transport.post("[6]", "[7]");
    assert.equal(poll.text, ["[6]", "[7]", ""].join(terminator));
  }
});

test("[T-07] a batch that is none is a violation, and what came before the fault was handed over", async () => {
  const world = new HttpWorld();
  for (const [name, body, frames] of [
    ["json", "[1]", 0],
    ["json", "\x1e", 0],
    ["json", "[1]\x1e\x1e", 1],
    ["msgpack", "\0\0\0", 0],
    ["msgpack", "\0\0\0\x01\x90\0\0\0\x09\x90", 1],
  ] as const) {
    const { json } = world.ask({ path: "/lp/open", body: batchedOpen(name) });
    const session = await world.probe.sessions.next();
    const transport = new Opened(world, `/lp/${String(json["transport"])}`, session);
    const violations: string[] = [];
    session.onViolation = (problem: string) => {
      violations.push(problem);
      session.connection.close(1002, "wamp.error.protocol_violation");
    };
    const sent = transport.world.ask({ path: `${transport.path}/send`, body: Buffer.from(body, "latin1") });
    assert.equal(errorOf(sent), "400 message_error", JSON.stringify(body));
    assert.equal(violations.length, 1);
    assert.equal(session.frameCount, frames);
    transport.close();
  }
});

test("[T-07] a batch of one message of the largest size passes, and one byte more does not", async () => {
  const world = new HttpWorld({ frameBytes_max: 512 });
  const { json } = world.ask({ path: "/lp/open", body: batchedOpen("json") });
  const transport = new Opened(world, `/lp/${String(json["transport"])}`, await world.probe.sessions.next());
  assert.equal(transport.send(`${"x".repeat(512)}\x1e`).status, 202);
  assert.equal(errorOf(transport.send(`${"x".repeat(513)}\x1e`)), "413 body_too_large");
});
