/**
 * Which shard a routing key belongs to: rendezvous hashing (Thaler & Ravishankar, 1998). Each shard is a 32-bit number; for a
 * key every shard gets a weight out of both numbers, and the highest takes the key. A shard that leaves gives up its own keys and
 * moves no other. Pure: the same bytes give the same numbers in every process, whatever the machine.
 */

/** Spreads the bits of a 32-bit integer over all of it; reversible, so that no two inputs meet. */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return h ^ (h >>> 15);
}

/** A key's number, 0 to 2^32 - 1. `key` is text as UTF-8; a view into linear memory will do. */
export function hashKey(key: Uint8Array): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key[i]!, 0x01000193);
  return mix(h ^ key.length) >>> 0;
}

/** The number of a shard that has no key of its own, out of an id up to 2^53. */
export function hashId(id: number): number {
  return mix(mix(Math.floor(id / 2 ** 32)) ^ id) >>> 0;
}

/** How much a shard wants a key, 0 to 2^32 - 1; both are given by their numbers. */
export function shardWeight(shard: number, key: number): number {
  return mix(mix(key ^ 0x5bd1e995) ^ shard) >>> 0;
}
