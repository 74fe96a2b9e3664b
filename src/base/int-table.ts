/**
 * A hash table from a pair of 32-bit integers to a 32-bit integer that never rehashes as a whole: extendible hashing
 * (Fagin et al., 1979) over fixed segments with linear probing inside. Growing splits one segment, which moves at most
 * `segmentEntries` entries, however large the table is. Keys are mixed with a seed, so that a peer cannot aim at one segment.
 * A value of 0 means "absent".
 */
const segmentEntries = 512;
const entryMask = segmentEntries - 1;
/** Beyond this fill a segment is split: probes stay short. */
const splitAt = 384;
const wordsPerEntry = 3;
/** Directory bits at most; 2^22 segments hold more than a billion entries. */
const depth_max = 22;

class Segment {
  /** Three words an entry: key a, key b, value; value 0 is free. */
  readonly words = new Uint32Array(segmentEntries * wordsPerEntry);
  depth: number;
  count = 0;
  constructor(depth: number) {
    this.depth = depth;
  }
}

export class IntTable {
  readonly #seed: number;
  #depth = 0;
  #directory: Segment[] = [new Segment(0)];
  #segmentCount = 1;
  #size = 0;

  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get size(): number {
    return this.#size;
  }

  /** Of its segments. */
  get bytes(): number {
    return this.#segmentCount * segmentEntries * wordsPerEntry * 4;
  }

  /** The low bits choose the segment, the high bits the place inside it. */
  #hash(a: number, b: number): number {
    let h = Math.imul(a ^ this.#seed, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 12) ^ b, 0x297a2d39);
    return h ^ (h >>> 15);
  }

  #segmentOf(hash: number): Segment {
    return this.#directory[hash & ((1 << this.#depth) - 1)]!;
  }

  get(a: number, b: number): number {
    const hash = this.#hash(a, b);
    const words = this.#segmentOf(hash).words;
    for (let i = hash >>> 23; ; i = (i + 1) & entryMask) {
      const w = i * wordsPerEntry;
      const value = words[w + 2]!;
      if (value === 0) return 0;
      if (words[w] === a >>> 0 && words[w + 1] === b >>> 0) return value;
    }
  }

  /** Adds or replaces. `value` is 1..2^32-1. */
  set(a: number, b: number, value: number): void {
    const hash = this.#hash(a, b);
    let segment = this.#segmentOf(hash);
    while (segment.count >= splitAt && segment.depth < depth_max) {
      this.#split(segment, hash);
      segment = this.#segmentOf(hash);
    }
    if (segment.count >= segmentEntries - 1)
      throw new RangeError("IntTable: more entries than its directory can hold");
    if (this.#put(segment, hash, a >>> 0, b >>> 0, value)) this.#size++;
  }

  #put(segment: Segment, hash: number, a: number, b: number, value: number): boolean {
    const words = segment.words;
    for (let i = hash >>> 23; ; i = (i + 1) & entryMask) {
      const w = i * wordsPerEntry;
      const found = words[w + 2]! !== 0;
      if (found && (words[w] !== a || words[w + 1] !== b)) continue;
      words[w] = a;
      words[w + 1] = b;
      words[w + 2] = value;
      if (!found) segment.count++;
      return !found;
    }
  }

  /** Removes and returns the value, or returns 0. */
  delete(a: number, b: number): number {
    const hash = this.#hash(a, b);
    const segment = this.#segmentOf(hash);
    const words = segment.words;
    for (let i = hash >>> 23; ; i = (i + 1) & entryMask) {
      const w = i * wordsPerEntry;
      const value = words[w + 2]!;
      if (value === 0) return 0;
      if (words[w] === a >>> 0 && words[w + 1] === b >>> 0) {
        this.#closeGap(words, i);
        segment.count--;
        this.#size--;
        return value;
      }
    }
  }

  /** Moves later entries of the run back over the hole, so that no tombstone is ever needed. */
  #closeGap(words: Uint32Array, hole: number): void {
    for (let i = (hole + 1) & entryMask; ; i = (i + 1) & entryMask) {
      const w = i * wordsPerEntry;
      if (words[w + 2] === 0) break;
      const home = this.#hash(words[w]!, words[w + 1]!) >>> 23;
      // An entry may move only if its home does not lie between the hole and where it is now.
      if (((i - home) & entryMask) < ((i - hole) & entryMask)) continue;
      words.copyWithin(hole * wordsPerEntry, w, w + wordsPerEntry);
      hole = i;
    }
    words[hole * wordsPerEntry + 2] = 0;
  }

  #split(full: Segment, hash: number): void {
    if (full.depth === this.#depth) {
      this.#directory = this.#directory.concat(this.#directory);
      this.#depth++;
    }
    this.#segmentCount++;
    const bit = 1 << full.depth;
    const low = new Segment(full.depth + 1);
    const high = new Segment(full.depth + 1);
    const words = full.words;
    for (let w = 0; w < words.length; w += wordsPerEntry) {
      const value = words[w + 2]!;
      if (value === 0) continue;
      const entryHash = this.#hash(words[w]!, words[w + 1]!);
      this.#put((entryHash & bit) === 0 ? low : high, entryHash, words[w]!, words[w + 1]!, value);
    }
    for (let i = hash & (bit - 1); i < this.#directory.length; i += bit) {
      this.#directory[i] = (i & bit) === 0 ? low : high;
    }
  }
}
