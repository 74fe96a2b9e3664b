/** A router's HTTP transports by `fetch`, one request at a time, as a page would ask. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectTransport } from "../../src/client/connect.ts";
import { createRouter, type Router, type RouterOptions } from "../../src/main.ts";
import { type Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { connectHttp, type HttpKind, httpUrl } from "./http-client.ts";
import { adapters } from "./router-legs.ts";
import { nothingLeft } from "./router-suite.ts";
import { until, Wire } from "./wire.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** The word for programs of a failure. */
  readonly error: string;
}

export class HttpRouter {
  readonly router: Router;
  readonly origin: string;
  readonly #wires: Wire[] = [];

  constructor(router: Router) {
    this.router = router;
    this.origin = `http://${new URL(router.listeners[0]!.url).host}`;
  }

  async ask(method: string, path: string, given: RequestInit = {}): Promise<Answer> {
    const answer = await fetch(`${this.origin}${path}`, { method, ...given });
    const text = await answer.text();
    const isFailure = answer.status >= 400 && text.startsWith("{");
    const error = isFailure ? String((JSON.parse(text) as { error: unknown }).error) : "";
    return { status: answer.status, text, headers: answer.headers, error };
  }

  post(path: string, body?: string): Promise<Answer> {
    return this.ask("POST", path, body === undefined ? {} : { body });
  }

  /** Opens a transport; gives its path. */
  async open(kind: HttpKind = "longpoll"): Promise<string> {
    const { status, text } = await this.post(`/wamp/${kind}/open`, '{"protocols":["wamp.2.json"]}');
    assert.equal(status, 200, text);
    return `/wamp/${kind}/${(JSON.parse(text) as { transport: string }).transport}`;
  }

  /** Opens a long-poll transport and joins; gives its path. */
  async join(): Promise<string> {
    const path = await this.open();
    const hello = '[1,"realm1",{"roles":{"subscriber":{},"publisher":{},"caller":{},"callee":{}}}]';
    assert.equal((await this.post(`${path}/send`, hello)).status, 202);
    assert.match((await this.post(`${path}/receive`)).text, /^\[2,/);
    return path;
  }

  async webSocket(serializer: Serializer): Promise<Wire> {
    const { url } = this.router.listeners[0]!;
    return this.#adopt(await connectTransport({ url, serializer: serializerName(serializer) }));
  }

  async http(kind: HttpKind, serializer: Serializer, suffix: "" | ".batched" = ""): Promise<Wire> {
    const protocol = `wamp.2.${serializerName(serializer)}${suffix}`;
    return this.#adopt(
      await connectHttp(kind, httpUrl(this.router.listeners[0]!.url, kind), { serializer, protocol }),
    );
  }

  async #adopt(transport: ConstructorParameters<typeof Wire>[0]): Promise<Wire> {
    const wire = new Wire(transport);
    this.#wires.push(wire);
    return wire.join();
  }

  closeWires(): void {
    for (const wire of this.#wires) wire.close();
  }
}

/** One test for each adapter of this runtime, with a router of its own, of which nothing is left in the end. */
export function httpTest(
  name: string,
  options: Pick<RouterOptions, "limits"> & {
    readonly http?: NonNullable<RouterOptions["websocket"]>["http"];
  },
  body: (all: HttpRouter) => Promise<void>,
): void {
  const { http = true, limits = {} } = options;
  for (const { name: transport, skip } of adapters) {
    const [ids, rule] = [name.slice(0, name.indexOf("]") + 1), name.slice(name.indexOf("]") + 2)];
    test(`${ids} ${transport}: ${rule}`, skip === undefined ? {} : { skip }, async () => {
      const router = await createRouter({ websocket: { port: 0, http }, transport, limits });
      const all = new HttpRouter(router);
      try {
        await body(all);
        all.closeWires();
        await until("everybody is gone", () => router.stats().connections === 0);
        assert.deepEqual(router.stats(), nothingLeft);
      } finally {
        await router.close();
      }
    });
  }
}
