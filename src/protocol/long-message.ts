/**
 * Messages with long lists, encoded piece by piece: a list of a hundred thousand ids takes tens of milliseconds to encode, and nobody
 * is to wait so long. The bytes are those that `encodeMessage` gives, but for how CBOR and MessagePack say the length of a long list, which
 * has several ways. Control path.
 */
import { assert } from "../base/assert.ts";
import { encodeMessage, isDict } from "./encoding.ts";
import { Serializer } from "./serializers.ts";

/** Entries of a list that are encoded together. */
const piece = 1_024;
/** What one costs, in steps of which a look at an entry of a table is one. */
const entryCost = 4;

/** Whether the value is a list with more entries than are encoded together, or has one in it. */
export function isLong(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > piece || value.some(isLong);
  return isDict(value) && Object.values(value).some(isLong);
}

/** The steps that encode a message; each says what it has cost. Its dictionaries with long lists in them have a few keys. */
export function* encodeInSteps(
  serializer: Serializer,
  message: readonly unknown[],
): Generator<number, Uint8Array, void> {
  const pieces: Uint8Array[] = [];
  yield* write(serializer, message, pieces);
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of pieces) {
    bytes.set(each, at);
    at += each.length;
  }
  return bytes;
}

function* write(serializer: Serializer, value: unknown, out: Uint8Array[]): Generator<number, void, void> {
  const isJson = serializer === Serializer.json;
  if (Array.isArray(value) && value.length > piece) {
    out.push(head(serializer, Kind.list, value.length));
    for (let at = 0; at < value.length; at += piece) {
      if (isJson && at > 0) out.push(comma);
      out.push(elements(serializer, value.slice(at, at + piece)));
      yield piece * entryCost;
    }
    if (isJson) out.push(listEnd);
  } else if (Array.isArray(value) && isLong(value)) {
    out.push(head(serializer, Kind.list, value.length));
    for (const [i, each] of value.entries()) {
      if (isJson && i > 0) out.push(comma);
      yield* write(serializer, each, out);
    }
    if (isJson) out.push(listEnd);
  } else if (isDict(value) && isLong(value)) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    assert(entries.length < 16, "the head of a dictionary is one byte");
    out.push(head(serializer, Kind.dict, entries.length));
    for (const [i, [key, each]] of entries.entries()) {
      if (isJson && i > 0) out.push(comma);
      out.push(elements(serializer, [key]));
      if (isJson) out.push(colon);
      yield* write(serializer, each, out);
    }
    if (isJson) out.push(dictEnd);
  } else out.push(elements(serializer, [value]));
}

const Kind = { list: 0, dict: 1 } as const;
type Kind = (typeof Kind)[keyof typeof Kind];

const [comma, colon, listEnd, dictEnd] = [",", ":", "]", "}"].map((sign) =>
  Uint8Array.of(sign.charCodeAt(0)),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** What stands before the elements: a bracket, or how many there are. A dictionary has less than 16. */
function head(serializer: Serializer, kind: Kind, count: number): Uint8Array {
  const isList = kind === Kind.list;
  if (serializer === Serializer.json) return Uint8Array.of(isList ? 0x5b : 0x7b);
  const isCbor = serializer === Serializer.cbor;
  if (count < 16) return Uint8Array.of((isCbor ? (isList ? 0x80 : 0xa0) : isList ? 0x90 : 0x80) | count);
  return Uint8Array.of(isCbor ? 0x9a : 0xdd, count >>> 24, count >>> 16, count >>> 8, count);
}

/** The elements of a short list, without what is before and behind them. */
function elements(serializer: Serializer, list: readonly unknown[]): Uint8Array {
  const bytes = encodeMessage(serializer, list);
  if (serializer === Serializer.json) return bytes.subarray(1, -1);
  return bytes.subarray(serializer === Serializer.cbor ? cborHead(list.length) : list.length < 16 ? 1 : 3);
}

const cborHead = (count: number): number => (count < 24 ? 1 : count < 256 ? 2 : 3);
