/** The worker thread of kdf.ts: Argon2id (RFC 9106) in WASM, one key after the other. Its import is its start. */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { argon2id } from "hash-wasm";

export interface DerivationOrder {
  readonly id: number;
  readonly password: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** KiB. */
  readonly memory: number;
}

/** Either `key`, 32 bytes, or `problem`. */
export interface DerivationAnswer {
  readonly id: number;
  readonly key?: Uint8Array;
  readonly problem?: string;
}

const lowestPriority = 19;

async function derive({
  id,
  password,
  salt,
  iterations,
  memory,
}: DerivationOrder): Promise<DerivationAnswer> {
  try {
    // One lane: WAMP-SCRAM fixes the parallelism to it ("Argon2"), because clients derive the same key.
    const options = { password, salt, iterations, memorySize: memory, parallelism: 1, hashLength: 32 };
    return { id, key: await argon2id({ ...options, outputType: "binary" }) };
  } catch (cause) {
    return { id, problem: String(cause) };
  }
}

/**
 * Behind the router's thread where cores are few: calls in flight must not wait for logins. Linux only, where a priority is that
 * of the calling thread; elsewhere it would be the whole process's. Not on Bun: threads that all of its process shares would have it too.
 */
function stepBack(): void {
  if (process.platform !== "linux" || process.versions["bun"] !== undefined) return;
  try {
    setPriority(lowestPriority);
  } catch {
    // A sandbox forbids it: as before, then.
  }
}

stepBack();
let last = Promise.resolve();
parentPort?.on("message", (order: DerivationOrder) => {
  last = last.then(async () => parentPort?.postMessage(await derive(order)));
});
