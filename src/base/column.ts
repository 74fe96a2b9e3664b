/**
 * Growing columns of integers for tables with millions of rows: typed arrays in segments, so that growth never copies what is
 * there. Several classes and not one generic: V8 keeps one feedback per method, and mixed element kinds would make it polymorphic.
 * Rows are numbered from 0; a row must be made by `ensure` before it is read or written. Fresh rows are 0.
 */
const segmentBits = 12;
const segmentRows = 1 << segmentBits;
const rowMask = segmentRows - 1;

export class U32Column {
  readonly #segments: Uint32Array[] = [];
  ensure(row: number): void {
    while (this.#segments.length << segmentBits <= row) this.#segments.push(new Uint32Array(segmentRows));
  }
  get(row: number): number {
    return this.#segments[row >>> segmentBits]![row & rowMask]!;
  }
  set(row: number, value: number): void {
    this.#segments[row >>> segmentBits]![row & rowMask] = value;
  }
  /** Of all rows that were made. */
  get bytes(): number {
    return this.#segments.length * segmentRows * 4;
  }
}

export class F64Column {
  readonly #segments: Float64Array[] = [];
  ensure(row: number): void {
    while (this.#segments.length << segmentBits <= row) this.#segments.push(new Float64Array(segmentRows));
  }
  get(row: number): number {
    return this.#segments[row >>> segmentBits]![row & rowMask]!;
  }
  set(row: number, value: number): void {
    this.#segments[row >>> segmentBits]![row & rowMask] = value;
  }
}

/**
 * Several 32-bit fields of a row side by side, for tables whose rows are written and read as a whole: one look-up of the segment,
 * and fields that share a cache line. `segment(row)[offset(row) + field]`.
 */
export class U32Records {
  readonly #segments: Uint32Array[] = [];
  readonly #fields: number;
  constructor(fields: number) {
    this.#fields = fields;
  }
  ensure(row: number): void {
    while (this.#segments.length << segmentBits <= row)
      this.#segments.push(new Uint32Array(segmentRows * this.#fields));
  }
  segment(row: number): Uint32Array {
    return this.#segments[row >>> segmentBits]!;
  }
  offset(row: number): number {
    return (row & rowMask) * this.#fields;
  }
  get(row: number, field: number): number {
    return this.segment(row)[this.offset(row) + field]!;
  }
  set(row: number, field: number, value: number): void {
    this.segment(row)[this.offset(row) + field] = value;
  }
  /** Of all rows that were made. */
  get bytes(): number {
    return this.#segments.length * segmentRows * this.#fields * 4;
  }
}

/** Like `U32Records`, for 64-bit floats. */
export class F64Records {
  readonly #segments: Float64Array[] = [];
  readonly #fields: number;
  constructor(fields: number) {
    this.#fields = fields;
  }
  ensure(row: number): void {
    while (this.#segments.length << segmentBits <= row)
      this.#segments.push(new Float64Array(segmentRows * this.#fields));
  }
  segment(row: number): Float64Array {
    return this.#segments[row >>> segmentBits]!;
  }
  offset(row: number): number {
    return (row & rowMask) * this.#fields;
  }
  get(row: number, field: number): number {
    return this.segment(row)[this.offset(row) + field]!;
  }
}

/** Hands out row numbers from 1 (0 means none) and takes them back; a freed row is the next one given. */
export class Rows {
  readonly #nextFree = new U32Column();
  #freeHead = 0;
  #top = 0;
  #count = 0;

  /** A row number; one above all others so far when none is free. */
  take(): number {
    this.#count++;
    const free = this.#freeHead;
    if (free !== 0) {
      this.#freeHead = this.#nextFree.get(free);
      return free;
    }
    this.#top++;
    this.#nextFree.ensure(this.#top);
    return this.#top;
  }
  free(row: number): void {
    this.#count--;
    this.#nextFree.set(row, this.#freeHead);
    this.#freeHead = row;
  }
  /** Rows in use. */
  get count(): number {
    return this.#count;
  }
  get bytes(): number {
    return this.#nextFree.bytes;
  }
}
