/**
 * Containers put together from members that are encoded already, in the three serializers: how the router answers with payloads
 * of its peers without reading them. Control path.
 */
import { assert } from "../base/assert.ts";
import { encodeMessage } from "./encoding.ts";
import { Serializer } from "./serializers.ts";

/** One value, encoded in the serializer at hand. */
export type Raw = Uint8Array;

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
  if (serializer !== Serializer.json) return joined([head(items.length, arrayHeads[serializer]), ...items]);
  return joined([Uint8Array.of(0x5b), ...separated(items), Uint8Array.of(0x5d)]);
}

export function rawDict(serializer: Serializer, entries: readonly (readonly [string, Raw])[]): Raw {
  const keyed = entries.map(([key, value]): readonly [Raw, Raw] => [rawValue(serializer, key), value]);
  if (serializer !== Serializer.json)
    return joined([head(keyed.length, dictHeads[serializer]), ...keyed.flat()]);
  const pairs = keyed.map(([key, value]) => joined([key, colon, value]));
  return joined([Uint8Array.of(0x7b), ...separated(pairs), Uint8Array.of(0x7d)]);
}

/** First byte for few members, how many that are, and first byte before two bytes of count. */
type Heads = readonly [few: number, few_max: number, many: number];
const arrayHeads = {
  [Serializer.msgpack]: [0x90, 15, 0xdc],
  [Serializer.cbor]: [0x80, 23, 0x99],
} as const satisfies Record<typeof Serializer.msgpack | typeof Serializer.cbor, Heads>;
const dictHeads = {
  [Serializer.msgpack]: [0x80, 15, 0xde],
  [Serializer.cbor]: [0xa0, 23, 0xb9],
} as const satisfies Record<typeof Serializer.msgpack | typeof Serializer.cbor, Heads>;

function head(count: number, [few, few_max, many]: Heads): Raw {
  assert(count <= rawMembers_max, "a container's head has two bytes for its count");
  return count <= few_max ? Uint8Array.of(few | count) : Uint8Array.of(many, count >>> 8, count & 0xff);
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
