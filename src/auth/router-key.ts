/** The Ed25519 key by which the router shows who it is (cryptosign, "Router Authentication"). Made once, and kept. */
import { randomBytes } from "node:crypto";
import type { Store } from "../ports.ts";
import { ed25519 } from "./ed25519.ts";

const seedBytes = 32;
/** Where the seed is kept. */
export const routerKeyAt = "router/ed25519";

export class RouterKey {
  /** Hex; what clients are given to know the router by. */
  readonly publicKey: string;
  readonly #seed: Uint8Array;

  /** `seed` has 32 bytes. */
  constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.publicKey = Buffer.from(ed25519.publicKeyOf(seed)).toString("hex");
  }

  /** The signature and the message behind it: 96 bytes, hex. */
  sign(message: Uint8Array): string {
    return Buffer.concat([ed25519.sign(message, this.#seed), message]).toString("hex");
  }
}

/** The key that the store has, or a new one that it has from now on. Rejects where the store does. */
export async function keptRouterKey(store: Store): Promise<RouterKey> {
  const kept = store.get(routerKeyAt);
  if (kept !== undefined && kept.length === seedBytes) return new RouterKey(kept.slice());
  const seed = randomBytes(seedBytes);
  await store.commit([{ key: routerKeyAt, value: seed }]);
  return new RouterKey(seed);
}
