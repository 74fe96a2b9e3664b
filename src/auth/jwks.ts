/**
 * Sets of public keys of those who issue tokens (RFC 7517), fetched over HTTP and kept for a while. Whoever can name a key that does not
 * exist can make the router ask for it, but no more than once in a pause; and an issuer that is silent, slow, or talks
 * nonsense costs the logins that need a new key of it, and nobody else.
 */
import type { JSONWebKeySet } from "jose";
import { fixedLimits } from "../base/limits.ts";

interface Entry {
  keys: JSONWebKeySet | null;
  fetched_ms: number;
  /** When it was asked for last, whatever came of it. */
  asked_ms: number;
  /** Under way: all who wait, wait for this one. */
  fetching: Promise<void> | null;
}

export interface KeySetsOptions {
  /** Monotonic. */
  now_ms(): number;
  /** Told why a set could not be fetched. */
  onProblem?(uri: string, why: string): void;
}

export class KeySets {
  readonly #options: KeySetsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: KeySetsOptions) {
    this.#options = options;
  }

  /** The keys of an issuer; null: they cannot be had. `isMissed`: those given last lack the key that is looked for. */
  async keys(uri: string, isMissed = false): Promise<JSONWebKeySet | null> {
    const entry = this.#entry(uri);
    const now_ms = this.#options.now_ms();
    const isFresh = entry.keys !== null && now_ms - entry.fetched_ms < fixedLimits.jwksFresh_ms && !isMissed;
    const isPausing = now_ms - entry.asked_ms < fixedLimits.jwksPause_ms;
    if (!isFresh && entry.fetching === null && !isPausing) {
      entry.asked_ms = now_ms;
      entry.fetching = this.#fetch(uri, entry).finally(() => {
        entry.fetching = null;
      });
    }
    if (!isFresh && entry.fetching !== null) await entry.fetching;
    return now_ms - entry.fetched_ms < fixedLimits.jwksStale_ms ? entry.keys : null;
  }

  #entry(uri: string): Entry {
    const known = this.#entries.get(uri);
    if (known !== undefined) return known;
    const never = Number.NEGATIVE_INFINITY;
    const entry = { keys: null, fetched_ms: never, asked_ms: never, fetching: null };
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= fixedLimits.jwksSets_max && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(uri, entry);
    return entry;
  }

  async #fetch(uri: string, entry: Entry): Promise<void> {
    try {
      entry.keys = await fetchKeySet(uri);
      entry.fetched_ms = this.#options.now_ms();
    } catch (cause) {
      this.#options.onProblem?.(uri, cause instanceof Error ? cause.message : String(cause));
    }
  }
}

/** Names and addresses of this machine. */
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

async function fetchKeySet(uri: string): Promise<JSONWebKeySet> {
  const { hostname, protocol } = new URL(uri);
  if (protocol !== "https:" && !(protocol === "http:" && loopback.test(hostname)))
    throw new Error("keys are fetched over https only, or from this machine");
  const response = await fetch(uri, {
    headers: { accept: "application/json" },
    // To where it leads is the issuer's word against the configuration's.
    redirect: "error",
    signal: AbortSignal.timeout(fixedLimits.jwksFetch_ms),
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`the answer has status ${response.status}`);
  }
  const set: unknown = JSON.parse(await textOf(response.body));
  if (!isKeySet(set)) throw new Error("the answer is no set of keys");
  return set;
}

async function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > fixedLimits.jwksBytes_max) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys = typeof value === "object" && value !== null && "keys" in value ? value.keys : null;
  return Array.isArray(keys) && keys.every((key) => typeof key === "object" && key !== null);
}
