/** The files of a data directory, and how they are put in place so that a crash leaves the old or the new one. */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { storeErrorOf } from "./store-error.ts";

/** The records, in LMDB's format. */
export const dataFile = (dir: string): string => join(dir, "store.mdb");
/** LMDB's table of readers; means nothing when no process runs. */
export const readersFile = (path: string): string => `${path}-lock`;
/** Says that there was a store here: one whose data file is gone is damaged, not new. */
export const markerFile = (dir: string): string => join(dir, "store.json");
/** Where a data file is built before it takes its place. What a crash left there is removed by the next one. */
export const buildingDir = (dir: string): string => join(dir, "building");

export const howToRestore = (dir: string): string =>
  `Restore a backup with: spanwire restore <backup> --data ${dir} --force (what is there is moved aside, not deleted).`;

const ownNames =
  /^(store(-replaced-\d+)?\.(mdb|mdb-lock|json|json\.draft)|(draft-of-)?lock\b.*|building|before-format-\d+\.backup)$/;

/**
 * Made if it is not there, and closed to others: it holds password hashes and keys. One that somebody has other things in keeps the
 * permissions that they gave it; the files are closed to others in any case.
 */
export function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if ((statSync(dir).mode & 0o077) !== 0 && readdirSync(dir).every((name) => ownNames.test(name)))
      chmodSync(dir, 0o700);
  } catch (cause) {
    throw storeErrorOf(cause, `The data directory ${dir} cannot be made, or closed to others`);
  }
}

/** An empty file that only its owner may read. */
export const createPrivateFile = (path: string): void => closeSync(openSync(path, "wx", 0o600));

/** What was renamed within a directory stays so over a power failure only when the directory is synced too. */
export function syncDirectory(dir: string): void {
  const descriptor = openSync(dir, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  syncDirectory(dirname(to));
}
