/**
 * Backups: one file that needs nothing else. A first line that names the format, a line of JSON that says what it is, the records, and
 * SHA-256 over all of it. Of their own format and not LMDB's, so that a backup outlives both a change of store and a damaged page.
 *
 *   SPANWIRE-BACKUP 1 ⏎ { header } ⏎ ( length of key u32, length of value u32, key, value )* SHA-256
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { renameDurably } from "./layout.ts";
import { StoreError, storeErrorOf } from "./store-error.ts";

const firstLine = Buffer.from("SPANWIRE-BACKUP 1\n", "latin1");
const digestBytes = 32;
const headerBytes_max = 4_096;
const chunkBytes = 1 << 18;

export interface BackupHeader {
  /** Of the store. */
  readonly format: number;
  readonly wrote: string;
  /** Milliseconds since 1970: when the copy was taken. */
  readonly taken_ms: number;
  /** Of which node; null where the store has not been used yet. */
  readonly node_id: string | null;
  readonly records: number;
}

export type BackupEntry = readonly [key: Uint8Array, value: Uint8Array];

/**
 * Written beside, synced, and then given its name. Rejects with StoreError: `occupied` where there is something of that name, `system`
 * where it cannot be written.
 */
export async function writeBackup(
  path: string,
  header: BackupHeader,
  entries: Iterable<BackupEntry>,
): Promise<void> {
  const draft = `${path}.partial-${process.pid}`;
  const refuseOccupied = (): void => {
    if (existsSync(path))
      throw new StoreError("occupied", `${path} exists already: a backup is not written over it.`);
  };
  refuseOccupied();
  try {
    await rm(draft, { force: true });
    const file = await open(draft, "wx", 0o600);
    try {
      await writeAll(file, header, entries);
      await file.sync();
    } finally {
      await file.close();
    }
    refuseOccupied();
    renameDurably(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw storeErrorOf(error, `The backup ${path} cannot be written`);
  }
}

async function writeAll(
  file: FileHandle,
  header: BackupHeader,
  entries: Iterable<BackupEntry>,
): Promise<void> {
  const hash = createHash("sha256");
  let pieces: Uint8Array[] = [firstLine, Buffer.from(`${JSON.stringify(header)}\n`, "utf8")];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const chunk = Buffer.concat(pieces);
    [pieces, bytes] = [[], 0];
    hash.update(chunk);
    await file.writeFile(chunk);
  };
  for (const [key, value] of entries) {
    const lengths = Buffer.allocUnsafe(8);
    lengths.writeUInt32LE(key.length, 0);
    lengths.writeUInt32LE(value.length, 4);
    pieces.push(lengths, key, value);
    bytes += key.length + value.length;
    // Each turn of this loop lets the router go on with its work.
    if (bytes >= chunkBytes) await flush();
  }
  await flush();
  await file.writeFile(hash.digest());
}

/**
 * Reads a backup from beginning to end and checks it; only then is anything in it true. Throws StoreError `backup_damaged` with what is
 * wrong.
 */
export async function verifyBackup(path: string): Promise<BackupHeader> {
  try {
    const file = await open(path, "r");
    try {
      return await verifyFile(file);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(
      "backup_damaged",
      `The backup ${path} cannot be used: ${why}. Use another one.`,
      cause,
    );
  }
}

async function verifyFile(file: FileHandle): Promise<BackupHeader> {
  const { size } = await file.stat();
  const reader = new Reader(file, Math.max(0, size - digestBytes));
  const start = await reader.take(firstLine.length);
  if (start === null || !firstLine.equals(start))
    throw new Error("it does not begin as a backup of this format does");
  if (!(await digestAgrees(file, size)))
    throw new Error("its checksum is wrong: it is incomplete or altered");
  const header = await readHeader(reader);
  if (header === null) throw new Error("its header is not as it should be");
  let records = 0;
  for (let entry = await nextEntry(reader); entry !== "end"; entry = await nextEntry(reader)) {
    if (entry === "torn") throw new Error("it ends within a record");
    records++;
  }
  if (records !== header.records) throw new Error(`it holds ${records} records of ${header.records}`);
  return header;
}

/** The records of a backup that was verified. */
export async function* backupEntries(path: string): AsyncIterable<BackupEntry> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const reader = new Reader(file, size - digestBytes);
    await reader.take(firstLine.length);
    await readHeader(reader);
    for (let entry = await nextEntry(reader); typeof entry !== "string"; entry = await nextEntry(reader))
      yield entry;
  } finally {
    await file.close();
  }
}

async function digestAgrees(file: FileHandle, size: number): Promise<boolean> {
  if (size < firstLine.length + digestBytes) return false;
  const hash = createHash("sha256");
  const reader = new Reader(file, size - digestBytes);
  for (let left = size - digestBytes; left > 0; ) {
    const chunk = await reader.take(Math.min(left, chunkBytes));
    if (chunk === null) return false;
    hash.update(chunk);
    left -= chunk.length;
  }
  const digest = await new Reader(file, size, size - digestBytes).take(digestBytes);
  return digest !== null && hash.digest().equals(digest);
}

async function readHeader(reader: Reader): Promise<BackupHeader | null> {
  const line: number[] = [];
  while (line.length < headerBytes_max) {
    const byte = await reader.take(1);
    if (byte === null) return null;
    if (byte[0] === 0x0a) break;
    line.push(byte[0]!);
  }
  try {
    const { format, wrote, taken_ms, node_id, records } = JSON.parse(Buffer.from(line).toString("utf8"));
    if (![format, taken_ms, records].every(Number.isSafeInteger) || typeof wrote !== "string") return null;
    return { format, wrote, taken_ms, node_id: typeof node_id === "string" ? node_id : null, records };
  } catch {
    return null;
  }
}

async function nextEntry(reader: Reader): Promise<BackupEntry | "end" | "torn"> {
  if (reader.left === 0) return "end";
  const lengths = await reader.take(8);
  if (lengths === null) return "torn";
  const key = await reader.take(lengths.readUInt32LE(0));
  const value = key === null ? null : await reader.take(lengths.readUInt32LE(4));
  return key === null || value === null ? "torn" : [key, value];
}

/** Reads a part of a file in chunks. */
class Reader {
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(file: FileHandle, end: number, position = 0) {
    this.#file = file;
    this.#end = end;
    this.#position = position;
  }

  get left(): number {
    return this.#end - this.#position + this.#chunk.length;
  }

  /** Null: there are not so many. */
  async take(count: number): Promise<Buffer | null> {
    if (count > this.left) return null;
    while (this.#chunk.length < count) {
      const wanted = Math.min(Math.max(chunkBytes, count - this.#chunk.length), this.#end - this.#position);
      const buffer = Buffer.allocUnsafe(wanted);
      const { bytesRead } = await this.#file.read(buffer, 0, wanted, this.#position);
      if (bytesRead === 0) return null;
      this.#position += bytesRead;
      this.#chunk = Buffer.concat([this.#chunk, buffer.subarray(0, bytesRead)]);
    }
    const taken = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return taken;
  }
}
