/** What every adapter must do with HTTP requests beside WebSocket: the same cases over uWebSockets.js, Bun's server and node:http. */
import assert from "node:assert/strict";
import type { HttpExchange, HttpResponse } from "../../src/ports.ts";
import { type HttpLine, requestBytes } from "./http-line.ts";
import { ok, serving } from "./http-serving.ts";
import { leavingCases, streamCases } from "./http-stream-suite.ts";
import { type Case, runCases, type Skip, type Subject } from "./transport-subject.ts";
import { answer, connect } from "./websocket-subject.ts";

/** Answers with the body as it came, or with the problem in capitals. */
const echo = (bytes_max: number) => (exchange: HttpExchange) => {
  exchange.readBody(bytes_max, (body) =>
    typeof body === "string"
      ? exchange.respond({ status: body === "too large" ? 413 : 503, headers: {}, body: body.toUpperCase() })
      : exchange.respond(ok(new Uint8Array(body))),
  );
  return true;
};

const chunked = (pieces: readonly string[]): Buffer =>
  Buffer.concat([
    requestBytes({ path: "/x", headers: { "content-length": "", "transfer-encoding": "chunked" } }),
    ...pieces.map((piece) => Buffer.from(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)),
    Buffer.from("0\r\n\r\n"),
  ]);

/** Sends so many bytes at once and the others one by one; gives the body of the reply. */
async function trickle(line: HttpLine, bytes: Buffer, atOnce: number): Promise<string> {
  const reply = line.exchange(bytes.subarray(0, atOnce));
  for (const byte of bytes.subarray(atOnce)) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    line.socket!.write(Buffer.of(byte));
  }
  return (await reply).body.toString();
}

export const headByBytes = "a request whose head comes byte by byte is answered";

const requestCases: readonly Case[] = [
  [
    "a request's method, path, query, headers and peer reach the handler as they are",
    (subject) =>
      serving(subject, {}, async ({ exchanges, line }) => {
        const lines =
          "PATCH /a%20b/c?x=1&y=%3F?z HTTP/1.1\r\nHost: h\r\nX-One: a\r\nx-one: b\r\nX-Two:  c \r\n\r\n";
        const reply = line().exchange(Buffer.from(lines));
        const exchange = await exchanges.next();
        assert.equal(exchange.method, "PATCH");
        assert.equal(exchange.path, "/a%20b/c");
        assert.equal(exchange.query, "x=1&y=%3F?z");
        assert.equal(exchange.headers.get("x-one"), "a, b");
        assert.equal(exchange.headers.get("x-two"), "c");
        assert.equal(exchange.headers.get("x-three"), undefined);
        assert.equal(exchange.peer, "127.0.0.1");
        exchange.respond(ok());
        assert.equal((await reply).status, 200);
      }),
  ],
  [
    "bodies of every length come back whole, one after the other on one connection",
    (subject) =>
      serving(subject, { handle: echo(1 << 20) }, async ({ line }) => {
        const one = line();
        for (const length of [0, 1, 1_000, 16_384, 65_536, 300_000, 1 << 20]) {
          const body = Buffer.alloc(length, length % 251);
          const reply = await one.request({ path: "/x", body });
          assert.equal(reply.status, 200);
          assert.ok(reply.body.equals(body), `${length} bytes`);
        }
      }),
  ],
  [
    "a body in chunks, and one that comes byte by byte, arrive whole",
    (subject) =>
      serving(subject, { handle: echo(1_000) }, async ({ line }) => {
        assert.equal((await line().exchange(chunked(["he", "l", "lo"]))).body.toString(), "hello");
        const bytes = requestBytes({ path: "/x", body: "trickle" });
        assert.equal(await trickle(line(), bytes, bytes.length - 7), "trickle");
      }),
  ],
  [
    headByBytes,
    (subject) =>
      serving(subject, { handle: echo(1_000) }, async ({ line }) => {
        assert.equal(await trickle(line(), requestBytes({ path: "/x", body: "trickle" }), 1), "trickle");
      }),
  ],
  [
    "a body larger than allowed is told to the handler: as announced, or as soon as there is too much of it",
    (subject) =>
      serving(subject, { handle: echo(1_000) }, async ({ line }) => {
        assert.equal((await line().request({ path: "/x", body: "x".repeat(1_000) })).status, 200);
        const announced = requestBytes({ path: "/x", headers: { "content-length": "1001" } });
        assert.equal((await line().exchange(announced)).body.toString(), "TOO LARGE");
        const more = await line().exchange(chunked(["x".repeat(600), "x".repeat(600)]));
        assert.equal(more.body.toString(), "TOO LARGE");
      }),
  ],
  [
    "a huge body is refused while it is being sent, and the client can read why",
    (subject) =>
      serving(subject, { handle: echo(1_000) }, async ({ line }) => {
        const reply = await line().request({ path: "/x", body: Buffer.alloc(20 << 20) });
        assert.equal(reply.status, 413);
      }),
  ],
  [
    "beyond what a listener may hold of bodies, a request is told so; what is held is given back",
    (subject) =>
      serving(subject, { handle: echo(3_000), bodiesBytes_max: 4_000 }, async ({ line }) => {
        const [first, second] = [line(), line()];
        const body = "x".repeat(3_000);
        const bytes = requestBytes({ path: "/x", body });
        const half = first.exchange(bytes.subarray(0, bytes.length - 500));
        let refused = 0;
        for (let i = 0; i < 200 && refused === 0; i++) {
          // In pieces of which no request is short: the last one is not held.
          const reply = await second.exchange(chunked([body.slice(0, 2_500), body.slice(2_500)]));
          if (reply.status === 503) refused++;
        }
        assert.equal(refused, 1);
        first.socket!.write(bytes.subarray(bytes.length - 500));
        assert.equal((await half).status, 200);
        for (let i = 0; i < 5; i++)
          assert.equal(
            (await second.exchange(chunked([body.slice(0, 2_500), body.slice(2_500)]))).status,
            200,
          );
      }),
  ],
];

const notUpgrading = { upgrade: "", connection: "", "sec-websocket-key": "", "sec-websocket-version": "" };

const answerCases: readonly Case[] = [
  [
    "status, headers and body of an answer reach the client, now or later",
    (subject) =>
      serving(subject, {}, async ({ exchanges, line }) => {
        const one = line();
        for (const body of ["é€😀", Buffer.from([0, 255, 10, 13]), "x".repeat(500_000)]) {
          const reply = one.request({ method: "GET", path: "/" });
          const exchange = await exchanges.next();
          await new Promise((resolve) => setTimeout(resolve, 5));
          exchange.respond({
            status: 418,
            headers: { "content-type": "text/x", "set-cookie": ["a=1", "b=2"] },
            body,
          });
          const { status, headers, body: got } = await reply;
          assert.equal(status, 418);
          assert.equal(headers.get("content-type"), "text/x");
          assert.equal(headers.get("set-cookie"), "b=2", "the last of two lines");
          assert.ok(got.equals(Buffer.from(body)));
        }
      }),
  ],
  [
    "204 has no body and no length, another answer without a body has the length 0, HEAD has the length alone",
    (subject) =>
      serving(subject, {}, async ({ exchanges, line }) => {
        const ask = async (method: string, response: HttpResponse) => {
          const bytes = requestBytes({ method, path: "/" });
          const [reply, exchange] = [line().exchange(bytes), await exchanges.next()];
          exchange.respond(response);
          return reply;
        };
        const none = await ask("POST", { status: 204, headers: { "x-a": "b" } });
        assert.deepEqual([none.status, none.headers.get("x-a")], [204, "b"]);
        assert.equal(none.headers.get("content-length"), undefined);
        const empty = await ask("POST", { status: 202, headers: {} });
        assert.deepEqual([empty.status, empty.headers.get("content-length")], [202, "0"]);
        const head = await ask("HEAD", ok("twelve bytes"));
        assert.deepEqual([head.headers.get("content-length"), head.body.length], ["12", 0]);
      }),
  ],
  [
    "a path that the service does not know is answered 404, and WebSocket is served as before",
    (subject) =>
      serving(subject, { handle: ({ path }) => path === "/known" && false }, async (all) => {
        const reply = await all.line().request({ path: "/" });
        assert.equal(reply.status, 404);
        assert.match(reply.body.toString(), /nothing at this path/);
        assert.equal((await answer(all, { headers: notUpgrading })).status, 426);
        assert.equal((await answer(all, { path: "/other", offer: "wamp.2.json" })).status, 404);
        const { client, session } = await connect(all, "wamp.2.json");
        session.post(Buffer.from("[1]"));
        assert.equal((await client.message()).toString(), "[1]");
      }),
  ],
  [
    "a handler that throws is answered 500 and told, now or when the body is there, and others are served",
    (subject) => {
      const handle = (exchange: HttpExchange): boolean => {
        if (exchange.path === "/now") throw new Error("now");
        exchange.readBody(100, () => {
          if (exchange.path === "/later") throw new Error("later");
          exchange.respond(ok());
        });
        return true;
      };
      return serving(subject, { handle }, async ({ line, faults }) => {
        const one = line();
        for (const [path, status] of [
          ["/now", 500],
          ["/later", 500],
          ["/", 200],
        ] as const)
          assert.equal((await one.request({ path, body: "x" })).status, status, path);
        assert.deepEqual(
          faults.map((fault) => (fault as Error).message),
          ["now", "later"],
        );
      });
    },
  ],
  [
    "the second answer to a request, and one to a client that is gone, go nowhere",
    (subject) =>
      serving(subject, {}, async ({ exchanges, line }) => {
        const one = line();
        const reply = one.request({ path: "/" });
        const exchange = await exchanges.next();
        exchange.respond(ok("first"));
        exchange.respond(ok("second"));
        exchange.stream({ status: 200, headers: {} }).write(Buffer.from("third"));
        assert.equal((await reply).body.toString(), "first");
        const again = one.request({ path: "/" });
        (await exchanges.next()).respond(ok("again"));
        assert.equal((await again).body.toString(), "again");
      }),
  ],
];

export function runHttpExchangeSuite(subject: Subject, skip: readonly Skip[] = []): void {
  runCases(subject, [...requestCases, ...answerCases, ...leavingCases, ...streamCases], skip);
}
