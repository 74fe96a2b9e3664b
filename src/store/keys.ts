/** Keys of a store: text of up to 1,024 bytes of UTF-8, in the order of these bytes. */
import { assert } from "../base/assert.ts";
import { fixedLimits } from "../base/limits.ts";
import type { StoreChange } from "../ports.ts";

/** The bytes of a key. Keys are made by the router: a wrong one is a bug, and fails an assertion. */
export function keyBytes(key: string): Buffer {
  const bytes = Buffer.from(key, "utf8");
  assert(key !== "" && bytes.length <= fixedLimits.storeKeyBytes_max, "a key has 1 to 1,024 bytes");
  // Two keys with different lone surrogates would be one in UTF-8.
  assert(bytes.toString("utf8") === key, "a key is well-formed text");
  return bytes;
}

/** All keys of one commit, checked before any of it is applied. */
export function checkChanges(changes: readonly StoreChange[]): void {
  for (const { key } of changes) keyBytes(key);
}

/** As their bytes would: by code points. JavaScript's own order is by UTF-16 units, and differs beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** A surrogate stands for a code point beyond all that are one unit. */
const codePointRank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit);
