/** RawSocket's four handshake bytes and its frames (wamp_latest, "RawSocket Transport"), from the client's side. Pure. */
import { concat } from "./bytes.ts";

export const magic = 0x7f;
export const frameBytes_max = 1 << 24;

export const FrameKind = { message: 0, ping: 1, pong: 2 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Announces that frames up to 16 MiB are accepted: the largest length code, 15. */
export const handshakeRequest = (serializer: number): Uint8Array =>
  new Uint8Array([magic, 0xf0 | serializer, 0, 0]);

const handshakeErrors = [
  "an error code that is not to be used",
  "the serializer is not supported",
  "the maximum frame length is not acceptable",
  "reserved bits were used",
  "the server has as many connections as it accepts",
];

export type HandshakeReply =
  | { readonly ok: true; readonly peerFrameBytes_max: number }
  | { readonly ok: false; readonly reason: string };

/** Reads the server's four bytes. */
export function readHandshake(reply: Uint8Array, serializer: number): HandshakeReply {
  const [first, second = 0, third, fourth] = reply;
  if (first !== magic) return { ok: false, reason: "the server does not speak RawSocket" };
  const chosen = second & 0x0f;
  const upper = second >> 4;
  if (chosen === 0) return { ok: false, reason: handshakeErrors[upper] ?? `error ${upper} in the handshake` };
  if (third !== 0 || fourth !== 0) return { ok: false, reason: "the server used reserved bits" };
  if (chosen !== serializer) return { ok: false, reason: "the server chose another serializer" };
  return { ok: true, peerFrameBytes_max: 2 ** (9 + upper) };
}

/** A frame of exactly 2^24 bytes has the length bits 0 and the bit above them set. */
export function frameHeader(kind: FrameKind, length: number): Uint8Array {
  const extended = length === frameBytes_max ? 0x08 : 0;
  return new Uint8Array([kind | extended, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff]);
}

/** Cuts a byte stream into frames, however it was chopped up. */
export class FrameCutter {
  #chunks: Uint8Array[] = [];
  #length = 0;

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Takes `length` bytes off the front, or null while there are fewer. */
  take(length: number): Uint8Array | null {
    if (this.#length < length) return null;
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : concat(this.#chunks);
    this.#chunks = all.length === length ? [] : [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }

  /** The next whole frame, or null while it is not complete; a string names what is wrong with the stream. */
  next(): Frame | string | null {
    const header = this.#peekHeader();
    if (header === null) return null;
    const [first = 0, high = 0, middle = 0, low = 0] = header;
    const kind = first & 0x07;
    if ((first & 0xf0) !== 0) return "reserved bits are set in a frame";
    if (kind > FrameKind.pong) return `frame type ${kind} is reserved`;
    let length = (high << 16) | (middle << 8) | low;
    if ((first & 0x08) !== 0) {
      if (length !== 0) return "a frame is longer than 2^24 bytes";
      length = frameBytes_max;
    }
    const frame = this.take(4 + length);
    return frame === null ? null : { kind, payload: frame.subarray(4) };
  }

  #peekHeader(): Uint8Array | null {
    if (this.#length < 4) return null;
    // Joining only the chunks that the header lies in keeps a large frame in many chunks linear.
    while (this.#chunks[0]!.length < 4) {
      const [first, second, ...rest] = this.#chunks as [Uint8Array, Uint8Array, ...Uint8Array[]];
      this.#chunks = [concat([first, second]), ...rest];
    }
    return this.#chunks[0]!.subarray(0, 4);
  }
}
