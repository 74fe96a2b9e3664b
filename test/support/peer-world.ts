/**
 * Several routers in one process that work together as one, over links in memory: to a test they look like one `Router`, which puts
 * each connection on one of them.
 */
import assert from "node:assert/strict";
import { loadWasm } from "../../src/host.ts";
import { buildCore, type CoreParts, layFoundation, openDoors } from "../../src/main/core.ts";
import { RouterHost } from "../../src/main/host.ts";
import { totalsOf } from "../../src/main/totals.ts";
import type { LocalSessionOptions, Router, RouterOptions, RouterStats } from "../../src/main.ts";
import type { Accept, PeerLinks } from "../../src/ports.ts";
import { SharedLoads } from "../../src/router/peers/shared-loads.ts";
import { MemoryLinks, type MemoryLinksOptions } from "./memory-links.ts";

/** One router among its peers. */
export interface Peer {
  readonly core: CoreParts;
  readonly host: RouterHost;
}

export interface PeerWorldOptions extends Omit<MemoryLinksOptions, "count"> {
  /** Routers, 2 or more; the first is home. */
  readonly count: number;
  /** The router for connection number `n`, counted from 0. Default: one after the other. */
  readonly place?: (n: number) => number;
  readonly router?: RouterOptions;
  readonly preferLocal?: boolean;
}

/** Delivers by itself, in an order that differs from run to run. */
export const busyLinks: Pick<MemoryLinksOptions, "endOfTurn" | "below"> = {
  endOfTurn: (task) => void setImmediate(task),
  below: (n) => Math.floor(Math.random() * n),
};

export class PeerWorld implements Router {
  readonly links: MemoryLinks;
  readonly peers: Peer[] = [];
  readonly listeners = [];
  readonly security = null;
  readonly administrator = null;
  readonly #options: PeerWorldOptions;
  readonly #wasm: Uint8Array;
  readonly #place: (n: number) => number;
  /** Of all routers. */
  readonly #memory: ArrayBuffer;
  #accepted = 0;

  static async start(options: PeerWorldOptions): Promise<PeerWorld> {
    return new PeerWorld(options, await loadWasm());
  }

  private constructor(options: PeerWorldOptions, wasm: Uint8Array) {
    const { count, place = (n) => n % count } = options;
    this.#options = options;
    this.#wasm = wasm;
    this.#place = place;
    this.links = new MemoryLinks(options);
    this.#memory = new ArrayBuffer(SharedLoads.bytesFor(count));
    for (let self = 0; self < count; self++) this.peers.push(this.#start(this.links.end(self)));
  }

  #start(links: PeerLinks): Peer {
    const options = this.#options.router ?? {};
    const base = layFoundation(options);
    const deciders = { ...openDoors(base.ids), policy: options.access ?? null };
    const core = buildCore(options, this.#wasm, base, deciders, links, {
      loads: new SharedLoads(this.#memory, links.count, links.self),
      preferLocal: this.#options.preferLocal ?? false,
    });
    return { core, host: new RouterHost(core, null) };
  }

  /** The life of a router ends as if its thread had died: nothing of what it was about to say is said. Its connections are yours to end. */
  takeDown(place: number): void {
    this.links.takeDown(place);
  }

  /** A new life begins at a place whose router is down. */
  bringUp(place: number): void {
    this.peers[place] = this.#start(this.links.bringUp(place));
  }

  readonly accept: Accept = (connection) =>
    this.peers[this.#place(this.#accepted++)]!.host.accept(connection);

  get realms(): readonly string[] {
    return this.peers[0]!.host.realms;
  }
  get connectionCount(): number {
    return this.#sum((peer) => peer.host.connectionCount);
  }
  /** What each of them has alike, retained events, counts as home has them. */
  get metrics(): Router["metrics"] {
    const [first, ...others] = this.peers.map(({ host }) => host.metrics);
    const sums = { ...first! };
    for (const other of others)
      for (const name of Object.keys(sums) as (keyof typeof sums)[])
        if (name !== "retained" && name !== "retainedBytes") sums[name] += other[name];
    return sums;
  }

  /** Of all routers together. */
  stats(): RouterStats {
    const [first, ...others] = this.peers.map(({ host }) => host.stats());
    return totalsOf(first!, others);
  }

  get workerCount(): number {
    return this.peers.length;
  }
  totals(): ReturnType<Router["totals"]> {
    return Promise.resolve(this.stats());
  }
  fault(cause: unknown): void {
    for (const { host } of this.peers) host.fault(cause);
  }

  load(): ReturnType<Router["load"]> {
    return this.peers[0]!.host.load();
  }

  refreshAccess(realms: Iterable<string>): void {
    const uris = [...realms];
    for (const { host } of this.peers) host.refreshAccess(uris);
  }
  denial(id: string): ReturnType<Router["denial"]> {
    for (const { host } of this.peers) {
      const denial = host.denial(id);
      if (denial !== undefined) return denial;
    }
    return undefined;
  }
  session(realm: string, options: LocalSessionOptions = {}): ReturnType<Router["session"]> {
    return this.peers[this.#place(this.#accepted++)]!.host.session(realm, options);
  }
  async close(): Promise<void> {
    await Promise.all(this.peers.map(({ host }) => host.close()));
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #sum(count: (peer: Peer) => number): number {
    assert.ok(this.peers.length > 1);
    return this.peers.reduce((sum, peer) => sum + count(peer), 0);
  }
}
