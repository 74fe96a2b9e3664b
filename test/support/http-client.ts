/** WAMP over plain HTTP as a client transport: long-poll and event streams, one message after the other. */
import { type ClientTransport, Inbox } from "../../src/client/transport.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";
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
  const client = new HttpClient(await openHttp(base, given.protocol), given.serializer);
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
    if (this.isClosed) return;
    // 400: the session says why before it ends.
    void this.#ask(this.#sends, "send", bytes);
  }

  close(): void {
    if (this.isClosed) return;
    void this.#ask(this.#sends, "close").then(() => this.#end("closed"));
  }

  async poll(): Promise<void> {
    while (!this.isClosed) {
      const reply = await this.#ask(this.#polls, "receive");
      if (reply?.status === 200) this.receive(reply.body);
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
