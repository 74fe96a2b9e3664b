/** What the three cursors (json.ts, msgpack.ts, cbor.ts) have in common: the kinds of values and the counts they report. */

export const K_INVALID: u32 = 0;
export const K_NIL: u32 = 1;
export const K_BOOL: u32 = 2;
export const K_INT: u32 = 3;
export const K_FLOAT: u32 = 4;
export const K_STRING: u32 = 5;
export const K_BINARY: u32 = 6;
export const K_ARRAY: u32 = 7;
export const K_MAP: u32 = 8;
/** Well-formed, but with no counterpart in the other formats: msgpack ext, unassigned CBOR simple values. */
export const K_EXT: u32 = 9;
/** A CBOR tag; its content follows. */
export const K_TAG: u32 = 10;

/** Element count of a container that does not say how long it is: JSON, CBOR of indefinite length. */
export const COUNT_UNKNOWN: u32 = 0xffffffff;

/** What a number reader stored in F_VALUE: the eight bytes of a u64, a negative i64 or an f64. */
export const N_U64: u32 = 1;
export const N_I64: u32 = 2;
export const N_F64: u32 = 3;
