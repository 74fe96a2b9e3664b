/** Puts a backup in the place of a store. */
import { existsSync, linkSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type BackupHeader, backupEntries, verifyBackup } from "./backup.ts";
import { isLockFile, lockDirectory } from "./directory-lock.ts";
import { buildingDir, dataFile, makeDirectory, markerFile, syncDirectory } from "./layout.ts";
import { buildDataFile, writeMarker } from "./lmdb.ts";
import { StoreError, storeErrorOf } from "./store-error.ts";
import { currentFormat } from "./store-meta.ts";

export interface RestoreOptions {
  /** Also into a directory that has a store; its data file is moved aside. */
  readonly force: boolean;
}

export interface Restored {
  readonly header: BackupHeader;
  /** Where the data file of before is now; null: there was none. */
  readonly aside: string | null;
}

/**
 * Verifies the whole backup before it touches anything. Rejects with StoreError: `backup_damaged`, `newer_format`, `locked` (a process
 * uses the directory), `occupied` (something is in it, and not `force`). A crash leaves the old store or the restored one.
 */
export async function restoreBackup(file: string, dir: string, options: RestoreOptions): Promise<Restored> {
  const header = await verifyBackup(file);
  if (header.format > currentFormat)
    throw new StoreError(
      "newer_format",
      `The backup ${file} has format ${header.format}, written by ${header.wrote}; this version reads formats up to ${currentFormat}.`,
    );
  makeDirectory(dir);
  const lock = lockDirectory(dir);
  try {
    const others = readdirSync(dir).filter(
      (name) => !isLockFile(name) && name !== basename(buildingDir(dir)),
    );
    if (others.length > 0 && !options.force)
      throw new StoreError(
        "occupied",
        `${dir} is not empty. Restore into an empty directory, or use --force: the store that is there is then moved aside, not deleted.`,
      );
    const { format, wrote, taken_ms } = header;
    let aside: string | null = null;
    await buildDataFile(dir, { format, wrote, created_ms: taken_ms, commit: 0 }, backupEntries(file), () => {
      aside = existsSync(dataFile(dir)) ? setAside(dir) : null;
    });
    if (!existsSync(markerFile(dir))) writeMarker(dir);
    return { header, aside };
  } catch (error) {
    throw storeErrorOf(error, `The backup ${file} cannot be restored into ${dir}`);
  } finally {
    lock.release();
  }
}

/** A second name for the file; the first is then given to the new one, and there is a store at every moment. */
function setAside(dir: string): string {
  for (let number = 1; ; number++) {
    const aside = join(dir, `store-replaced-${number}.mdb`);
    if (existsSync(aside)) continue;
    linkSync(dataFile(dir), aside);
    syncDirectory(dir);
    return aside;
  }
}
