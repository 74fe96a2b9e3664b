/**
 * Writes batches of frames to a node:net socket: as few writes as possible, each from one buffer that holds the frames with
 * their headers. Shared by the RawSocket and `ws` transports, which differ in the header only. Hot.
 */
import type { Socket } from "node:net";
import type { OutgoingFrame } from "../ports.ts";

/** How a transport announces a frame. */
export interface HeaderFormat {
  /** Bytes of the header in front of a frame of `frameBytes`. */
  bytesFor(frameBytes: number): number;
  /** Writes it at `at` and returns the offset behind it. */
  write(target: Uint8Array, at: number, frameBytes: number): number;
}

/** One write holds this many bytes, or one frame if that is larger; it bounds what is buffered behind a full socket. */
const writeBytes_max = 128 << 10;
const slabBytes = 64 << 10;

/** Whether the operating system has not taken what was written yet, so that the socket's `drain` event follows. */
export const isFull = (socket: Socket): boolean => socket.writableNeedDrain && socket.writableLength > 0;

export class BatchWriter {
  readonly #format: HeaderFormat;
  /** Writes are cut from here, and given back where the operating system has taken the bytes before write() returned. */
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #slabUsed = 0;
  #bytes = 0;

  constructor(format: HeaderFormat) {
    this.#format = format;
  }

  /**
   * Writes frames[from..count-1] to a socket that is not full, until it is. Returns the index behind the last frame taken; less
   * than `count` means that the socket's `drain` event follows.
   */
  write(socket: Socket, frames: readonly OutgoingFrame[], from: number, count: number): number {
    let next = from;
    while (next < count) {
      const end = this.#measure(frames, next, count);
      socket.write(this.#assembled(frames, next, end));
      next = end;
      if (socket.writableLength === 0 && this.#bytes <= slabBytes) this.#slabUsed -= this.#bytes;
      // A residue below Node's high-water mark does not stop us: no `drain` would follow.
      if (isFull(socket)) break;
    }
    return next;
  }

  /** Returns the index behind the frames that go into the next write, whose size it leaves in #bytes. */
  #measure(frames: readonly OutgoingFrame[], from: number, count: number): number {
    let bytes = 0;
    let end = from;
    while (end < count) {
      const frameBytes = frames[end]!.bytes.length;
      const more = bytes + frameBytes + this.#format.bytesFor(frameBytes);
      if (more > writeBytes_max && end > from) break;
      bytes = more;
      end++;
    }
    this.#bytes = bytes;
    return end;
  }

  #assembled(frames: readonly OutgoingFrame[], from: number, end: number): Uint8Array {
    const bytes = this.#bytes;
    let target = this.#slab;
    let at = this.#slabUsed;
    if (bytes > slabBytes) {
      target = Buffer.allocUnsafeSlow(bytes);
      at = 0;
    } else {
      if (at + bytes > slabBytes) {
        // The old slab lives on in the sockets that still send from it.
        target = this.#slab = Buffer.allocUnsafeSlow(slabBytes);
        at = 0;
      }
      this.#slabUsed = at + bytes;
    }
    const start = at;
    for (let i = from; i < end; i++) {
      const frame = frames[i]!.bytes;
      at = this.#format.write(target, at, frame.length);
      target.set(frame, at);
      at += frame.length;
    }
    return target.subarray(start, at);
  }
}
