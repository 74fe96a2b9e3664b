/**
 * What runs in a process of its own for the state benches: `security-store.js fill DIR REALMS`, `commits DIR SECONDS`, `admin
 * DIR|memory SECONDS`. Each prints one JSON line.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { openStore } from "../src/cli/state.ts";
import { createRouter } from "../src/index.ts";
import { manyRealms } from "./security-world.ts";

export interface RateSample {
  readonly per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

const summary = (times: number[], wall_ms: number): RateSample => {
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { per_s: (times.length * 1_000) / wall_ms, p50_ms: at(0.5), p99_ms: at(0.99) };
};

/** So many at once, each after the last: for that long. */
const rateOf = async (
  atOnce: number,
  seconds: number,
  once: (turn: number) => Promise<unknown>,
): Promise<RateSample> => {
  const times: number[] = [];
  let turn = 0;
  const since = performance.now();
  const again = async (): Promise<void> => {
    for (let now = since; now < since + seconds * 1_000; now = performance.now()) {
      const begin = performance.now();
      await once(turn++);
      times.push(performance.now() - begin);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, again));
  return summary(times, performance.now() - since);
};

const fill = async (dir: string, realms: number): Promise<unknown> => {
  const router = await createRouter({
    realms: [],
    store: await openStore(dir),
    security: { definitions: [{ name: "bench", realms: manyRealms(realms) }] },
  });
  await router.close();
  return { realms };
};

const value = new Uint8Array(200).fill(120);

/** Beside the control: a file in the same directory that is appended to and flushed, one after the other. */
const commits = async (dir: string, seconds: number): Promise<unknown> => {
  const store = await openStore(dir);
  const commit = (turn: number): Promise<void> => store.commit([{ key: `bench/${turn % 10_000}`, value }]);
  const one = await rateOf(1, seconds, commit);
  const many = await rateOf(64, seconds, commit);
  await store.close();
  const file = openSync(resolve(dir, "control"), "a");
  const control = await rateOf(1, seconds, async () => {
    writeSync(file, value);
    fdatasyncSync(file);
  });
  closeSync(file);
  return { one, many, control };
};

const admin = async (dir: string, seconds: number): Promise<unknown> => {
  const realm = "com.bench.admin";
  const router = await createRouter({
    realms: [],
    ...(dir === "memory" ? {} : { store: await openStore(dir) }),
    security: { definitions: [{ name: "bench", realms: [{ uri: realm, groups: [{ name: "staff" }] }] }] },
  });
  const session = await router.session(realm);
  let user = 0;
  const add = (): Promise<unknown> =>
    session.call("bondy.user.add", [realm, { username: `user${user++}`, groups: ["staff"] }]);
  const one = await rateOf(1, seconds, add);
  const many = await rateOf(32, seconds, add);
  await router.close();
  return { one, many };
};

const main = async (): Promise<void> => {
  const [what = "", dir = "", amount = "1"] = process.argv.slice(2);
  const work = { fill, commits, admin }[what];
  if (work === undefined) throw new Error(`nothing is called ${what}`);
  process.stdout.write(`${JSON.stringify(await work(dir, Number(amount)))}\n`);
};

await main();
