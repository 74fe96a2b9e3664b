/**
 * Call rerouting (Advanced Profile): what it takes to give a call to another callee when the first answers that it is unavailable.
 * The frames of calls that could be rerouted lie in one ring of bytes, in linear memory like the frame itself: keeping one is a copy
 * and two numbers, nothing is freed when the call ends, and the newest frames write over the oldest. Hot.
 */
import { F64Records } from "../../base/column.ts";
import { Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";

/** Frames beyond this part of the ring are not kept: a few of them would drive out all others. */
const largestPart = 16;

/** Of a call: where its frame begins, counted in bytes written since the start, and its length. */
const Field = { position: 0, length: 1 } as const;
const fieldCount = 2;

export class Reroutes {
  readonly #codec: Codec;
  /** Bytes of the ring; 0 when there is no memory for it. */
  #size: number;
  readonly #kept = new F64Records(fieldCount);
  /** Ids of the sessions that each rerouted call has been sent to. */
  readonly #tried = new Map<number, number[]>();
  /** Made when the first frame is kept: most routers never keep one. */
  #ring = 0;
  #at = 0;
  /** Bytes written since the start, with those skipped at the ring's end. */
  #written = 0;

  /** `bytes_max` is the size of the ring; 0 keeps nothing. */
  constructor(codec: Codec, bytes_max: number) {
    this.#codec = codec;
    this.#size = bytes_max;
  }

  /** Calls in flight that another callee was asked to take before. */
  get count(): number {
    return this.#tried.size;
  }

  /** Keeps the frame of the visited CALL, which has this row. False: it is too large. */
  keep(row: number): boolean {
    const length = this.#codec.u(Slot.length);
    if (length * largestPart > this.#size) return false;
    if (this.#ring === 0 && !this.#makeRing()) return false;
    if (this.#at + length > this.#size) {
      this.#written += this.#size - this.#at;
      this.#at = 0;
    }
    this.#codec.copyFrame(this.#ring + this.#at);
    this.#kept.ensure(row);
    const kept = this.#kept.segment(row);
    const k = this.#kept.offset(row);
    kept[k + Field.position] = this.#written;
    kept[k + Field.length] = length;
    this.#at += length;
    this.#written += length;
    return true;
  }

  #makeRing(): boolean {
    this.#ring = this.#codec.core.reserve(this.#size);
    if (this.#ring === 0) this.#size = 0;
    return this.#ring !== 0;
  }

  /** The kept frame of a call; null when later ones have written over it. Valid until the next `keep`. */
  frame(row: number): Uint8Array | null {
    const position = this.#kept.get(row, Field.position);
    if (this.#written > position + this.#size) return null;
    return this.#codec.span(this.#ring + (position % this.#size), this.#kept.get(row, Field.length));
  }

  /** Notes that a session does not take the call. Returns all that do not. */
  exclude(row: number, session: number): readonly number[] {
    const tried = this.#tried.get(row) ?? [];
    tried.push(session);
    this.#tried.set(row, tried);
    return tried;
  }

  /** All that do not take it; null: nobody has refused it. */
  tried(row: number): readonly number[] | null {
    return this.#tried.get(row) ?? null;
  }

  /** The rerouted call has ended. */
  forget(row: number): void {
    this.#tried.delete(row);
  }
}
