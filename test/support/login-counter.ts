/** A thread that counts logins beside others, as fast as it can. */
import { parentPort, workerData } from "node:worker_threads";
import { SharedLogins } from "../../src/auth/shared-login-counts.ts";

export const counterLimits = {
  failedLogins_ms: 3_600_000,
  failedLogins_max: 1_000,
  logins_max: 100,
  loginsPerSource_max: 100,
  handshake_ms: 3_600_000,
};
export const counterThreads = 3;

export interface CountOrder {
  readonly memory: SharedArrayBuffer;
  readonly place: number;
  readonly keys: number;
  readonly rounds: number;
}

/** Counts each key once a round, and takes back every second. */
export function countAll({ memory, place, keys, rounds }: CountOrder): void {
  const logins = new SharedLogins(counterLimits, counterThreads, memory);
  const { sources } = logins.counts(place, () => Date.now());
  for (let round = 0; round < rounds; round++)
    for (let key = 0; key < keys; key++) {
      sources.add(`key ${key}`);
      if (round % 2 === 1) sources.takeBack(`key ${key}`);
    }
}

if (parentPort !== null && workerData !== null && "rounds" in (workerData as object)) {
  countAll(workerData as CountOrder);
  parentPort.postMessage("done");
}
