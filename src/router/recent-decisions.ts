/**
 * The latest decisions about URIs that a pattern spells out, by table of rules and pattern: most requests are about a registration or
 * subscription with exactly their own URI, whose handle the visit has found already, so that nothing is left to look up. Direct-mapped:
 * where two fall on one slot, the later one has it. Hot.
 *
 * An entry holds as long as nothing changes that it depends on: tables have numbers that are never given twice; when a pattern goes, whose
 * handle may then stand for another URI, or a decision changes, all is forgotten at once.
 */
const words = 4;
/** Multipliers of Knuth's multiplicative hashing, for table and pattern. */
const tableFactor = 0x9e3779b1;
const patternFactor = 0x85ebca6b;

export class RecentDecisions {
  /** Per slot: table, pattern, decision, epoch. */
  readonly #rows: Uint32Array;
  readonly #mask: number;
  /** Entries of another epoch count for nothing; 0 is that of none. */
  #epoch = 1;

  /** `slots` is a power of two; 16 bytes each. */
  constructor(slots: number) {
    this.#rows = new Uint32Array(slots * words);
    this.#mask = slots - 1;
  }

  /** The decision's bits; 0 where it is not remembered. No decision that is made is 0: it decides something at least. */
  get(table: number, pattern: number): number {
    const at = this.#slotOf(table, pattern);
    const rows = this.#rows;
    if (rows[at] !== table || rows[at + 1] !== pattern || rows[at + 3] !== this.#epoch) return 0;
    return rows[at + 2]!;
  }

  set(table: number, pattern: number, decision: number): void {
    const at = this.#slotOf(table, pattern);
    const rows = this.#rows;
    rows[at] = table;
    rows[at + 1] = pattern;
    rows[at + 2] = decision;
    rows[at + 3] = this.#epoch;
  }

  /** Forgets all. */
  clear(): void {
    this.#epoch = (this.#epoch + 1) >>> 0;
    if (this.#epoch !== 0) return;
    // What is left of 2^32 epochs ago must not come back.
    this.#rows.fill(0);
    this.#epoch = 1;
  }

  #slotOf(table: number, pattern: number): number {
    const hash = (Math.imul(table, tableFactor) ^ Math.imul(pattern, patternFactor)) >>> 8;
    return (hash & this.#mask) * words;
  }
}
