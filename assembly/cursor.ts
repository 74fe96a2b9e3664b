/**
 * What the three cursors – json.ts, msgpack.ts, cbor.ts – have in common. Each exports the same functions under its own prefix;
 * format.ts chooses among them at compile time, transcode-format.ts at run time.
 *
 * Readers take a position `p` and the bound `end`, absolute addresses, and return the position behind what they read, or 0 after
 * `fail(V_…, p)`. They never trap, never read at or beyond `end`, and leave results in header slots:
 *
 *   Kind(p, end)              the K_… of the value at p, by its first byte, without moving
 *   Skip(p, end, depth)       checks one whole value; fails V_DEPTH when a container comes at depth 0
 *   Id(p, end)                an integral number 0 … 2^53, in whatever spelling → F_VALUE
 *   Bool(p, end)              → U_COUNT, 1 or 0
 *   String(p, end)            text as plain UTF-8 → U_SPAN, U_SPAN_LEN; in SCRATCH if it was escaped or in chunks
 *   Binary(p, end)            bytes → the same; jsonBinary answers 0 without failing when a string is no binary
 *   Number(p, end)            → U_COUNT = N_…, and its eight bytes at F_VALUE
 *   EnterArray, EnterMap      → U_COUNT = elements or pairs, or COUNT_UNKNOWN
 *   More(p, end, i, count, map)  before element or pair i: its position and U_COUNT = 1; at the end the position behind the
 *                             container and U_COUNT = 0
 *   Colon(p, end)             between key and value
 *   Tail(p, end)              behind the top-level value; the caller fails V_TRAILING if that is not `end`
 *
 * Writers take where to write `o` and the bound `oEnd`, and return the position behind, or 0 when it does not fit: PutArray, PutMap,
 * PutEnd, PutSep (before element or key number i), PutColon, PutId, PutBool, PutNil, PutU64, PutI64 (negative), PutF64, PutString,
 * PutBinary.
 */

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
