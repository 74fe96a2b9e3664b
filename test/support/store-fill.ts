/** Child program: commits until it has failed ten times, or `commits` times in all, and says how many it did. `FILE DIR COMMITS` */
import { StoreError } from "../../src/store/store-error.ts";
import { openStore } from "./stores.ts";

const store = await openStore(process.argv[2]!);
const commits = Number(process.argv[3]);
let done = 0;
let failed = 0;
const problems = new Set<string>();
while (failed < 10 && done + failed < commits) {
  try {
    await store.commit([{ key: `n/${done}`, value: new Uint8Array(10_000).fill(done) }]);
    done++;
  } catch (error) {
    failed++;
    problems.add(error instanceof StoreError ? error.problem : String(error));
  }
}
await store.close();
console.log(JSON.stringify({ done, failed, problems: [...problems] }));
