/**
 * The CBOR cursor and the transcoder by themselves, for tests: loads the kernels' own module, puts bytes into it, reads slots out.
 * SPANWIRE_KERNELS names another build of the module, such as the one with assertions.
 */
import { readFileSync } from "node:fs";
import type { Build } from "./codec.ts";
import { type Format, formatNumber } from "./value-model.ts";

/** The part of WebAssembly's interface that is needed here; the compiler is told of no browser. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

type Reader = (p: number, end: number) => number;
type Writer = (o: number, oEnd: number, ...values: number[]) => number;

/** What the module exports; booleans and addresses are numbers. */
export interface CodecExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly kernelsInit: (frameBytes: number) => number;
  readonly kernelsReset: () => void;
  readonly FRAME_IN: { readonly value: number };
  readonly FRAME_OUT: { readonly value: number };
  readonly cborKind: Reader;
  readonly cborSkip: (p: number, end: number, depth: number) => number;
  readonly cborId: Reader;
  readonly cborBool: Reader;
  readonly cborNumber: Reader;
  readonly cborString: Reader;
  readonly cborBinary: Reader;
  readonly cborEnterArray: Reader;
  readonly cborEnterMap: Reader;
  readonly cborTag: Reader;
  readonly cborMore: (p: number, end: number, index: number, count: number, map: number) => number;
  readonly cborColon: Reader;
  readonly cborTail: Reader;
  readonly cborPutArray: Writer;
  readonly cborPutMap: Writer;
  readonly cborPutId: Writer;
  readonly cborPutBool: Writer;
  readonly cborPutNil: Writer;
  readonly cborPutF64: Writer;
  readonly cborPutString: Writer;
  readonly cborPutBinary: Writer;
  readonly cborPutU64: (o: number, oEnd: number, value: bigint) => number;
  readonly cborPutI64: (o: number, oEnd: number, value: bigint) => number;
  readonly TEXT: { readonly value: number };
  readonly MATCHES: { readonly value: number };
  readonly indexInit: (seed0: number, seed1: number, seed2: number, seed3: number) => number;
  readonly indexInsert: (scope: number, policy: number, uri: number, uriLength: number) => number;
  readonly visit: (format: number, length: number, realm: number, flags: number) => number;
  readonly visitAny: (format: number, length: number, realm: number, flags: number) => number;
  readonly isQuick: (length: number, flags: number) => number;
  readonly transcode: (from: number, to: number, p: number, end: number, o: number, oEnd: number) => number;
}

/** Slots of assembly/abi.ts that the tests look at, as byte addresses. */
const headerU32 = 320;
export const slot = {
  value: 64 + 6 * 8,
  violation: headerU32 + 4 * 4,
  writeStatus: headerU32 + 34 * 4,
  span: headerU32 + 39 * 4,
  spanLength: headerU32 + 40 * 4,
  count: headerU32 + 41 * 4,
  scratch: headerU32 + 42 * 4,
} as const;
export const violation = {
  none: 0,
  malformed: 2,
  utf8: 3,
  depth: 4,
  elementType: 9,
  idRange: 10,
  optionType: 11,
} as const;
export const writeStatus = { none: 0, tooLarge: 1, unrepresentable: 2 } as const;
export const countUnknown = 0xffffffff;

/** Largest input of a test. The output region is twice as large, as in the router. */
export const frameBytes_max = 1 << 20;
const canary = 0xa5;

function load(build: Build): CodecExports {
  const file = build === "debug" ? "test-kernels.debug.wasm" : "test-kernels.wasm";
  const path = process.env["SPANWIRE_KERNELS"] ?? new URL(`../../${file}`, import.meta.url);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)), {});
  const exports = instance.exports as unknown as CodecExports;
  if (exports.kernelsInit(frameBytes_max) === 0) throw new Error("no memory for the regions");
  return exports;
}

export type Transcoded = { readonly bytes: Uint8Array } | { readonly status: number };

export class CodecKernels {
  readonly exports: CodecExports;
  readonly frame: number;
  readonly output: number;

  constructor(build: Build = "release") {
    this.exports = load(build);
    this.frame = this.exports.FRAME_IN.value >>> 0;
    this.output = this.exports.FRAME_OUT.value >>> 0;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer);
  }

  u32(address: number): number {
    return new DataView(this.exports.memory.buffer).getUint32(address, true);
  }

  f64(address: number): number {
    return new DataView(this.exports.memory.buffer).getFloat64(address, true);
  }

  u64(address: number): bigint {
    return new DataView(this.exports.memory.buffer).getBigUint64(address, true);
  }

  /** Starts a visit: puts `frame` where frames lie, with `behind` in the bytes after it, and clears the slots. Returns its end. */
  visit(frame: ArrayLike<number>, behind = canary): number {
    const memory = this.bytes();
    memory.set(frame, this.frame);
    memory.fill(behind, this.frame + frame.length, this.frame + frame.length + 16);
    memory.fill(0, 64, 1024);
    this.exports.kernelsReset();
    return this.frame + frame.length;
  }

  /** Bytes of the value that cborSkip finds at the front of `frame`, or -1 when it refuses it. */
  skip(frame: ArrayLike<number>, depth = 64, behind = canary): number {
    const end = this.visit(frame, behind);
    const result = this.exports.cborSkip(this.frame, end, depth) >>> 0;
    return result === 0 ? -1 : result - this.frame;
  }

  /** The bytes of the last span read. */
  span(): Uint8Array {
    const start = this.u32(slot.span);
    return this.bytes().slice(start, start + this.u32(slot.spanLength));
  }

  /** Runs a writer at the start of the output region with `room` bytes; undefined when it refused. Throws if it wrote beyond. */
  write(room: number, writer: (o: number, oEnd: number) => number): Uint8Array | undefined {
    const memory = this.bytes();
    memory.fill(canary, this.output + room, this.output + room + 64);
    const behind = writer(this.output, this.output + room) >>> 0;
    for (let i = 0; i < 64; ++i) {
      if (memory[this.output + room + i] !== canary)
        throw new Error(`wrote ${i} bytes beyond a bound of ${room}`);
    }
    return behind === 0 ? undefined : this.bytes().slice(this.output, behind);
  }

  /** Transcodes the value that `frame` holds, into at most `room` bytes. */
  transcode(from: Format, to: Format, frame: ArrayLike<number>, room = 2 * frameBytes_max - 64): Transcoded {
    const end = this.visit(frame);
    const bytes = this.write(room, (o, oEnd) =>
      this.exports.transcode(formatNumber[from], formatNumber[to], this.frame, end, o, oEnd),
    );
    return bytes === undefined ? { status: this.u32(slot.writeStatus) } : { bytes };
  }
}
