/**
 * Child program: takes the lock of a directory again and again, and gives it up as a process does that is killed: the lock stays, and
 * is stale. `FILE DIR ROUNDS`. Fails when somebody else has the lock at the same time.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lockDirectory } from "../../src/store/directory-lock.ts";
import { StoreError } from "../../src/store/store-error.ts";

const [dir = "", rounds] = process.argv.slice(2);
const held = join(dir, "held");
let taken = 0;
while (taken < Number(rounds)) {
  try {
    const lock = lockDirectory(dir);
    closeSync(openSync(held, "wx"));
    taken++;
    if (taken % 10 === 0) await sleep(1);
    rmSync(held);
    if (taken % 3 === 0) lock.release();
    else {
      const draft = join(dir, `stale-${process.pid}`);
      const holder = JSON.parse(readFileSync(join(dir, "lock"), "utf8"));
      writeFileSync(draft, JSON.stringify({ ...holder, started: "1" }));
      renameSync(draft, join(dir, "lock"));
    }
  } catch (error) {
    if (!(error instanceof StoreError) || error.problem !== "locked") throw error;
    await sleep(1);
  }
}
console.log(taken);
