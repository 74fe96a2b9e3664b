/**
 * Batches, as the WebSocket subprotocols `wamp.2.*.batched` have them (Advanced Profile, "Batched WebSocket Transport"): one
 * WebSocket message with one or more WAMP messages in it. Router and client share this. Hot; nothing is copied on the way in.
 *
 * MessagePack and CBOR: each message behind its length, four bytes, big-endian. JSON: each message in front of a terminator. The
 * specification's is 0x1E, "\30" in decimal; autobahn-python took it for octal, writes 0x18 and understands nothing else.
 * Neither byte can stand in JSON text, so both are read, and whoever answers uses what the peer used.
 */
import { fixedLimits } from "../base/limits.ts";
import { Serializer } from "./serializers.ts";

/** How messages are told apart: 0 by their lengths, otherwise by this terminator. */
export const Framing = { length: 0, recordSeparator: 0x1e, cancel: 0x18 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

const lengthBytes = 4;

/** Bytes that a batch adds to each of its messages. */
export const framingBytes = (serializer: Serializer): number =>
  serializer === Serializer.json ? 1 : lengthBytes;
export const framingBytes_max = lengthBytes;

/** What the specification says that a batch is written with. */
export const defaultFraming = (serializer: Serializer): Framing =>
  serializer === Serializer.json ? Framing.recordSeparator : Framing.length;

/** What a JSON batch was written with, by its last byte; null where that is no terminator. */
export function terminatorOf(batch: Uint8Array): Framing | null {
  const last = batch[batch.length - 1];
  return last === Framing.recordSeparator || last === Framing.cancel ? last : null;
}

/** Takes the messages of a batch. */
export interface MessageSink {
  /** One message is batch[from..end-1]. False: the rest of the batch is not wanted. */
  onMessage(batch: Uint8Array, from: number, end: number): boolean;
}

/**
 * Hands out the messages of a batch in order. Returns null, or a sentence that says what is wrong with the batch: a length beyond
 * its end, an empty message, no message at all, bytes behind the last message. What came before that was handed out.
 */
export function splitBatch(batch: Uint8Array, framing: Framing, sink: MessageSink): string | null {
  if (batch.length === 0) return "a batch holds at least one message";
  return framing === Framing.length ? splitByLength(batch, sink) : splitByTerminator(batch, framing, sink);
}

function splitByLength(batch: Uint8Array, sink: MessageSink): string | null {
  const end = batch.length;
  let at = 0;
  do {
    const from = at + lengthBytes;
    if (from > end) return "a batch ends inside the length of a message";
    const length =
      ((batch[at]! << 24) | (batch[at + 1]! << 16) | (batch[at + 2]! << 8) | batch[at + 3]!) >>> 0;
    if (length === 0) return "a message in a batch has the length 0";
    if (length > end - from)
      return `a message in a batch has ${length} bytes, of which ${end - from} are there`;
    at = from + length;
    if (!sink.onMessage(batch, from, at)) return null;
  } while (at < end);
  return null;
}

function splitByTerminator(batch: Uint8Array, terminator: Framing, sink: MessageSink): string | null {
  const end = batch.length;
  if (batch[end - 1] !== terminator) return "a batch of JSON ends with 0x1E, or with 0x18";
  let at = 0;
  do {
    // Not -1: the last byte is one.
    const until = batch.indexOf(terminator, at);
    if (until === at) return "a message in a batch is empty";
    if (!sink.onMessage(batch, at, until)) return null;
    at = until + 1;
  } while (at < end);
  return null;
}

/** A batch that was larger gives its memory back. */
const keptBytes_max = 2 << 20;
const firstBytes = 4 << 10;
/** Length of the longest batch whose view is kept. */
const viewBytes_max = 1 << 10;

/** A batch that is being written, in memory that the next one uses again. */
export class Batch {
  readonly framing: Framing;
  #memory = new Uint8Array(0);
  /** Of its memory, by length: to make one anew costs more than to copy a small message. */
  #views: Uint8Array[] = [];
  #length = 0;

  constructor(framing: Framing) {
    this.framing = framing;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Whether one more message of this size belongs into this batch. The first always does. */
  fits(messageBytes: number): boolean {
    return this.#length === 0 || this.#length + lengthBytes + messageBytes <= fixedLimits.batchBytes_max;
  }

  /** Copies a message into the batch. It must not be empty. */
  add(message: Uint8Array): void {
    let at = this.#length;
    const end = at + lengthBytes + message.length;
    if (end > this.#memory.length) this.#grow(end);
    const memory = this.#memory;
    if (this.framing === Framing.length) {
      memory[at++] = message.length >>> 24;
      memory[at++] = message.length >>> 16;
      memory[at++] = message.length >>> 8;
      memory[at++] = message.length;
      memory.set(message, at);
      this.#length = end;
    } else {
      memory.set(message, at);
      at += message.length;
      memory[at] = this.framing;
      this.#length = at + 1;
    }
  }

  /** A view, valid until the batch is written to or cleared. */
  bytes(): Uint8Array {
    const length = this.#length;
    if (length > viewBytes_max) return this.#memory.subarray(0, length);
    this.#views[length] ??= this.#memory.subarray(0, length);
    return this.#views[length];
  }

  clear(): void {
    this.#length = 0;
    if (this.#memory.length > keptBytes_max) this.#renew(new Uint8Array(0));
  }

  #grow(bytes: number): void {
    const memory = new Uint8Array(Math.max(firstBytes, 2 * this.#memory.length, bytes));
    memory.set(this.#memory.subarray(0, this.#length));
    this.#renew(memory);
  }

  #renew(memory: Uint8Array<ArrayBuffer>): void {
    this.#memory = memory;
    this.#views = [];
  }
}
