/**
 * Frames between WASM memory and messages to and from other routers: the one that was visited goes into a message, and the one in a
 * message is visited again. Short ones, which most are, without a view of either. Hot.
 */
import { assert } from "../../base/assert.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Slot, Status } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { MessageReader } from "./message.ts";
import type { Peers } from "./peers.ts";

export class VisitedFrames {
  readonly #codec: Codec;
  /** WASM memory as words; made anew where it has grown. */
  #buffer: ArrayBuffer;
  #words: Int32Array;

  constructor(codec: Codec) {
    this.#codec = codec;
    this.#buffer = codec.core.buffer;
    this.#words = new Int32Array(this.#buffer);
  }

  /** Sends what the writer has, and the visited frame as the last field. False: the router is down. */
  send(peers: Peers, peer: number): boolean {
    const codec = this.#codec;
    const { frameIn } = codec.core;
    const isWithin = peers.writer.frame(this.#memory(), frameIn >> 2, codec.u(Slot.length));
    return peers.send(peer, isWithin ? null : codec.visited(), false);
  }

  /** Visits the frame that is the last field of a message. It was accepted where it came in. */
  visit(message: MessageReader, format: Serializer, flags: number): void {
    const codec = this.#codec;
    const { core } = codec;
    const length = message.takeFrame(this.#memory(), core.frameIn >> 2);
    const status =
      length > 0
        ? core.exports.visit(format, length, 0, flags)
        : codec.visit(format, message.frame(), 0, flags);
    assert(status === Status.ok, "a frame that was accepted is accepted again");
  }

  #memory(): Int32Array {
    const { buffer } = this.#codec.core;
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#words = new Int32Array(buffer);
    }
    return this.#words;
  }
}
