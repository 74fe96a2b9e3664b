/**
 * Whole messages between JavaScript values and bytes, in the three serializers. This is the cold path: clients, in-process
 * sessions, handshakes and meta results. Routed messages never pass here; assembly/ moves their bytes.
 *
 * Encoding: `undefined` is dropped from objects and null elsewhere; a bigint becomes a 64-bit integer (in JSON its exact
 * digits); integers beyond 32 bits are integers, never floats; lone surrogates become U+FFFD; `toJSON` is honoured.
 * Decoding: integers up to 2^53 are numbers, beyond that bigints; see values.ts and the decoders for the rest.
 */
import { encode as msgpackEncode } from "@msgpack/msgpack";
import { Encoder as CborEncoder } from "cbor-x/encode";
import { decodeCbor } from "./decode-cbor.ts";
import { decodeMsgpack } from "./decode-msgpack.ts";
import { errors, WampError } from "./errors.ts";
import { jsonText, parseJson } from "./json.ts";
import { Serializer } from "./serializers.ts";
import { plain } from "./values.ts";

// Tags are switched off one by one: they would tell a peer about JavaScript classes instead of the data.
const cborEncoder = new CborEncoder({
  useRecords: false,
  mapsAsObjects: false,
  variableMapSize: true,
  tagUint8Array: false,
  structuredClone: false,
  pack: false,
});
const utf8 = new TextEncoder();

/** Throws WampError `wamp.error.invalid_payload` for what the serializer cannot say: NaN in JSON, functions, cycles. */
export function encodeMessage(serializer: Serializer, message: readonly unknown[]): Uint8Array {
  try {
    switch (serializer) {
      case Serializer.json:
        return utf8.encode(jsonText(message));
      case Serializer.msgpack:
        return msgpackEncode(plain(message, objectFrom), { useBigInt64: true, maxDepth: 1_000 });
      case Serializer.cbor:
        // The encoder hands out a view of its pool, of a class of its own choice; the copy is a plain Uint8Array.
        return new Uint8Array(cborEncoder.encode(plain(message, mapFrom)));
    }
  } catch (cause) {
    if (cause instanceof WampError) throw cause;
    throw new WampError(errors.invalidPayload.uri, "the message cannot be encoded", { cause });
  }
}

/** Throws WampError `wamp.error.protocol_violation` for bytes that are not one whole array in this serializer. */
export function decodeMessage(serializer: Serializer, bytes: Uint8Array): unknown[] {
  let message: unknown;
  try {
    message = decoders[serializer](bytes);
  } catch (cause) {
    if (cause instanceof WampError) throw cause;
    throw new WampError(errors.protocolViolation.uri, "the message cannot be decoded", { cause });
  }
  if (!Array.isArray(message)) throw new WampError(errors.protocolViolation.uri, "a message is an array");
  return message;
}

/** One value of any kind: options, arguments, keyword arguments. Throws like `decodeMessage`. */
export function decodeValue(serializer: Serializer, bytes: Uint8Array): unknown {
  return decoders[serializer](bytes);
}

/** A map as the object it is read into; an empty one for anything else. */
export function decodeDict(serializer: Serializer, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const value = decodeValue(serializer, bytes);
  return isDict(value) ? value : {};
}

export const isDict = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const decoders: Readonly<Record<Serializer, (bytes: Uint8Array) => unknown>> = {
  [Serializer.json]: parseJson,
  [Serializer.msgpack]: decodeMsgpack,
  [Serializer.cbor]: decodeCbor,
};

/** Without a prototype, so that the key `__proto__` is a key like any other. */
function objectFrom(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}

/** cbor-x writes a Map without asking its entries for `constructor` or `toJSON`, which it does with objects. */
const mapFrom = (entries: readonly (readonly [string, unknown])[]): Map<string, unknown> => new Map(entries);
