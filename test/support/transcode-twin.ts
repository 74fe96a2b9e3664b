/** What the tests of the transcoder share: the slow way from one format to another, and how outputs are compared with it. */
import assert from "node:assert/strict";
import { type CodecKernels, writeStatus } from "./codec-kernels.ts";
import { carried, type Format, Unrepresentable, type Value } from "./value-model.ts";
import { readJson } from "./value-read.ts";
import { type Pick, writeCbor, writeJson, writeMsgpack } from "./value-write.ts";

const writers = { json: writeJson, msgpack: writeMsgpack, cbor: writeCbor } as const;

/** `value` in `format`: in the one form that Spanwire writes, or with a `pick` in any of the allowed ones. */
export const written = (format: Format, value: Value, pick?: Pick): Uint8Array =>
  new Uint8Array(writers[format](value, pick));

export const pairsOfFormats: readonly (readonly [Format, Format])[] = [
  ["json", "msgpack"],
  ["json", "cbor"],
  ["msgpack", "json"],
  ["msgpack", "cbor"],
  ["cbor", "json"],
  ["cbor", "msgpack"],
];

/** What the table of decisions makes of `value`, or undefined where it says W_UNREPRESENTABLE. */
export function decided(value: Value, from: Format, to: Format): Value | undefined {
  try {
    return carried(value, from, to);
  } catch (problem) {
    if (problem instanceof Unrepresentable) return undefined;
    throw problem;
  }
}

/** Asserts that `bytes` say `expected` in `format`: byte by byte, except for the digits of floats in JSON. */
export function assertSays(bytes: Uint8Array, format: Format, expected: Value, message: string): void {
  if (format !== "json") {
    assert.equal(
      Buffer.from(bytes).toString("hex"),
      Buffer.from(written(format, expected)).toString("hex"),
      message,
    );
    return;
  }
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  assert.deepStrictEqual(readJson(text), expected, `${message}: ${text}`);
}

/** Transcodes `frame`, which holds `value` in format `from`, and asserts that the table was followed. Returns the output. */
export function assertFollowsTable(
  kernels: CodecKernels,
  { value, frame, from, to }: { value: Value; frame: Uint8Array; from: Format; to: Format },
  message: string,
): Uint8Array | undefined {
  const expected = decided(value, from, to);
  const result = kernels.transcode(from, to, frame);
  const about = `${message}, ${from} to ${to}, ${Buffer.from(frame).toString(from === "json" ? "utf8" : "hex")}`;
  if (expected === undefined) {
    assert.deepStrictEqual(result, { status: writeStatus.unrepresentable }, about);
    return undefined;
  }
  assert.ok("bytes" in result, `refused: ${about}`);
  assertSays(result.bytes, to, expected, about);
  return result.bytes;
}
