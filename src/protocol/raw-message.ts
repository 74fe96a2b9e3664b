/**
 * Containers put together from members that are encoded already, in the three serializers: how the router answers with payloads
 * of its peers without reading them. Control path.
 */
import { assert } from "../base/assert.ts";
import { encodeMessage } from "./encoding.ts";
import { Serializer } from "./serializers.ts";

/** One value, encoded in the serializer at hand. */
export type Raw = Uint8Array;
type Binary = Exclude<Serializer, typeof Serializer.json>;

/** Members of one container. */
export const rawMembers_max = 0xffff;

const comma = Uint8Array.of(0x2c);
const colon = Uint8Array.of(0x3a);

/** Throws what `encodeMessage` throws. */
export function rawValue(serializer: Serializer, value: unknown): Raw {
  const list = encodeMessage(serializer, [value]);
  return serializer === Serializer.json ? list.subarray(1, -1) : list.subarray(1);
}

export function rawList(serializer: Serializer, items: readonly Raw[]): Raw {
  if (serializer !== Serializer.json) return joined([head(serializer, items.length, false), ...items]);
  return joined([Uint8Array.of(0x5b), ...separated(items), Uint8Array.of(0x5d)]);
}

export function rawDict(serializer: Serializer, entries: readonly (readonly [string, Raw])[]): Raw {
  const keyed = entries.map(([key, value]): readonly [Raw, Raw] => [rawValue(serializer, key), value]);
  if (serializer !== Serializer.json) return joined([head(serializer, keyed.length, true), ...keyed.flat()]);
  const pairs = keyed.map(([key, value]) => joined([key, colon, value]));
  return joined([Uint8Array.of(0x7b), ...separated(pairs), Uint8Array.of(0x7d)]);
}

/** Always the shortest form, as the encoders have it. */
function head(serializer: Binary, count: number, isDict: boolean): Raw {
  assert(count <= rawMembers_max, "a container's head has two bytes for its count");
  if (serializer === Serializer.msgpack) {
    if (count < 16) return Uint8Array.of((isDict ? 0x80 : 0x90) | count);
    return Uint8Array.of(isDict ? 0xde : 0xdc, count >>> 8, count & 0xff);
  }
  const major = isDict ? 0xa0 : 0x80;
  if (count < 24) return Uint8Array.of(major | count);
  if (count < 256) return Uint8Array.of(major | 24, count);
  return Uint8Array.of(major | 25, count >>> 8, count & 0xff);
}

const separated = (items: readonly Raw[]): Raw[] =>
  items.flatMap((item, i) => (i === 0 ? [item] : [comma, item]));

function joined(parts: readonly Raw[]): Raw {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
