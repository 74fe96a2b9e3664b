/** Directories for stores, removed when the test file is over. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const made: string[] = [];
after(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

/** An empty directory. */
export function newDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), "spanwire-store-"));
  made.push(dir);
  return dir;
}
