/** Integers from 0 to 2^53 as MessagePack and CBOR have them. */
import { Serializer } from "./serializers.ts";

export type Binary = Exclude<Serializer, typeof Serializer.json>;

/** By bytes with the head, in the shortest form; where it has one byte, that is the integer. */
const heads: Readonly<Record<Binary, Readonly<Record<number, number>>>> = {
  [Serializer.msgpack]: { 2: 0xcc, 3: 0xcd, 5: 0xce, 9: 0xcf },
  [Serializer.cbor]: { 2: 0x18, 3: 0x19, 5: 0x1a, 9: 0x1b },
};

/** Bytes of the shortest form. */
export function integerBytes(serializer: Binary, value: number): number {
  if (value <= (serializer === Serializer.cbor ? 23 : 127)) return 1;
  return value < 2 ** 8 ? 2 : value < 2 ** 16 ? 3 : value < 2 ** 32 ? 5 : 9;
}

/** Writes it from `from` up to `end`: 1, 2, 3, 5 or 9 bytes, no less than the shortest form has. */
export function putInteger(
  to: Uint8Array,
  from: number,
  end: number,
  serializer: Binary,
  value: number,
): void {
  let left = value;
  for (let at = end - 1; at > from; at--, left = Math.floor(left / 256)) to[at] = left % 256;
  to[from] = heads[serializer][end - from] ?? value;
}
