/** Clients that lose their transport and come back. */
import assert from "node:assert/strict";
import type { Router, RouterOptions } from "../../src/main.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";
import { CutProxy } from "./cut-proxy.ts";
import type { Suite, World } from "./router-suite.ts";
import { type Dict, type ResumeDetails, until, Wire } from "./wire.ts";

/** A wire and the means to cut it hard: through a proxy where there is a socket. */
export interface Link {
  readonly wire: Wire;
  readonly cut: () => void;
}

export async function openLink(world: World, serializer: Serializer = world.leg.serializer): Promise<Link> {
  const { leg, router } = world;
  const [listener] = router.listeners;
  if (listener === undefined || leg.lossIsSilent) {
    const wire = await world.open(serializer);
    return { wire, cut: () => wire.close() };
  }
  const proxy = await CutProxy.open(listener.url);
  const listeners = { value: [{ ...listener, url: proxy.url }] };
  const transport = await leg.connect(Object.create(router, { listeners }) as Router, serializer);
  return { wire: world.adopt(new Wire(transport)), cut: () => proxy.cut() };
}

/** Makes resumable clients; the sessions of those that still have one are ended when the test is over. */
export type Join = (details?: Dict, realm?: string) => Promise<Client>;

/** A test whose clients come back. */
export function resumeTest(
  suite: Suite,
  rule: string,
  body: (world: World, join: Join) => Promise<void>,
  options: RouterOptions = {},
): void {
  suite.testWith(rule, options, async (world) => {
    const clients: Client[] = [];
    const join: Join = async (details, realm) => {
      const client = await Client.join(world, details, realm);
      clients.push(client);
      return client;
    };
    await body(world, join);
    for (const client of clients) await client.leave();
  });
}

/** A resumable session as its client has it, over one link after the other. */
export class Client {
  readonly #world: World;
  #link: Link;
  /** The test has seen its end. */
  hasEnded = false;

  private constructor(world: World, link: Link) {
    this.#world = world;
    this.#link = link;
  }

  static async join(world: World, details: Dict = {}, realm = "realm1"): Promise<Client> {
    const link = await openLink(world);
    await link.wire.join({ realm, details: { resumable: true, ...details } });
    return new Client(world, link);
  }

  get wire(): Wire {
    return this.#link.wire;
  }

  /** Cuts the link, and waits until the router has noticed. What has arrived and was not taken is lost too. */
  async cut(): Promise<void> {
    const { router } = this.#world;
    const before = router.stats().connections;
    this.#link.cut();
    await until("the router has noticed", () => router.stats().connections < before);
  }

  /** Resumes over a new link. */
  async resume(details: ResumeDetails = {}): Promise<Wire> {
    const { id } = this.wire;
    const wire = await this.hello(details);
    assert.equal(wire.id, id);
    assert.equal(wire.welcome["resumed"], true);
    return wire;
  }

  /** As `resume`, but whatever WELCOME comes is right. */
  async hello(details: ResumeDetails = {}): Promise<Wire> {
    const link = await openLink(this.#world);
    const from = this.wire;
    this.#link = link;
    return link.wire.resume(from, details);
  }

  /** Tries to resume over a new connection, and is refused. */
  async refused(
    uri: string,
    says: RegExp,
    details: ResumeDetails = {},
    serializer?: Serializer,
  ): Promise<void> {
    const wire = await this.#world.open(serializer);
    const { id, welcome, received } = this.wire;
    const state = { resume_session: id, resume_token: welcome["resume_token"], resume_received: received };
    const { realm = null, ...more } = details;
    wire.send([1, realm, { roles: { caller: {} }, ...state, ...more }]);
    await wire.expectAbort(uri, says);
  }

  /** Ends the session for good, if it is there. */
  async leave(): Promise<void> {
    if (!this.hasEnded) await this.wire.leave();
    this.hasEnded = true;
  }
}

/** The first positional argument of the next `count` events. */
export async function eventValues(wire: Wire, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) values.push((((await wire.event()).payload[0] as unknown[]) ?? [])[0]);
  return values;
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
