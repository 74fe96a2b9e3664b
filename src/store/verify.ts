/** The check at start: the data file is whole, and all its records are there and as they were written. Before LMDB maps it. */
import { existsSync } from "node:fs";
import { dataFile, howToRestore, markerFile } from "./layout.ts";
import { FileProblem, readLmdbFile } from "./lmdb-file.ts";
import { Tally, unseal } from "./sealed.ts";
import { StoreError } from "./store-error.ts";
import { currentFormat, isRecordKey, metaKey, readMeta, type StoreMeta } from "./store-meta.ts";

export interface Verified {
  readonly meta: StoreMeta;
  readonly tally: Tally;
}

/**
 * Null: there is no store here yet. Throws StoreError `damaged` with the file, what is wrong and how to restore, and `newer_format`.
 * `format`: the newest that the caller can read.
 */
export function verifyDirectory(dir: string, format = currentFormat): Verified | null {
  const path = dataFile(dir);
  if (!existsSync(path)) {
    if (!existsSync(markerFile(dir))) return null;
    throw damaged(dir, "it is gone, though there was a store in this directory");
  }
  try {
    return verifyFile(path, format);
  } catch (error) {
    if (error instanceof FileProblem) throw damaged(dir, error.message);
    throw error;
  }
}

function verifyFile(path: string, format: number): Verified {
  const tally = new Tally();
  let meta: StoreMeta | null = null;
  let altered: string | null = null;
  readLmdbFile(path, (key, sealed) => {
    const value = unseal(key, sealed);
    if (key.equals(metaKey)) {
      meta = value === null ? null : readMeta(value, format);
      return;
    }
    // It may be of a newer format, which is better said than this.
    if (value === null || !isRecordKey(key)) altered ??= "a record does not agree with its checksum";
    tally.count(sealed, 1);
  });
  const found = meta as StoreMeta | null;
  if (found === null) throw new FileProblem("the record that describes the store is missing or altered");
  if (found.format > format)
    throw new StoreError(
      "newer_format",
      `${path} has format ${found.format}, written by ${found.wrote}; this version reads formats up to ${format}. ` +
        "Start a version that is not older than that one, or restore a backup that this version made.",
    );
  if (altered !== null) throw new FileProblem(altered);
  if (tally.records !== found.records || tally.digest !== found.digest)
    throw new FileProblem(
      `it holds ${tally.records} records that are not the ${found.records} last committed`,
    );
  return { meta: found, tally };
}

const damaged = (dir: string, what: string): StoreError =>
  new StoreError("damaged", `The data file ${dataFile(dir)} is damaged: ${what}. ${howToRestore(dir)}`);
