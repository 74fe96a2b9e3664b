/**
 * One instance of the module with its memory: the only place that instantiates WebAssembly. Views are fields that `refresh` renews
 * after a call that may have grown memory (only `indexInsert` and `reserveBytes` can); nobody keeps one across such a call.
 */
import { assert } from "../base/assert.ts";
import { Address, Slot } from "./abi.ts";

/** The part of WebAssembly's interface that is used here: neither the compiler's libraries nor Node's types declare it. */
interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}
declare const WebAssembly: {
  readonly Module: new (bytes: ArrayBufferView | ArrayBuffer) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: object };
};

/** All numbers that stand for addresses or counts come back as signed 32-bit integers; `>>> 0` makes them what they are. */
export interface CoreExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  init(
    frameBytes: number,
    matches: number,
    seed0: number,
    seed1: number,
    seed2: number,
    seed3: number,
  ): number;
  frameIn(): number;
  frameOut(): number;
  matches(): number;
  reserveBytes(bytes: number): number;
  visit(format: number, length: number, realm: number, flags: number): number;
  checkUri(uri: number, uriLength: number, match: number, flags: number): number;
  writeEvent(format: number, subscription: number, publication: number, details: number): number;
  writeInvocation(format: number, request: number, registration: number, details: number): number;
  writeResult(format: number, request: number, details: number): number;
  writeError(
    format: number,
    requestType: number,
    request: number,
    uri: number,
    uriLength: number,
    payload: number,
  ): number;
  writeAck(format: number, type: number, request: number, id: number): number;
  writeInterrupt(format: number, request: number, mode: number): number;
  indexInsert(scope: number, policy: number, uri: number, uriLength: number): number;
  indexRemove(handle: number): number;
  indexFind(scope: number, policy: number, uri: number, uriLength: number): number;
  indexMatch(scope: number, uri: number, uriLength: number): number;
  indexMatchInto(scope: number, uri: number, uriLength: number, out: number, room: number): number;
  indexBest(scope: number, uri: number, uriLength: number): number;
  indexUri(handle: number): number;
  indexUriLen(handle: number): number;
  indexPolicy(handle: number): number;
  indexScope(handle: number): number;
  indexProblem(): number;
  indexWork(): number;
  indexCount(): number;
  indexBytes(): number;
}

export interface CoreOptions {
  /** Largest inbound frame. */
  readonly frameBytes_max: number;
  /** Pattern matches of one event that are reported; beyond, `Slot.matchStatus` says so. */
  readonly matches_max: number;
  /** Four random words that key the pattern index's hash, so that nobody outside can choose colliding URIs. */
  readonly seed: Uint32Array;
}

export class Core {
  readonly exports: CoreExports;
  readonly frameBytes_max: number;
  readonly frameIn: number;
  readonly frameOut: number;
  /** All of linear memory, and a view of it. */
  buffer: ArrayBuffer;
  bytes: Uint8Array;
  /** The U32 slots, by `Slot`. */
  u32: Uint32Array;
  /** The F64 slots, by `FSlot`. */
  f64: Float64Array;
  /** Handles of the patterns that the last visit matched; `Slot.matchCount` of them are valid. */
  matches: Uint32Array;
  /** Called after memory grew: every view of it made before is empty now. */
  onGrow: (() => void) | null = null;
  readonly #matchesAt: number;
  readonly #matches_max: number;

  /** Throws when `wasm` is not the module, or its regions find no memory. */
  constructor(wasm: Uint8Array | ArrayBuffer | WasmModule, options: CoreOptions) {
    const { frameBytes_max, matches_max, seed } = options;
    assert(seed.length >= 4, "the index's hash is keyed by four words");
    const isBytes = ArrayBuffer.isView(wasm) || wasm instanceof ArrayBuffer;
    const module = isBytes ? new WebAssembly.Module(wasm) : wasm;
    this.exports = new WebAssembly.Instance(module, {}).exports as CoreExports;
    if (this.exports.init(frameBytes_max, matches_max, seed[0]!, seed[1]!, seed[2]!, seed[3]!) !== 1)
      throw new Error(
        `no memory for WASM regions of ${frameBytes_max}-byte frames and ${matches_max} matches; lower frameBytes_max or matches_max`,
      );
    this.frameBytes_max = frameBytes_max;
    this.frameIn = this.exports.frameIn() >>> 0;
    this.frameOut = this.exports.frameOut() >>> 0;
    this.#matchesAt = this.exports.matches() >>> 0;
    this.#matches_max = matches_max;
    const { buffer } = this.exports.memory;
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer, Address.headerU32, slots);
    this.f64 = new Float64Array(buffer, Address.header, (Address.headerU32 - Address.header) / 8);
    this.matches = new Uint32Array(buffer, this.#matchesAt, matches_max);
  }

  /** Takes memory for good: an address, or 0 when there is no more. */
  reserve(bytes: number): number {
    const at = this.exports.reserveBytes(bytes) >>> 0;
    this.refresh();
    return at;
  }

  /** Renews the views if memory grew since they were made, and tells `onGrow`, whose own views have died as well. */
  refresh(): void {
    const { buffer } = this.exports.memory;
    if (buffer === this.buffer) return;
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer, Address.headerU32, slots);
    this.f64 = new Float64Array(buffer, Address.header, (Address.headerU32 - Address.header) / 8);
    this.matches = new Uint32Array(buffer, this.#matchesAt, this.#matches_max);
    this.onGrow?.();
  }
}

const slots = Slot.rkeyLen + 1;
