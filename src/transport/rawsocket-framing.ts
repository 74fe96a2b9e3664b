/**
 * RawSocket on the wire (WAMP, advanced/transport_rawsocket): the router's side of the handshake, the parser of frames and
 * the headers of its own. Pure; the sockets are in rawsocket.ts. The parser is hot.
 */
import { assert } from "../base/assert.ts";
import { Serializer } from "../protocol/serializers.ts";
import type { HeaderFormat } from "./batch-writer.ts";

const magic = 0x7f;
const handshakeBytes = 4;
export const headerBytes = 4;

/** Largest frame that the format can name. */
const frameBytesOfFormat_max = 1 << 24;

/** Why a handshake is refused; the number is the upper half of the answer's second octet. */
export const HandshakeError = { serializer: 1, length: 2, reserved: 3, connections: 4 } as const;
export type HandshakeError = (typeof HandshakeError)[keyof typeof HandshakeError];

/** The exponent L of the largest power of two that is not above `frameBytes_max`: L stands for 2^(L+9) bytes. */
export function lengthExponent(frameBytes_max: number): number {
  assert(frameBytes_max >= 512, "RawSocket cannot say less than 512 bytes");
  return Math.min(15, 31 - Math.clz32(frameBytes_max) - 9);
}

export const bytesOfExponent = (exponent: number): number => 2 ** (exponent + 9);

export type HandshakeResult =
  | { readonly kind: "more" }
  /** The first octet is not RawSocket's: close without an answer. */
  | { readonly kind: "foreign" }
  | { readonly kind: "refused"; readonly error: HandshakeError }
  | {
      readonly kind: "accepted";
      readonly serializer: Serializer;
      /** Largest frame that the client receives. */
      readonly peerFrameBytes_max: number;
      /** What came behind the handshake: the beginning of the first frame. */
      readonly rest: Uint8Array;
    };

const serializers: readonly number[] = Object.values(Serializer);

/** Collects the client's four octets, however they arrive. Not fed again once it has said anything but "more". */
export class Handshake {
  readonly #octets = new Uint8Array(handshakeBytes);
  #count = 0;

  push(chunk: Uint8Array): HandshakeResult {
    const octets = this.#octets;
    const used = Math.min(chunk.length, handshakeBytes - this.#count);
    octets.set(chunk.subarray(0, used), this.#count);
    this.#count += used;
    if (this.#count > 0 && octets[0] !== magic) return { kind: "foreign" };
    if (this.#count < handshakeBytes) return { kind: "more" };
    if (octets[2] !== 0 || octets[3] !== 0) return { kind: "refused", error: HandshakeError.reserved };
    const serializer = octets[1]! & 0x0f;
    if (!serializers.includes(serializer)) return { kind: "refused", error: HandshakeError.serializer };
    return {
      kind: "accepted",
      serializer: serializer as Serializer,
      peerFrameBytes_max: bytesOfExponent(octets[1]! >> 4),
      rest: chunk.subarray(used),
    };
  }
}

/** The answer to an accepted handshake: the serializer again, and what the router itself receives. */
export const acceptance = (serializer: Serializer, frameBytes_max: number): Uint8Array =>
  Uint8Array.of(magic, (lengthExponent(frameBytes_max) << 4) | serializer, 0, 0);

export const refusal = (error: HandshakeError): Uint8Array => Uint8Array.of(magic, error << 4, 0, 0);

const FrameType = { message: 0, ping: 1, pong: 2 } as const;

function writeHeader(target: Uint8Array, at: number, type: number, frameBytes: number): number {
  // 2^24 does not fit in 24 bits: the bits are zero then, and the fifth bit of the first octet says so.
  target[at] = type | (frameBytes === frameBytesOfFormat_max ? 0x08 : 0);
  target[at + 1] = (frameBytes >>> 16) & 255;
  target[at + 2] = (frameBytes >>> 8) & 255;
  target[at + 3] = frameBytes & 255;
  return at + headerBytes;
}

export const messageHeaders: HeaderFormat = {
  bytesFor: () => headerBytes,
  write: (target, at, frameBytes) => writeHeader(target, at, FrameType.message, frameBytes),
};

/** A whole PING or PONG frame. */
export function controlFrame(type: "ping" | "pong", payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerBytes + payload.length);
  writeHeader(frame, 0, FrameType[type], payload.length);
  frame.set(payload, headerBytes);
  return frame;
}

/** Why a connection is failed; null while nothing is wrong. */
export type FramingProblem =
  | "reserved bits are set"
  | "reserved frame type"
  | "frame too large"
  | "ping too large";

export interface FrameSink {
  /** One message, which may be empty. `bytes` is valid until the call returns. */
  onMessage(bytes: Uint8Array): void;
  /** `payload` is valid until the call returns. */
  onPing(payload: Uint8Array): void;
}

export interface FrameLimits {
  readonly frameBytes_max: number;
  readonly pingBytes_max: number;
}

const noBytes = new Uint8Array(0);
const firstAllocationBytes_max = 4_096;

/**
 * Cuts a byte stream into frames, wherever its chunks begin and end. A frame that lies whole within a chunk is handed on as a
 * part of that chunk; one that does not is collected in memory that grows with what has arrived, never with what was announced.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #limits: FrameLimits;
  /** Header of a frame that is not complete: #headerCount of its octets are there. */
  readonly #header = new Uint8Array(headerBytes);
  #headerCount = 0;
  #type = 0;
  #frameBytes = 0;
  /** Payload of a frame that is not complete: #collectedCount octets of #frameBytes. */
  #collected: Uint8Array = noBytes;
  #collectedCount = 0;
  #problem: FramingProblem | null = null;

  constructor(limits: FrameLimits, sink: FrameSink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  /** Returns what is wrong with the stream, or null. After a problem every call returns it again and nothing is handed on. */
  push(chunk: Uint8Array): FramingProblem | null {
    let at = 0;
    while (at < chunk.length && this.#problem === null) {
      if (this.#headerCount < headerBytes) {
        at = this.#readHeader(chunk, at);
        if (this.#headerCount < headerBytes || this.#problem !== null) break;
        // An empty frame is whole with its header, even where the chunk ends here.
      }
      at = this.#readPayload(chunk, at);
    }
    return this.#problem;
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    if (this.#headerCount === 0 && chunk.length - start >= headerBytes) {
      this.#headerCount = headerBytes;
      this.#announce(chunk[start]!, (chunk[start + 1]! << 16) | (chunk[start + 2]! << 8) | chunk[start + 3]!);
      return start + headerBytes;
    }
    let at = start;
    while (at < chunk.length && this.#headerCount < headerBytes)
      this.#header[this.#headerCount++] = chunk[at++]!;
    if (this.#headerCount === headerBytes) {
      const [first, high, middle, low] = this.#header;
      this.#announce(first!, (high! << 16) | (middle! << 8) | low!);
    }
    return at;
  }

  #announce(first: number, length: number): void {
    const extended = (first & 0x08) !== 0;
    this.#type = first & 0x07;
    this.#frameBytes = extended ? frameBytesOfFormat_max : length;
    // The fifth bit means 2^24 and nothing else.
    if ((first & 0xf0) !== 0 || (extended && length !== 0)) this.#problem = "reserved bits are set";
    else if (this.#type > FrameType.pong) this.#problem = "reserved frame type";
    else if (this.#frameBytes > this.#limits.frameBytes_max) this.#problem = "frame too large";
    else if (this.#type !== FrameType.message && this.#frameBytes > this.#limits.pingBytes_max)
      this.#problem = "ping too large";
  }

  #readPayload(chunk: Uint8Array, start: number): number {
    const here = chunk.length - start;
    const missing = this.#frameBytes - this.#collectedCount;
    if (this.#collectedCount === 0 && here >= missing) {
      this.#hand(new Uint8Array(chunk.buffer, chunk.byteOffset + start, missing));
      return start + missing;
    }
    if (here === 0) return start;
    const used = Math.min(here, missing);
    this.#collect(chunk.subarray(start, start + used));
    if (used === missing) this.#hand(this.#collected.subarray(0, this.#frameBytes));
    return start + used;
  }

  #collect(part: Uint8Array): void {
    const needed = this.#collectedCount + part.length;
    if (needed > this.#collected.length) {
      const size = Math.max(
        needed,
        this.#collected.length * 2,
        Math.min(this.#frameBytes, firstAllocationBytes_max),
      );
      const larger = new Uint8Array(Math.min(size, this.#frameBytes));
      larger.set(this.#collected.subarray(0, this.#collectedCount));
      this.#collected = larger;
    }
    this.#collected.set(part, this.#collectedCount);
    this.#collectedCount = needed;
  }

  #hand(bytes: Uint8Array): void {
    // The state is the next frame's before the sink is called, so that it may end the connection.
    const type = this.#type;
    this.#headerCount = 0;
    this.#collected = noBytes;
    this.#collectedCount = 0;
    if (type === FrameType.message) this.#sink.onMessage(bytes);
    else if (type === FrameType.ping) this.#sink.onPing(bytes);
  }
}
