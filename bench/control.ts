/**
 * The control row: what a WAMP router could cost at best on a runtime. It passes MessagePack messages through and does nothing
 * else: no validation, no options, no errors, no clean-up of registrations. It is not a router to use, it is the floor that the
 * real one is measured against. Egress is batched as the real one's: one frame in memory per message, one reference per
 * receiver, every dirty socket written once per loop turn under cork. `control-uws.ts`, `control-bun.ts` and `control-ws.ts` give it
 * sockets; the first two can leave fan-out to the server's own topics instead.
 */
import { encode } from "@msgpack/msgpack";

/** Writes frames to one socket, one message each, in one corked write. */
export type SendAll<S> = (socket: S, frames: readonly Uint8Array[]) => void;

/** The server's own topics, which fan out in the server: what a router gives up for its order and its bounds. */
export interface NativeTopics<S> {
  subscribe(socket: S, topic: string): void;
  publish(topic: string, frame: Uint8Array): void;
}

/** One connection. `pending` maps an invocation of this callee to the caller that waits for it. */
export interface Peer<S> {
  readonly socket: S;
  frames: Uint8Array[];
  lastInvocation: number;
  readonly pending: Map<number, { readonly caller: Peer<S>; readonly request: number }>;
}

interface Topic<S> {
  readonly id: number;
  readonly subscribers: Set<Peer<S>>;
}

interface Procedure<S> {
  readonly id: number;
  readonly callee: Peer<S>;
}

const queueBytes_max = 64 << 20;
const frameBytes_max = 16 << 20;

/** The direct way to a string, which @types/node does not know; both runtimes have it. */
interface Latin1 {
  latin1Slice(): string;
}

/** Reads and writes the few MessagePack items of a message head; `at` moves on with each call. */
class Cursor {
  at = 0;

  uint(bytes: Uint8Array): number {
    const first = bytes[this.at++]!;
    if (first < 0x80) return first;
    const width = 1 << (first - 0xcc);
    let value = 0;
    for (const end = this.at + width; this.at < end; this.at++) value = value * 256 + bytes[this.at]!;
    return value;
  }

  text(bytes: Uint8Array): string {
    const first = bytes[this.at++]!;
    let length = first & 31;
    if (first === 0xd9) length = bytes[this.at++]!;
    else if (first >= 0xda) {
      length = (bytes[this.at]! << 8) | bytes[this.at + 1]!;
      this.at += 2;
    }
    const start = this.at;
    this.at += length;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length) as unknown as Latin1;
    return text.latin1Slice();
  }

  /** Steps over an options map; only the empty one needs no decoder. */
  emptyMap(bytes: Uint8Array): void {
    if (bytes[this.at++] !== 0x80) throw new Error("the control row knows no options");
  }

  writeUint(bytes: Uint8Array, value: number): void {
    if (value < 0x80) {
      bytes[this.at++] = value;
      return;
    }
    const width = value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : value < 2 ** 32 ? 4 : 8;
    bytes[this.at++] = width === 1 ? 0xcc : width === 2 ? 0xcd : width === 4 ? 0xce : 0xcf;
    if (width === 8) this.#writeBytes(bytes, Math.floor(value / 2 ** 32), 4);
    this.#writeBytes(bytes, value >>> 0, width === 8 ? 4 : width);
  }

  #writeBytes(bytes: Uint8Array, value: number, width: number): void {
    for (let shift = (width - 1) * 8; shift >= 0; shift -= 8) bytes[this.at++] = value >>> shift;
  }
}

const randomId = (): number => Math.floor(Math.random() * 2 ** 53);

export interface ControlOptions<S> {
  readonly sendAll: SendAll<S>;
  readonly native?: NativeTopics<S> | undefined;
  /** The sockets hold on to frames behind the write, so each needs memory of its own. */
  readonly keepsFrames?: boolean;
}

export class ControlRouter<S> {
  readonly #sendAll: SendAll<S>;
  readonly #native: NativeTopics<S> | undefined;
  readonly #keepsFrames: boolean;
  readonly #topics = new Map<string, Topic<S>>();
  readonly #procedures = new Map<string, Procedure<S>>();
  readonly #reader = new Cursor();
  readonly #writer = new Cursor();
  readonly #queue = new Uint8Array(queueBytes_max);
  readonly #flush = (): void => this.#flushAll();
  #queued = 0;
  #dirty: Peer<S>[] = [];
  #scheduled = false;
  #lastId = 0;

  constructor(options: ControlOptions<S>) {
    this.#sendAll = options.sendAll;
    this.#native = options.native;
    this.#keepsFrames = options.keepsFrames === true;
  }

  open(socket: S): Peer<S> {
    return { socket, frames: [], lastInvocation: 0, pending: new Map() };
  }

  close(peer: Peer<S>): void {
    for (const topic of this.#topics.values()) topic.subscribers.delete(peer);
    peer.frames = [];
  }

  /** One whole frame: an array of at most 15 elements whose first is the message type. */
  receive(peer: Peer<S>, bytes: Uint8Array): void {
    const reader = this.#reader;
    reader.at = 2;
    switch (bytes[1]) {
      case 1:
        this.#answer(peer, [2, randomId(), { roles: { broker: {}, dealer: {} } }]);
        break;
      case 16:
        this.#publish(bytes);
        break;
      case 32:
        this.#subscribe(peer, bytes);
        break;
      case 48:
        this.#call(peer, bytes);
        break;
      case 64:
        this.#register(peer, bytes);
        break;
      case 70:
        this.#yield(peer, bytes);
        break;
      default:
        break;
    }
  }

  #publish(bytes: Uint8Array): void {
    const reader = this.#reader;
    reader.uint(bytes);
    reader.emptyMap(bytes);
    const uri = reader.text(bytes);
    const topic = this.#topics.get(uri);
    if (topic === undefined) return;
    const frame = this.#frame(36, topic.id, randomId(), bytes);
    if (this.#native !== undefined) {
      this.#native.publish(uri, frame);
      this.#queued = 0;
      return;
    }
    for (const subscriber of topic.subscribers) this.#post(subscriber, frame);
  }

  #call(caller: Peer<S>, bytes: Uint8Array): void {
    const reader = this.#reader;
    const request = reader.uint(bytes);
    reader.emptyMap(bytes);
    const procedure = this.#procedures.get(reader.text(bytes))!;
    const callee = procedure.callee;
    const invocation = ++callee.lastInvocation;
    callee.pending.set(invocation, { caller, request });
    this.#post(callee, this.#frame(68, invocation, procedure.id, bytes));
  }

  #yield(callee: Peer<S>, bytes: Uint8Array): void {
    const invocation = this.#reader.uint(bytes);
    this.#reader.emptyMap(bytes);
    const call = callee.pending.get(invocation)!;
    callee.pending.delete(invocation);
    this.#post(call.caller, this.#frame(50, call.request, -1, bytes));
  }

  #subscribe(peer: Peer<S>, bytes: Uint8Array): void {
    const reader = this.#reader;
    const request = reader.uint(bytes);
    reader.emptyMap(bytes);
    const uri = reader.text(bytes);
    let topic = this.#topics.get(uri);
    if (topic === undefined) {
      topic = { id: ++this.#lastId, subscribers: new Set() };
      this.#topics.set(uri, topic);
    }
    topic.subscribers.add(peer);
    this.#native?.subscribe(peer.socket, uri);
    this.#answer(peer, [33, request, topic.id]);
  }

  #register(callee: Peer<S>, bytes: Uint8Array): void {
    const reader = this.#reader;
    const request = reader.uint(bytes);
    reader.emptyMap(bytes);
    const procedure = { id: ++this.#lastId, callee };
    this.#procedures.set(reader.text(bytes), procedure);
    this.#answer(callee, [65, request, procedure.id]);
  }

  /** Writes `[type, first, second?, {}, …payload]`; the payload is what lies behind the reader. */
  #frame(type: number, first: number, second: number, bytes: Uint8Array): Uint8Array {
    if (this.#queued + bytes.length + 64 > queueBytes_max) this.#flushAll();
    const queue = this.#keepsFrames ? new Uint8Array(bytes.length + 64) : this.#queue;
    const writer = this.#writer;
    const start = this.#keepsFrames ? 0 : this.#queued;
    writer.at = start;
    queue[writer.at++] = second < 0 ? 0x94 : 0x95;
    queue[writer.at++] = type;
    writer.writeUint(queue, first);
    if (second >= 0) writer.writeUint(queue, second);
    queue[writer.at++] = 0x80;
    queue.set(bytes.subarray(this.#reader.at), writer.at);
    const end = writer.at + bytes.length - this.#reader.at;
    if (!this.#keepsFrames) this.#queued = end;
    return queue.subarray(start, end);
  }

  #answer(peer: Peer<S>, message: readonly unknown[]): void {
    this.#post(peer, encode(message));
  }

  #post(peer: Peer<S>, frame: Uint8Array): void {
    if (peer.frames.length === 0) this.#dirty.push(peer);
    peer.frames.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  #flushAll(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    this.#scheduled = false;
    for (const peer of dirty) {
      const frames = peer.frames;
      peer.frames = [];
      if (frames.length > 0) this.#sendAll(peer.socket, frames);
    }
    this.#queued = 0;
  }
}

export const controlLimits = Object.freeze({ frameBytes_max, backpressureBytes_max: 256 << 20 });

/** The port is the first argument; all control rows print `ws://…` once they listen, as the router does. */
export const portArgument = (): number => Number(process.argv[2] ?? 9302);

/** `native` behind the port: fan-out by the server's own topics. */
export const isNative = (): boolean => process.argv[3] === "native";

export const announce = (port: number): void => {
  process.stdout.write(`control row on ws://127.0.0.1:${port}/ws\n`);
};
