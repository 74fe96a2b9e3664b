/**
 * Child program of the crash test: works on a store until it is killed, and says on stdout what is done. `FILE TASK DIR …`
 *
 *   commit DIR          commits batches, and says the number of each when its commit resolved
 *   backup DIR FILE     the same, with backups to FILE, which is removed when it is done
 *   migrate DIR         brings the store to format 2, with every batch changed
 *   restore DIR FILE    restores FILE into DIR, over and over
 */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../../src/ports.ts";
import { openLmdbStore } from "../../src/store/lmdb.ts";
import { restoreBackup } from "../../src/store/restore.ts";
import { batchOf, migrations, nextBatch } from "./store-batches.ts";
import { openStore, storeOptions } from "./stores.ts";

const [task, dir = "", file = ""] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function commits(store: Store): Promise<never> {
  let number = nextBatch(store);
  say("ready");
  for (;;) {
    // Two under way at a time: they may share a transaction.
    const both = [number, number + 1].map((one) => store.commit(batchOf(one)).then(() => say(`done ${one}`)));
    await Promise.all(both);
    number += 2;
  }
}

async function backups(store: Store): Promise<never> {
  for (;;) {
    await store.backup(file);
    say("backup");
    // It stands a while, so that some kills find it.
    await sleep(15);
    rmSync(file);
  }
}

if (task === "commit") await commits(await openStore(dir));
if (task === "backup") {
  const store = await openStore(dir);
  await Promise.all([commits(store), backups(store)]);
}
if (task === "migrate") {
  say("ready");
  await openLmdbStore(dir, { ...storeOptions, migrations });
  say("migrated");
  setInterval(() => {}, 1_000);
}
if (task === "restore") {
  say("ready");
  for (;;) {
    await restoreBackup(file, dir, { force: true });
    say("restored");
  }
}
