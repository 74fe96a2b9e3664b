/** A codec over a fresh instance of the module, in the build that ships or in the one with the compiler's own checks. */
import { readFileSync } from "node:fs";
import type { Serializer } from "../../src/protocol/serializers.ts";
import { FSlot, Slot, Status, Violation } from "../../src/wasm/abi.ts";
import { Codec } from "../../src/wasm/codec.ts";
import { Core } from "../../src/wasm/core.ts";

export const builds = { release: "spanwire.wasm", debug: "spanwire.debug.wasm" } as const;
export type Build = keyof typeof builds;
export const buildNames: readonly Build[] = ["release", "debug"];

export const wasmOf = (build: Build): Uint8Array =>
  readFileSync(new URL(`../../${builds[build]}`, import.meta.url));

export function openCodec(build: Build = "release", frameBytes_max = 1 << 16): Codec {
  const seed = Uint32Array.of(1, 2, 3, 4);
  return new Codec(new Core(wasmOf(build), { frameBytes_max, matches_max: 1_024, seed }));
}

const violationNames = new Map<number, string>(Object.entries(Violation).map(([name, code]) => [code, name]));

/** What a visit without a realm says of a frame: "ok", or the violation by its name in `Violation`. */
export function verdict(codec: Codec, serializer: Serializer, frame: Uint8Array, flags = 0): string {
  if (codec.visit(serializer, frame, 0, flags) === Status.ok) return "ok";
  return violationNames.get(codec.u(Slot.violation)) ?? "?";
}

const span = (codec: Codec, at: number, length: number): Uint8Array | null =>
  codec.u(length) === 0 ? null : codec.span(codec.u(at), codec.u(length)).slice();

/** What the last visit found, copied out of linear memory. */
export function visited(codec: Codec) {
  return {
    type: codec.u(Slot.type),
    request: codec.f(FSlot.request),
    id: codec.f(FSlot.id),
    id2: codec.f(FSlot.id2),
    uri: codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen)),
    uriStatus: codec.u(Slot.uriStatus),
    options: span(codec, Slot.options, Slot.optionsLen),
    args: span(codec, Slot.args, Slot.argsLen),
    kwargs: span(codec, Slot.kwargs, Slot.kwargsLen),
  };
}

/** A copy of the frame of `length` bytes just written; fails when the writer refused. */
export function written(codec: Codec, length: number): Uint8Array {
  if (length === 0) throw new Error(`the writer refused with status ${codec.writeStatus}`);
  return codec.outFrame(length).slice();
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const fromHex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));
