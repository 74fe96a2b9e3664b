/**
 * The store's own record: which format it is, who wrote it, and what must be there. Its key, its checksum and `format` are the same in
 * all formats, so that an older program can say that a newer one was here.
 */
import type { Tally } from "./sealed.ts";

/** The format that this version writes. */
export const currentFormat = 1;

export interface StoreMeta {
  readonly format: number;
  /** Name and version of the program. */
  readonly wrote: string;
  /** Milliseconds since 1970. */
  readonly created_ms: number;
  /** Counts commits. */
  readonly commit: number;
  readonly records: number;
  readonly digest: string;
}

export const metaKey = Buffer.from("\0meta", "latin1");
/** Stands before the keys of all other records. */
const recordByte = 1;

export const storedKey = (key: Uint8Array): Buffer => Buffer.concat([Uint8Array.of(recordByte), key]);
export const keyText = (stored: Uint8Array): string =>
  Buffer.from(stored.buffer, stored.byteOffset + 1, stored.length - 1).toString("utf8");
export const isRecordKey = (stored: Uint8Array): boolean => stored[0] === recordByte && stored.length > 1;

export const writeMeta = (meta: Omit<StoreMeta, "records" | "digest">, tally: Tally): Uint8Array =>
  Buffer.from(JSON.stringify({ ...meta, records: tally.records, digest: tally.digest }), "utf8");

/** Null for what is none. Of a format newer than `newest`, only `format` and `wrote` are what they say. */
export function readMeta(value: Uint8Array, newest: number): StoreMeta | null {
  let given: unknown;
  try {
    given = JSON.parse(Buffer.from(value).toString("utf8"));
  } catch {
    return null;
  }
  if (typeof given !== "object" || given === null) return null;
  const meta = given as Partial<Record<keyof StoreMeta, unknown>>;
  const { format, wrote, created_ms, commit, records, digest } = meta;
  if (typeof format !== "number" || typeof wrote !== "string") return null;
  if (format > newest) return { format, wrote, created_ms: 0, commit: 0, records: 0, digest: "" };
  const sound =
    typeof created_ms === "number" &&
    typeof commit === "number" &&
    typeof records === "number" &&
    typeof digest === "string";
  return sound ? { format, wrote, created_ms, commit, records, digest } : null;
}
