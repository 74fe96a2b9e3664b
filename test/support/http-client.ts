/** WAMP over plain HTTP as a client transport: long-poll and event streams, one message after the other. */
import { type ClientTransport, Inbox } from "../../src/client/transport.ts";
import { defaultFraming, type MessageSink, splitBatch } from "../../src/protocol/batches.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";
import { joinBatch } from "../../src/transport/http-formats.ts";
import { HttpLine } from "./http-line.ts";
import { SseReader } from "./sse-reader.ts";

export type HttpKind = "longpoll" | "sse";

/** `http://host:port/wamp/<kind>` of a router, by the ws:// URL of its listener. */
export function httpUrl(webSocketUrl: string, kind: HttpKind): string {
  const { host } = new URL(webSocketUrl);
  return `http://${host}/wamp/${kind}`;
}

/** Opens a transport and gives its URL, below which are `send`, `receive` and `close`. */
export async function openHttp(base: string, protocol: string): Promise<string> {
  const line = new HttpLine(base);
  const { status, body } = await line.request({
    path: `${new URL(base).pathname}/open`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ protocols: [protocol] }),
  });
  line.close();
  if (status !== 200) throw new Error(`open was answered ${status}: ${body}`);
  const { transport } = JSON.parse(body.toString()) as { transport: string };
  return `${base}/${transport}`;
}

export async function connectHttp(
  kind: HttpKind,
  base: string,
  given: { readonly serializer: Serializer; readonly protocol: string },
): Promise<ClientTransport> {
  const url = await openHttp(base, given.protocol);
  const Kind = given.protocol.endsWith(".batched") ? BatchedHttpClient : HttpClient;
  const client = new Kind(url, given.serializer);
  if (kind === "longpoll") void client.poll();
  else await client.stream();
  return client;
}

class HttpClient extends Inbox implements ClientTransport {
  readonly serializer: Serializer;
  readonly #url: string;
  readonly #path: string;
  readonly #sends: HttpLine;
  readonly #polls: HttpLine;
  readonly #abort = new AbortController();

  constructor(url: string, serializer: Serializer) {
    super();
    this.#url = url;
    this.#path = new URL(url).pathname;
    this.#sends = new HttpLine(url);
    this.#polls = new HttpLine(url);
    this.serializer = serializer;
  }

  send(bytes: Uint8Array): void {
    if (!this.isClosed) void this.post(bytes);
  }

  /** Settles with the answer. 400: the session says why before it ends. */
  protected post(body: Uint8Array): Promise<unknown> {
    return this.#ask(this.#sends, "send", body);
  }

  /** The body of the answer to a poll. */
  protected take(body: Uint8Array): void {
    this.receive(body);
  }

  close(): void {
    if (this.isClosed) return;
    void this.#ask(this.#sends, "close").then(() => this.#end("closed"));
  }

  async poll(): Promise<void> {
    while (!this.isClosed) {
      const reply = await this.#ask(this.#polls, "receive");
      if (reply?.status === 200) this.take(reply.body);
      else if (reply?.status !== 204) return;
    }
  }

  /** Settles when the stream is open. */
  async stream(): Promise<void> {
    const answer = await fetch(`${this.#url}/receive`, { signal: this.#abort.signal });
    void this.#read(new SseReader(answer.body!));
  }

  async #read(reader: SseReader): Promise<void> {
    try {
      for await (const { event, data } of reader) {
        if (event === "wamp") this.receive(new TextEncoder().encode(data));
        else return this.#end(data);
      }
    } catch {
      // The connection is gone.
    }
    this.#end("the stream has ended");
  }

  /** Undefined where the connection broke. A status that says that the transport is over ends this one. */
  async #ask(line: HttpLine, action: string, body: Uint8Array = new Uint8Array(0)) {
    try {
      const reply = await line.request({ path: `${this.#path}/${action}`, body: body.slice() });
      // A send that is too late is not the end of what there is to receive.
      if (action !== "send" && (reply.status === 404 || reply.status === 410))
        this.#end(`${action} was answered ${reply.status}`);
      // The transport is still there: what was too large was refused, and that is all.
      if (reply.status === 413) this.close();
      return reply;
    } catch (cause) {
      this.#end(String(cause));
      return undefined;
    }
  }

  #end(reason: string): void {
    this.closed({ reason });
    this.#abort.abort();
    this.#sends.close();
    this.#polls.close();
  }
}

/** Sends what has gathered while the send before was under way. */
class BatchedHttpClient extends HttpClient implements MessageSink {
  #gathered: Uint8Array[] = [];
  #isSending = false;

  override send(bytes: Uint8Array): void {
    this.#gathered.push(bytes.slice());
    if (!this.#isSending) void this.#flush();
  }

  async #flush(): Promise<void> {
    this.#isSending = true;
    // What is sent in the same turn goes together.
    await Promise.resolve();
    while (this.#gathered.length > 0 && !this.isClosed)
      await this.post(joinBatch(this.#gathered.splice(0), defaultFraming(this.serializer)));
    this.#isSending = false;
  }

  protected override take(body: Uint8Array): void {
    const problem = splitBatch(body, defaultFraming(this.serializer), this);
    if (problem !== null) throw new Error(problem);
  }

  onMessage(batch: Uint8Array, from: number, end: number): boolean {
    this.receive(batch.subarray(from, end));
    return true;
  }
}
