/** Long-poll and event streams over real sockets, on each adapter of this runtime. */
import assert from "node:assert/strict";
import { Serializer } from "../../src/protocol/serializers.ts";
import { httpTest } from "../support/http-fetch.ts";
import { HttpLine, requestBytes } from "../support/http-line.ts";
import { SseReader } from "../support/sse-reader.ts";
import { until, type Wire } from "../support/wire.ts";

const hello = '[1,"realm1",{"roles":{"subscriber":{}}}]';

httpTest(
  "[T-07] every status has its cause",
  { limits: { poll_ms: 100, frameBytes_max: 1_024 } },
  async (all) => {
    const at = "/wamp/longpoll";
    const path = await all.open();
    const table: readonly (readonly [string, string, string | undefined, string])[] = [
      ["POST", `${at}/open`, "{", "400 invalid_json"],
      ["POST", `${at}/open`, '{"protocols":["wamp.2.bert"]}', "400 no_supported_protocol"],
      ["POST", `${at}/open`, "x".repeat(10_000), "413 body_too_large"],
      ["GET", `${at}/open`, undefined, "405 method_not_allowed"],
      ["PUT", `${path}/send`, "[1]", "405 method_not_allowed"],
      ["POST", `${at}/nobody/send`, "[1]", "404 transport_not_found"],
      ["POST", `${at}/AAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA/receive`, undefined, "404 transport_not_found"],
      ["POST", `${at}/nobody`, undefined, "404 not_found"],
      ["POST", `${path}/send`, "", "400 message_error"],
      ["POST", `${path}/send`, `["${"x".repeat(1_024)}"]`, "413 body_too_large"],
      ["POST", `${path}/receive?x=1`, undefined, "204 "],
      ["POST", `${path}/send?x=2`, hello, "202 "],
      ["POST", `${path}/receive`, undefined, "200 "],
      ["POST", `${path}/send`, "[no message", "400 message_error"],
      ["POST", `${path}/send`, "[1]", "410 transport_closed"],
      ["POST", `${path}/receive`, undefined, "200 "],
      ["POST", `${path}/receive`, undefined, "410 transport_closed"],
      ["POST", `${path}/receive`, undefined, "410 transport_closed"],
      ["POST", `${path}/close`, undefined, "202 "],
    ];
    for (const [method, asked, body, expected] of table) {
      const answer = await all.ask(method, asked, body === undefined ? {} : { body });
      assert.equal(`${answer.status} ${answer.error}`, expected, `${method} ${asked} ${body?.slice(0, 30)}`);
      if (answer.status === 405) assert.equal(answer.headers.get("allow"), "POST, OPTIONS");
      if (answer.error !== "") assert.equal(answer.headers.get("content-type"), "application/json");
    }
  },
);

httpTest(
  "[T-07] a session that breaks the protocol is told why before its transport ends",
  {},
  async (all) => {
    const path = await all.join();
    assert.equal((await all.post(`${path}/send`, '[70,1,{"progress":7}]')).status, 400);
    const abort = JSON.parse((await all.post(`${path}/receive`)).text) as unknown[];
    assert.deepEqual([abort[0], abort[2]], [3, "wamp.error.protocol_violation"]);
    assert.equal((await all.post(`${path}/receive`)).status, 410);
  },
);

/** Events and calls both ways between two sessions. */
async function talk(one: Wire, other: Wire): Promise<void> {
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    const subscription = await here.subscribe("com.example.topic");
    const registration = await here.register("com.example.procedure");
    for (let i = 0; i < 5; i++) await there.publish("com.example.topic", {}, [i, "é€😀"]);
    for (let i = 0; i < 5; i++) assert.deepEqual((await here.event()).payload, [[i, "é€😀"]]);
    const request = there.call("com.example.procedure", {}, [1, { a: null }]);
    const invocation = await here.invocation();
    assert.deepEqual(invocation.payload, [[1, { a: null }]]);
    here.yield(invocation.request, {}, ["done"]);
    await there.expect([50, request, {}, ["done"]]);
    await here.unregister(registration);
    await here.unsubscribe(subscription);
  }
}

for (const name of ["json", "msgpack", "cbor"] as const)
  for (const suffix of ["", ".batched"] as const)
    httpTest(
      `[T-07] long-poll in ${name}${suffix}: events and calls both ways with WebSocket and long-poll clients`,
      {},
      async (all) => {
        const longpoll = await all.http("longpoll", Serializer[name], suffix);
        await talk(longpoll, await all.webSocket(Serializer.msgpack));
        await talk(longpoll, await all.http("longpoll", Serializer.json));
        await longpoll.leave();
      },
    );

httpTest(
  "[T-08] an event stream: events and calls both ways with WebSocket, long-poll and stream clients",
  {},
  async (all) => {
    const stream = await all.http("sse", Serializer.json);
    await talk(stream, await all.webSocket(Serializer.cbor));
    await talk(stream, await all.http("longpoll", Serializer.msgpack));
    await talk(stream, await all.http("sse", Serializer.json));
    await stream.leave();
  },
);

httpTest("[T-07] a poll that is aborted takes no message with it", {}, async (all) => {
  const path = await all.join();
  await all.post(`${path}/send`, '[32,1,{},"com.a"]');
  assert.match((await all.post(`${path}/receive`)).text, /^\[33,1,/);
  const publisher = await all.webSocket(Serializer.msgpack);
  for (let i = 0; i < 5; i++) {
    const aborting = new AbortController();
    const poll = all.ask("POST", `${path}/receive`, { signal: aborting.signal });
    const rejected = assert.rejects(poll);
    await new Promise((resolve) => setTimeout(resolve, 20));
    aborting.abort();
    await rejected;
    // Until the router knows.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await publisher.publish("com.a", {}, [i]);
    assert.match((await all.post(`${path}/receive`)).text, new RegExp(`\\[${i}\\]\\]$`));
  }
  await all.post(`${path}/close`);
});

httpTest(
  "[T-07] sends on several connections are handed over in the order in which they began",
  {},
  async (all) => {
    const path = await all.join();
    const requests = Array.from({ length: 6 }, (_, i) =>
      requestBytes({ path: `${path}/send`, body: `[32,${i + 1},{},"com.${"a".repeat(i + 1)}"]` }),
    );
    const lines = requests.map(() => new HttpLine(all.origin));
    const replies: Promise<{ status: number }>[] = [];
    const cut = (bytes: Buffer): number => bytes.indexOf("\r\n\r\n") + 6;
    for (const [i, bytes] of requests.entries()) {
      // All of the head, and a little of the body.
      replies.push(lines[i]!.exchange(bytes.subarray(0, cut(bytes))));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    for (const [i, bytes] of [...requests.entries()].toReversed())
      lines[i]!.socket!.write(bytes.subarray(cut(bytes)));
    for (const reply of replies) assert.equal((await reply).status, 202);
    for (let i = 1; i <= 6; i++)
      assert.match((await all.post(`${path}/receive`)).text, new RegExp(`^\\[33,${i},`));
    await all.post(`${path}/close`);
    for (const line of lines) line.close();
  },
);

httpTest(
  "[T-07] a client that is silent for the idle time is gone, with its registrations",
  { limits: { httpIdle_ms: 400 } },
  async (all) => {
    const path = await all.join();
    await all.post(`${path}/send`, '[64,1,{},"com.example.procedure"]');
    assert.match((await all.post(`${path}/receive`)).text, /^\[65,1,/);
    assert.equal(all.router.stats().registrations, 1);
    await until("the idle client is gone", () => all.router.stats().connections === 0);
    assert.equal(all.router.stats().registrations, 0);
    assert.equal((await all.post(`${path}/receive`)).status, 410);
  },
);

httpTest(
  "[T-07] a client that does not say HELLO in time is told so",
  { limits: { handshake_ms: 300 } },
  async (all) => {
    const path = await all.open();
    const { text } = await all.post(`${path}/receive`);
    assert.match(text, /^\[3,\{"message":"the session was not opened in time"\},"wamp.error.timeout"\]$/);
    assert.equal((await all.post(`${path}/receive`)).status, 410);
  },
);

httpTest(
  "[T-07 T-08] HTTP transports count among the connections, and one too many is answered 503",
  { limits: { connections_max: 2 } },
  async (all) => {
    const paths = [await all.open("longpoll"), await all.open("sse")];
    const full = await all.post("/wamp/longpoll/open", '{"protocols":["wamp.2.json"]}');
    assert.equal(`${full.status} ${full.error}`, "503 overloaded");
    for (const path of paths) assert.equal((await all.post(`${path}/close`)).status, 202);
  },
);

httpTest(
  "[T-07] a client that does not fetch its events loses what its session may not hold, and nobody else does",
  { limits: { httpQueueMessages_max: 10, outboxBytes_max: 4 << 20 } },
  async (all) => {
    const [path, reader] = [await all.join(), await all.http("longpoll", Serializer.json)];
    await all.post(`${path}/send`, '[32,1,{},"com.a"]');
    assert.match((await all.post(`${path}/receive`)).text, /^\[33,1,/);
    await reader.subscribe("com.a");
    const publisher = await all.webSocket(Serializer.msgpack);
    const text = "x".repeat(100_000);
    for (let i = 0; i < 100; i++) {
      await publisher.publish("com.a", {}, [i, text]);
      assert.equal(((await reader.event()).payload[0] as unknown[])[0], i);
    }
    assert.ok(
      all.router.metrics.eventsDroppedSlow > 30,
      `${all.router.metrics.eventsDroppedSlow} were dropped`,
    );
    assert.ok(all.router.stats().heldBytes <= 4 << 20);
    for (let i = 0; i < 40; i++)
      assert.ok((await all.post(`${path}/receive`)).text.includes(`[${i},"xxx`), `event ${i} comes in order`);
    await all.post(`${path}/close`);
  },
);

httpTest(
  "[T-08] a stream that is not read loses what its session may not hold; once it is read the rest comes in order",
  { limits: { outboxBytes_max: 4 << 20 } },
  async (all) => {
    const path = await all.open("sse");
    const answer = await fetch(`${all.origin}${path}/receive`);
    await all.post(`${path}/send`, hello);
    await all.post(`${path}/send`, '[32,1,{},"com.a"]');
    const publisher = await all.webSocket(Serializer.msgpack);
    const text = "x".repeat(500_000);
    for (let i = 0; i < 100; i++) await publisher.publish("com.a", {}, [i, text]);
    assert.ok(all.router.metrics.eventsDroppedSlow > 0, "the kernel does not hold 50 MB");
    assert.ok(all.router.stats().heldBytes <= 4 << 20);
    let last = -1;
    for await (const { data } of new SseReader(answer.body!)) {
      if (!data.startsWith("[36,")) continue;
      const [i] = (JSON.parse(data) as unknown[])[4] as [number];
      assert.ok(i > last, `${i} behind ${last}`);
      if (last < 100 && all.router.stats().heldBytes === 0) await publisher.publish("com.a", {}, [1_000]);
      last = i;
      if (last === 1_000) break;
    }
    assert.equal(last, 1_000);
    await all.post(`${path}/close`);
  },
);

httpTest(
  "[T-08] a stream opens at once, is kept alive, and another that takes its place goes on",
  { limits: { sseKeepAlive_ms: 100 } },
  async (all) => {
    const path = await all.open("sse");
    const first = await fetch(`${all.origin}${path}/receive`);
    assert.equal(first.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const reader = new SseReader(first.body!);
    const events = reader[Symbol.asyncIterator]();
    await all.post(`${path}/send`, hello);
    assert.match((await events.next()).value?.data ?? "", /^\[2,/);
    const over = events.next();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const second = await fetch(`${all.origin}${path}/receive`);
    assert.ok((await over).done, "the first has ended");
    assert.ok(reader.comments.filter((comment) => comment === "keepalive").length >= 2);
    await all.post(`${path}/send`, '[32,1,{},"com.a"]');
    const others = new SseReader(second.body!)[Symbol.asyncIterator]();
    assert.match((await others.next()).value?.data ?? "", /^\[33,1,/);
    await all.post(`${path}/close`);
    assert.ok((await others.next()).done);
    assert.equal((await all.ask("GET", `${path}/receive`)).status, 410);
  },
);

httpTest("[T-08] a message over several lines is one event", {}, async (all) => {
  const stream = await all.http("sse", Serializer.json);
  await stream.subscribe("com.a");
  const publisher = await all.http("longpoll", Serializer.json);
  publisher.sendBytes(Buffer.from('[16,1,{},"com.a",[1,\n  {"a":\r\n2}\r]]'));
  assert.deepEqual((await stream.event()).payload, [[1, { a: 2 }]]);
});

httpTest(
  "[T-07 T-08] a router that closes says GOODBYE to those who wait, and that their transports have ended",
  {},
  async (all) => {
    const waiting = await all.join();
    const poll = all.post(`${waiting}/receive`);
    const path = await all.open("sse");
    const answer = await fetch(`${all.origin}${path}/receive`);
    await all.post(`${path}/send`, hello);
    const closed = all.router.close();
    assert.match((await poll).text, /^\[6,.*"wamp.close.system_shutdown"\]$/);
    await all.post(`${waiting}/send`, '[6,{},"wamp.close.goodbye_and_out"]');
    assert.equal((await all.post(`${waiting}/receive`)).status, 410);
    const found: string[] = [];
    for await (const { event, data } of new SseReader(answer.body!)) {
      found.push(event === "wamp" ? String((JSON.parse(data) as unknown[])[0]) : data);
      if (found.at(-1) === "6") await all.post(`${path}/send`, '[6,{},"wamp.close.goodbye_and_out"]');
    }
    assert.deepEqual(found, ["2", "6", "session_terminated"]);
    await closed;
  },
);

httpTest(
  "[T-07 T-08] a preflight is answered, and a page of a configured origin may ask",
  { http: { origins: ["https://app.example"] } },
  async (all) => {
    const ask = (origin: string) =>
      all.ask("OPTIONS", "/wamp/sse/open", {
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type",
        },
      });
    const allowed = await ask("https://app.example");
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
    assert.equal(allowed.headers.get("access-control-allow-credentials"), "true");
    const other = await ask("https://other.example");
    assert.equal(other.status, 204);
    assert.equal(other.headers.get("access-control-allow-origin"), null);
  },
);

httpTest(
  "[T-07 T-08] what is switched off is not there, and a path may be chosen",
  { http: { longpoll: "/lp", sse: false } },
  async (all) => {
    const body = '{"protocols":["wamp.2.json"]}';
    assert.equal((await all.post("/wamp/longpoll/open", body)).status, 404);
    assert.equal((await all.post("/wamp/sse/open", body)).status, 404);
    const { status, text } = await all.post("/lp/open", body);
    assert.equal(status, 200);
    assert.equal(
      (await all.post(`/lp/${(JSON.parse(text) as { transport: string }).transport}/close`)).status,
      202,
    );
  },
);

httpTest(
  "[T-07 T-08] without HTTP every path but that of WebSocket is answered 404",
  { http: false },
  async (all) => {
    const answer = await all.post("/wamp/longpoll/open", '{"protocols":["wamp.2.json"]}');
    assert.equal(answer.status, 404);
    await (await all.webSocket(Serializer.json)).leave();
  },
);
