/** What every adapter must do with answers that take their time: streams, and clients that go away. */
import assert from "node:assert/strict";
import type { HttpExchange, HttpStream } from "../../src/ports.ts";
import { Events } from "./events.ts";
import { type HttpLine, requestBytes } from "./http-line.ts";
import { ok, type Serving, serving } from "./http-serving.ts";
import type { Case } from "./transport-subject.ts";
import { until } from "./wire.ts";

/** Settles when the exchange's client has gone. */
const gone = (exchange: HttpExchange): Promise<void> =>
  new Promise((resolve) => {
    exchange.onGone = resolve;
  });

export const leavingCases: readonly Case[] = [
  [
    "a client that goes away before its answer is noticed, and the answer goes nowhere",
    (subject) =>
      serving(subject, {}, async ({ exchanges, line }) => {
        const one = line();
        const reply = one.request({ path: "/" });
        const exchange = await exchanges.next();
        const left = gone(exchange);
        one.close();
        await assert.rejects(reply);
        await left;
        exchange.respond(ok());
      }),
  ],
  [
    "a client that goes away in the middle of its body is noticed, and the body is not handed over",
    (subject) =>
      serving(subject, {}, async ({ exchanges, line, faults }) => {
        const one = line();
        let bodies = 0;
        const reply = one.exchange(
          requestBytes({ path: "/", headers: { "content-length": "10" }, body: "0123" }),
        );
        reply.catch(() => {});
        const exchange = await exchanges.next();
        exchange.readBody(100, () => {
          bodies++;
        });
        const left = gone(exchange);
        one.close();
        await left;
        assert.deepEqual([bodies, faults.length], [0, 0]);
      }),
  ],
  [
    "a client that does not go on with its body is let go",
    (subject) =>
      serving(subject, { handshake_ms: 1_000 }, async ({ exchanges, line }) => {
        const bytes = requestBytes({ path: "/", headers: { "content-length": "10" }, body: "0123" });
        const ended = assert.rejects(line().exchange(bytes));
        const exchange = await exchanges.next();
        exchange.readBody(100, () => assert.fail("the body is not complete"));
        const left = gone(exchange);
        await ended;
        await left;
      }),
  ],
  [
    "an answer that takes longer than a handshake may is waited for",
    (subject) =>
      serving(subject, { handshake_ms: 1_000 }, async ({ exchanges, line }) => {
        const reply = line().request({ path: "/", body: "x" });
        const exchange = await exchanges.next();
        await new Promise((resolve) => setTimeout(resolve, 3_500));
        exchange.respond(ok());
        assert.equal((await reply).status, 200);
      }),
  ],
  [
    "a listener that closes ends the requests that wait",
    (subject) =>
      serving(subject, {}, async ({ exchanges, line, listener }) => {
        const replies = [line(), line()].map((one) => one.request({ path: "/" }));
        const ends = replies.map((reply) => assert.rejects(reply));
        await exchanges.next();
        await exchanges.next();
        await listener.close();
        await Promise.all(ends);
      }),
  ],
];

/** Reads the chunks of a streamed answer on a connection of its own. */
class StreamClient {
  readonly line: HttpLine;
  text = "";
  constructor(line: HttpLine) {
    this.line = line;
    line.exchange(requestBytes({ method: "GET", path: "/" })).catch(() => {});
  }
  /** What has come so far, the chunks' sizes included. */
  listen(): void {
    this.line.socket!.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
    });
  }
}

async function streaming({
  exchanges,
  line,
}: Serving): Promise<{ client: StreamClient; exchange: HttpExchange; stream: HttpStream }> {
  const client = new StreamClient(line());
  const exchange = await exchanges.next();
  client.listen();
  const stream = exchange.stream({ status: 200, headers: { "content-type": "text/x" } });
  return { client, exchange, stream };
}

export const streamCases: readonly Case[] = [
  [
    "the pieces of a stream arrive one by one, as soon as they are written, and its end too",
    (subject) =>
      serving(subject, {}, async (all) => {
        const { client, stream } = await streaming(all);
        for (const piece of ["first\n", "second\n", "third\n"]) {
          assert.ok(stream.write(Buffer.from(piece)));
          await until(`${piece} arrives`, () => client.text.includes(piece));
        }
        assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
        assert.match(client.text, /\r\ncontent-type: text\/x\r\n/i);
        stream.end();
        stream.end();
        stream.write(Buffer.from("too late"));
        await until("the end arrives", () => client.text.endsWith("0\r\n\r\n"));
      }),
  ],
  [
    "a stream may be silent for longer than a handshake may take",
    (subject) =>
      serving(subject, { handshake_ms: 1_000 }, async (all) => {
        const { client, stream } = await streaming(all);
        stream.write(Buffer.from("first"));
        await new Promise((resolve) => setTimeout(resolve, 3_500));
        stream.write(Buffer.from("second"));
        await until("the second arrives", () => client.text.includes("second"));
      }),
  ],
  [
    "a client that does not read fills its stream; once it reads, onDrain comes and every byte arrives in order",
    (subject) =>
      serving(subject, {}, async (all) => {
        const { client, stream } = await streaming(all);
        client.line.socket!.pause();
        const drains = new Events<void>("drain");
        stream.onDrain = () => drains.push();
        let written = 0;
        const write = async (untilFull: boolean): Promise<void> => {
          for (; written < 1_500; ) {
            const hasRoom = stream.write(Buffer.alloc(16_384, 97 + (written++ % 26)));
            if (hasRoom) continue;
            // A stream may say that it is full and drain at once: it is when it does not.
            const drained = await Promise.race([
              drains.next().then(() => true),
              new Promise<false>((resolve) => setTimeout(resolve, untilFull ? 300 : 20_000, false)),
            ]);
            if (!drained) return;
          }
        };
        await write(true);
        assert.ok(written < 1_500, "the kernel cannot hold 24 MB");
        const full = written;
        client.line.socket!.resume();
        await write(false);
        assert.ok(written > full, "it went on");
        stream.end();
        await until("all has arrived", () => client.text.endsWith("0\r\n\r\n"));
        let expected = "";
        for (let i = 0; i < written; i++) expected += String.fromCharCode(97 + (i % 26)).repeat(16_384);
        const found = contentOf(client.text);
        assert.ok(found === expected, `${found.length} of ${expected.length} bytes, or others`);
      }),
  ],
  [
    "a client that leaves its stream is noticed, and what is written then goes nowhere",
    (subject) =>
      serving(subject, {}, async (all) => {
        const { client, exchange, stream } = await streaming(all);
        stream.write(Buffer.from("first"));
        await until("it arrives", () => client.text.includes("first"));
        const left = gone(exchange);
        client.line.close();
        await left;
        assert.ok(stream.write(Buffer.from("second")));
        stream.end();
      }),
  ],
  [
    "a stream that has ended is not told that its client has gone",
    (subject) =>
      serving(subject, {}, async (all) => {
        const { client, exchange, stream } = await streaming(all);
        let told = 0;
        exchange.onGone = () => {
          told++;
        };
        stream.write(Buffer.from("only"));
        stream.end();
        await until("it arrives", () => client.text.includes("only"));
        client.line.close();
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(told, 0);
      }),
  ],
];

/** The content of a chunked answer. */
function contentOf(text: string): string {
  let content = "";
  let at = text.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, end), 16);
    if (!(length > 0)) return content;
    content += text.slice(end + 2, end + 2 + length);
    at = end + 2 + length + 2;
  }
}
