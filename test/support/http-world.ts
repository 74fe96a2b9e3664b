/** HTTP transports without a server and without a router: the test is client, session and clock. */
import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { type Limits, limitsFrom } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { type HttpTransportOptions, HttpTransports } from "../../src/transport/http-transports.ts";
import { FakeExchange, type FakeRequest } from "./fake-exchange.ts";
import { Probe, type ProbeSession } from "./transport-probe.ts";
import { VirtualScheduler } from "./virtual-scheduler.ts";

export class HttpWorld {
  readonly scheduler = new VirtualScheduler();
  readonly probe = new Probe();
  readonly transports: HttpTransports;

  constructor(limits: Partial<Limits> = {}, options: Partial<HttpTransportOptions> = {}) {
    this.transports = new HttpTransports({
      accept: this.probe.accept,
      limits: limitsFrom(limits),
      scheduler: this.scheduler,
      fillRandom: (words) => void randomFillSync(words),
      log: silentLog,
      paths: { longpoll: "/lp", sse: "/sse" },
      origins: [],
      ...options,
    });
  }

  /** A request, begun. */
  ask(request: FakeRequest): FakeExchange {
    const exchange = new FakeExchange(request);
    assert.ok(this.transports.handle(exchange), `${request.path} is served`);
    return exchange;
  }

  async open(kind: "lp" | "sse" = "lp", headers: Readonly<Record<string, string>> = {}): Promise<Opened> {
    const body = JSON.stringify({ protocols: ["wamp.2.json"] });
    const { status, json } = this.ask({ path: `/${kind}/open`, body, headers });
    assert.equal(status, 200);
    return new Opened(this, `/${kind}/${String(json["transport"])}`, await this.probe.sessions.next());
  }
}

/** One transport, from both ends. */
export class Opened {
  readonly world: HttpWorld;
  readonly path: string;
  readonly session: ProbeSession;

  constructor(world: HttpWorld, path: string, session: ProbeSession) {
    this.world = world;
    this.path = path;
    this.session = session;
  }

  /** Sends a message; without a body it is still arriving. */
  send(body?: string): FakeExchange {
    return this.world.ask({ path: `${this.path}/send`, ...(body === undefined ? {} : { body }) });
  }
  receive(): FakeExchange {
    const method = this.path.startsWith("/sse") ? "GET" : "POST";
    return this.world.ask({ method, path: `${this.path}/receive` });
  }
  close(): FakeExchange {
    return this.world.ask({ path: `${this.path}/close` });
  }
  /** Hands messages over as the router does. Returns how many were taken. */
  post(...messages: readonly string[]): number {
    const frames = messages.map((text) => ({ bytes: new TextEncoder().encode(text) }));
    const taken = this.session.connection.send(frames, 0, frames.length);
    for (const { bytes } of frames) bytes.fill(0x21);
    return taken;
  }
  async frame(): Promise<string> {
    return (await this.session.frames.next()).toString();
  }
}
