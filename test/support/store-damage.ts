/**
 * Child program: damages copies of a data file in many ways and opens each. `FILE DIR SEED COUNT`, where DIR holds a sound store.
 * Prints what it is about to do, so that a crash names it, and at the end how many were refused and how many were as good as before.
 * A process of its own, because a check that fails lets LMDB end the process.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../../src/store/store-error.ts";
import { contentsOf, latin1, openStore } from "./stores.ts";

const [dir = "", seedText, countText] = process.argv.slice(2);
let state = Number(seedText);
/** From 0 to below `limit`. */
function random(limit: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return Math.floor((state / 0x80000000) * limit);
}

const whole = readFileSync(join(dir, "store.mdb"));
const pageBytes = 4_096;
const pages = whole.length / pageBytes;
const flipped = (at: number, bit: number): Buffer => {
  const bytes = Buffer.from(whole);
  bytes[at]! ^= 1 << bit;
  return bytes;
};

const kinds: Readonly<Record<string, () => Buffer>> = {
  "truncated at a page": () => whole.subarray(0, random(pages) * pageBytes),
  "truncated anywhere": () => whole.subarray(0, random(whole.length)),
  "a bit of the first pages": () => flipped(random(2) * pageBytes + random(160), random(8)),
  "a bit of a page's head": () => flipped(random(pages) * pageBytes + random(64), random(8)),
  "a bit of a page's end": () => flipped((1 + random(pages)) * pageBytes - 1 - random(200), random(8)),
  "a bit anywhere": () => flipped(random(whole.length), random(8)),
  "some bytes anywhere": () => {
    const bytes = Buffer.from(whole);
    const start = random(bytes.length);
    for (let at = start; at < Math.min(bytes.length, start + 1 + random(64)); at++) bytes[at] = random(256);
    return bytes;
  },
  "a page of zeros": () => {
    const page = random(pages);
    return Buffer.from(whole).fill(0, page * pageBytes, (page + 1) * pageBytes);
  },
  "a page in the place of another": () => {
    const bytes = Buffer.from(whole);
    whole.copy(bytes, random(pages) * pageBytes, random(pages) * pageBytes, (1 + random(pages)) * pageBytes);
    return bytes;
  },
  "zeros from a point on": () => Buffer.from(whole).fill(0, random(whole.length)),
};

const sound = await openStore(dir);
const expected = JSON.stringify([...contentsOf(sound)]);
await sound.close();

/** Whether the store was opened. What is opened must be whole, and stay so when it is written to. */
async function opens(bytes: Buffer): Promise<boolean> {
  const copy = join(dir, "copy");
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  copyFileSync(join(dir, "store.json"), join(copy, "store.json"));
  writeFileSync(join(copy, "store.mdb"), bytes);
  try {
    const store = await openStore(copy);
    if (JSON.stringify([...contentsOf(store)]) !== expected) throw new Error("records have changed");
    // Takes free pages, and gives them back.
    for (let round = 0; round < 4; round++)
      await store.commit(
        Array.from({ length: 12 }, (_, index) => ({
          key: `new/${index}`,
          value: round === 3 ? null : latin1("x".repeat(900 * index)),
        })),
      );
    await store.close();
    const again = await openStore(copy);
    if (JSON.stringify([...contentsOf(again)]) !== expected) throw new Error("records have changed later");
    await again.close();
    return true;
  } catch (error) {
    const said = error instanceof StoreError && error.problem === "damaged" ? error.message : "";
    if (!said.includes(join(copy, "store.mdb")) || !said.includes("spanwire restore")) throw error;
    return false;
  }
}

const names = Object.keys(kinds);
const counts = new Map(names.map((name) => [name, { refused: 0, sound: 0 }]));
for (let index = 0; index < Number(countText); index++) {
  const name = names[index % names.length]!;
  process.stderr.write(`${index} ${name}\n`);
  // Where the damage is in a free page or an unused part of one, nothing is lost.
  counts.get(name)![(await opens(kinds[name]!())) ? "sound" : "refused"]++;
}
console.log(JSON.stringify(Object.fromEntries(counts)));
