/** Routers that carry connections for each other, without sessions: the test is both the client and the session. */
import type { Connection, ConnectionEvents, OutgoingFrame, TransportInfo } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Carrying } from "../../src/router/peers/carrying.ts";
import type { GateFront } from "../../src/router/peers/gate.ts";
import { Peers } from "../../src/router/peers/peers.ts";
import { MemoryLinks, type MemoryLinksOptions } from "./memory-links.ts";
import { VirtualScheduler } from "./virtual-scheduler.ts";

/** A client's connection whose socket has as much room as the test says. */
export class FakeWire implements Connection {
  readonly serializer = Serializer.json;
  readonly info: TransportInfo;
  readonly peerFrameBytes_max = 1 << 20;
  readonly pause?: (paused: boolean) => void;
  /** Frames that it has taken, by their first bytes' text. */
  readonly taken: string[] = [];
  room = Number.POSITIVE_INFINITY;
  isPaused = false;
  /** What it was closed with; "terminated" where it was. */
  closed = "";

  constructor(canPause = true, info: TransportInfo = { kind: "websocket", peer: "192.0.2.1" }) {
    this.info = info;
    if (canPause)
      this.pause = (paused) => {
        this.isPaused = paused;
      };
  }

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    let next = from;
    while (next < count && this.room >= frames[next]!.bytes.length) {
      const { bytes } = frames[next++]!;
      this.room -= bytes.length;
      this.taken.push(Buffer.from(bytes.subarray(0, 16)).toString().trim());
    }
    return next;
  }
  bufferedBytes(): number {
    return 0;
  }
  close(code: number, reason: string): void {
    this.closed = `${code} ${reason}`;
  }
  terminate(): void {
    this.closed = "terminated";
  }
}

/** A frame that begins with this text, filled up to a length. */
export function frameOf(text: string, length = text.length): Uint8Array {
  const bytes = Buffer.alloc(length, " ");
  bytes.write(text);
  return bytes;
}

export interface HandedBack {
  readonly pending: readonly string[];
  readonly hello: string;
  readonly mayCarry: boolean;
}

const limits = { inboxBytes_max: 1 << 20, goodbye_ms: 1_000 };

/** The session's side of a carried connection. */
export class CarriedSession implements ConnectionEvents {
  readonly connection: Connection;
  /** What has come, by the first bytes' text. */
  readonly frames: string[] = [];
  readonly violations: string[] = [];
  drains = 0;
  closes = 0;
  constructor(connection: Connection) {
    this.connection = connection;
  }
  onFrame(bytes: Uint8Array): void {
    if (this.closes > 0) throw new Error("a frame came behind the end");
    this.frames.push(Buffer.from(bytes.subarray(0, 16)).toString().trim());
  }
  onViolation(problem: string): void {
    this.violations.push(problem);
  }
  onDrain(): void {
    this.drains++;
  }
  onClose(): void {
    this.closes++;
  }
  /** Hands over one frame; false: it does not fit. */
  post(text: string, length = text.length): boolean {
    return this.connection.send([{ bytes: frameOf(text, length) }], 0, 1) === 1;
  }
}

/** One router. */
export class CarryingRouter {
  readonly peers: Peers;
  readonly carrying: Carrying;
  readonly sessions: CarriedSession[] = [];
  isFull = false;

  constructor(links: MemoryLinks, place: number, scheduler: VirtualScheduler) {
    this.peers = new Peers(links.end(place));
    const accept = (connection: Connection): ConnectionEvents | null => {
      if (this.isFull) return null;
      const session = new CarriedSession(connection);
      this.sessions.push(session);
      return session;
    };
    this.carrying = new Carrying({ peers: this.peers, scheduler, limits, accept });
  }
}

export class CarriedWorld {
  readonly scheduler = new VirtualScheduler();
  readonly links: MemoryLinks;
  readonly routers: CarryingRouter[] = [];
  readonly handedBack: HandedBack[] = [];

  constructor(count: number, options: Omit<MemoryLinksOptions, "count"> = {}) {
    this.links = new MemoryLinks({ ...options, count });
    for (let place = 0; place < count; place++) this.#start(place);
    this.links.settle();
  }

  #start(place: number): void {
    this.routers[place] = new CarryingRouter(this.links, place, this.scheduler);
  }

  restart(place: number): void {
    this.links.bringUp(place);
    this.#start(place);
    this.links.settle();
  }

  /** Everything that is under way arrives. */
  settle(): void {
    for (let rounds = 0; rounds < 1_000; rounds++) {
      this.links.settle();
      if (!this.scheduler.endTurn() && !this.links.step()) return;
    }
    throw new Error("it never ends");
  }

  /** A client at one router is carried to another. */
  carry(
    from: number,
    to: number,
    wire: FakeWire,
    hello = "hello",
    pending: readonly string[] = [],
  ): ConnectionEvents {
    const front: GateFront = {
      connection: wire,
      onHandedBack: (frames, bytes, mayCarry) =>
        this.handedBack.push({
          pending: frames.map(({ bytes: each }) => Buffer.from(each).toString()),
          hello: Buffer.from(bytes).toString(),
          mayCarry,
        }),
    };
    const frames = pending.map((text) => ({ bytes: frameOf(text) }));
    return this.routers[from]!.carrying.carry(to, front, frames, frameOf(hello));
  }

  get count(): number {
    return this.routers.reduce((sum, { carrying }) => sum + carrying.count, 0);
  }
}
