/**
 * The durable records of the security model: each with the time of its last change, where it came from, and a tombstone when it was
 * deleted, so that several nodes can merge theirs (last writer wins). Reads go to the store; nothing is kept here but the clock.
 */
import { assert } from "../base/assert.ts";
import { fixedLimits } from "../base/limits.ts";
import type { FillRandom, Store } from "../ports.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Serializer } from "../protocol/serializers.ts";
import {
  compareStamps,
  decodeStamp,
  encodeStamp,
  firstStamp,
  hear,
  nodeIdDigits,
  type Stamp,
  tick,
} from "./hlc.ts";

/** Where records lie in the store, and where the node's id does. */
const recordPrefix = "r/";
const nodeIdKey = "node_id";
const envelopeVersion = 1;

export interface RecordChange {
  readonly key: string;
  /** Null deletes. Otherwise what CBOR can say; `undefined` inside is dropped. */
  readonly value: unknown | null;
  /** Null: changed at run time; text: digest of the definition in a configuration file that it came from. */
  readonly origin: string | null;
}

export interface StoredRecord {
  /** Null: deleted. */
  readonly value: unknown | null;
  readonly origin: string | null;
  /** When it was changed, as `encodeStamp` writes it. */
  readonly stamp: string;
}

interface Envelope {
  readonly stamp: Stamp;
  readonly origin: string | null;
  readonly value: unknown | null;
}

interface Parts {
  /** Milliseconds since 1970. */
  wall_ms(): number;
  readonly fillRandom: FillRandom;
}

export class RecordStore {
  readonly nodeId: string;
  readonly #store: Store;
  readonly #parts: Parts;
  #clock: Stamp;
  /** What was given to the store and is not yet durable: the latest bytes for each key, and when they are. */
  readonly #pending = new Map<string, { readonly bytes: Uint8Array; readonly done: Promise<void> }>();

  /** The node's id is made at the first opening, and kept. Rejects where the store holds what this version cannot read. */
  static async open(store: Store, parts: Parts): Promise<RecordStore> {
    const known = store.get(nodeIdKey);
    if (known !== undefined) return new RecordStore(store, parts, Buffer.from(known).toString("latin1"));
    const nodeId = randomHex(parts.fillRandom);
    await store.commit([{ key: nodeIdKey, value: Buffer.from(nodeId, "latin1") }]);
    return new RecordStore(store, parts, nodeId);
  }

  private constructor(store: Store, parts: Parts, nodeId: string) {
    this.nodeId = nodeId;
    this.#store = store;
    this.#parts = parts;
    // The wall clock may have been set back since the last run: the clock goes on from the latest stamp.
    let latest = firstStamp(nodeId);
    for (const [, bytes] of store.entries(recordPrefix)) {
      const { stamp } = decodeEnvelope(bytes);
      if (compareStamps({ ...stamp, node: nodeId }, latest) > 0) latest = { ...stamp, node: nodeId };
    }
    this.#clock = latest;
  }

  /** Live records whose key starts with `prefix`, in the order of their keys' bytes. */
  *entries(prefix: string): Iterable<{ key: string; value: unknown; origin: string | null }> {
    for (const [key, bytes] of this.#store.entries(recordPrefix + prefix)) {
      const { value, origin } = decodeEnvelope(bytes);
      if (value !== null) yield { key: key.slice(recordPrefix.length), value, origin };
    }
  }

  get(key: string): StoredRecord | undefined {
    const bytes = this.#store.get(recordPrefix + key);
    if (bytes === undefined) return undefined;
    const { value, origin, stamp } = decodeEnvelope(bytes);
    return { value, origin, stamp: encodeStamp(stamp) };
  }

  /**
   * One atomic commit of all changes, under one stamp each; null deletes: a tombstone with the time stays, until `collectTombstones`.
   * Resolves when it is durable. Rejects, with nothing changed, with WampError `wamp.error.unavailable` where the store cannot,
   * `wamp.error.invalid_argument` for a key of more than 1,000 bytes, and `wamp.error.invalid_payload` for a value that CBOR cannot
   * say. Commits are applied in the order of the calls.
   */
  async commit(changes: readonly RecordChange[]): Promise<void> {
    const entries = changes.map(({ key, value, origin }): readonly [string, Uint8Array] => {
      assert(value !== undefined, "a record has a value, or null");
      checkKey(key);
      this.#clock = tick(this.#clock, this.#parts.wall_ms());
      return [key, encodeEnvelope({ stamp: this.#clock, origin, value })];
    });
    await this.#write(entries);
  }

  /** A record as another node would merge it, tombstones too. */
  envelope(key: string): Uint8Array | undefined {
    return this.#store.get(recordPrefix + key);
  }

  /** All of them, tombstones too. */
  *envelopes(): Iterable<readonly [key: string, envelope: Uint8Array]> {
    for (const [key, bytes] of this.#store.entries(recordPrefix))
      yield [key.slice(recordPrefix.length), bytes];
  }

  /**
   * Takes another node's record if it is later than the one here; answers whether it was. Resolves when it is durable. Rejects with a
   * WampError: `invalid_argument` for a stamp too far ahead of this machine's clock, `protocol_violation` for what is no envelope.
   */
  async merge(key: string, envelope: Uint8Array): Promise<boolean> {
    checkKey(key);
    const { stamp } = decodeEnvelope(envelope);
    const drift_ms = fixedLimits.clockDrift_ms;
    const clock = hear(this.#clock, stamp, { now_ms: this.#parts.wall_ms(), drift_ms });
    if (clock === null)
      throw new WampError(
        errors.invalidArgument.uri,
        `the record ${key} is of a clock more than ${drift_ms} ms ahead of this one`,
      );
    this.#clock = clock;
    for (;;) {
      const pending = this.#pending.get(key);
      const present = pending?.bytes ?? this.#store.get(recordPrefix + key);
      if (present === undefined || later(envelope, present)) break;
      if (pending === undefined) return false;
      // It lost against something that is not durable yet: only if that becomes so.
      const durable = await pending.done.then(
        () => true,
        () => false,
      );
      if (durable) return false;
    }
    await this.#write([[key, envelope]]);
    return true;
  }

  /** Forgets deletions of before `before_ms` (milliseconds since 1970). Resolves to how many. */
  async collectTombstones(before_ms: number): Promise<number> {
    const keys: string[] = [];
    for (const [key, bytes] of this.#store.entries(recordPrefix)) {
      const { value, stamp } = decodeEnvelope(bytes);
      const changing = this.#pending.has(key.slice(recordPrefix.length));
      if (value === null && stamp.wall_ms < before_ms && !changing) keys.push(key);
    }
    if (keys.length > 0) await this.#store.commit(keys.map((key) => ({ key, value: null })));
    return keys.length;
  }

  async #write(entries: readonly (readonly [key: string, bytes: Uint8Array])[]): Promise<void> {
    const done = this.#store
      .commit(entries.map(([key, value]) => ({ key: recordPrefix + key, value })))
      .catch((cause: unknown) => {
        throw new WampError(errors.unavailable.uri, "the change could not be stored", { cause });
      });
    for (const [key, bytes] of entries) this.#pending.set(key, { bytes, done });
    try {
      await done;
    } finally {
      for (const [key] of entries) if (this.#pending.get(key)?.done === done) this.#pending.delete(key);
    }
  }
}

/** Names come from clients: what is too long together, or no text, is theirs to hear of. */
function checkKey(key: string): void {
  const bytes = Buffer.from(key, "utf8");
  const { recordKeyBytes_max } = fixedLimits;
  if (bytes.length > recordKeyBytes_max)
    throw new WampError(
      errors.invalidArgument.uri,
      `the names have more than ${recordKeyBytes_max} bytes together`,
    );
  if (bytes.toString("utf8") !== key) throw new WampError(errors.invalidArgument.uri, "a name is no text");
}

/** By stamp; between equal ones, which two nodes with one id could make, by bytes: all nodes choose the same. */
function later(a: Uint8Array, b: Uint8Array): boolean {
  const order = compareStamps(decodeEnvelope(a).stamp, decodeEnvelope(b).stamp);
  return order === 0 ? Buffer.compare(a, b) > 0 : order > 0;
}

/** An array in CBOR: version, stamp, origin, whether it is a tombstone, value. */
function encodeEnvelope({ stamp, origin, value }: Envelope): Uint8Array {
  const deleted = value === null;
  return encodeMessage(Serializer.cbor, [envelopeVersion, encodeStamp(stamp), origin, deleted, value]);
}

function decodeEnvelope(bytes: Uint8Array): Envelope {
  const [version, stampText, origin, deleted, value, ...rest] = decodeMessage(Serializer.cbor, bytes);
  const stamp = typeof stampText === "string" ? decodeStamp(stampText) : null;
  const sound =
    version === envelopeVersion &&
    stamp !== null &&
    (origin === null || typeof origin === "string") &&
    value !== undefined &&
    deleted === (value === null) &&
    rest.length === 0;
  if (!sound) throw new WampError(errors.protocolViolation.uri, "a record's envelope is not as it should be");
  return { stamp, origin, value };
}

function randomHex(fillRandom: FillRandom): string {
  const words = new Uint32Array(nodeIdDigits / 8);
  fillRandom(words);
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
}
