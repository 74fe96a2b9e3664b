import assert from "node:assert/strict";
import { test } from "node:test";
import { fillRandom } from "../../src/host.ts";
import type { StoreChange } from "../../src/ports.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { encodeStamp } from "../../src/security/hlc.ts";
import { RecordStore } from "../../src/security/record-store.ts";
import { MemoryStore } from "../../src/store/memory.ts";

const at = (wall_ms: number) => ({ wall_ms: () => wall_ms, fillRandom });
const far = "00000000000000ff";
const envelopeAt = (wall_ms: number, value: unknown, node = far): Uint8Array =>
  encodeMessage(Serializer.cbor, [
    1,
    encodeStamp({ wall_ms, counter: 0, node }),
    null,
    value === null,
    value,
  ]);
const uriOf = (uri: string) => (error: unknown) => error instanceof WampError && error.uri === uri;

test("records are read back with their origin, in order, and only the live ones are listed", async () => {
  const records = await RecordStore.open(new MemoryStore(), at(1_000));
  const value = { name: "ann", keys: ["k"], bytes: new Uint8Array([1, 2]), big: 2 ** 40, none: null };
  await records.commit([
    { key: "user/b", value: { name: "bob" }, origin: "digest" },
    { key: "user/a", value, origin: null },
    { key: "group/a", value: 1, origin: null },
  ]);
  await records.commit([{ key: "user/b", value: null, origin: null }]);
  const listed = [...records.entries("user/")];
  assert.deepEqual(
    listed.map(({ key }) => key),
    ["user/a"],
  );
  assert.equal(JSON.stringify(listed[0]!.value), JSON.stringify(value));
  assert.equal(records.get("user/none"), undefined);
  const deleted = records.get("user/b")!;
  assert.deepEqual([deleted.value, deleted.origin], [null, null]);
  assert.ok(deleted.stamp > records.get("group/a")!.stamp);
});

test("the node keeps its id, and its clock does not go back over a restart", async () => {
  const store = new MemoryStore();
  const first = await RecordStore.open(store, at(5_000));
  await first.commit([{ key: "k", value: 1, origin: null }]);
  const again = await RecordStore.open(store, at(10));
  assert.equal(again.nodeId, first.nodeId);
  assert.match(again.nodeId, /^[0-9a-f]{16}$/);
  const before = again.get("k")!.stamp;
  await again.commit([{ key: "k", value: 2, origin: null }]);
  assert.ok(again.get("k")!.stamp > before);
});

test("tombstones are forgotten when they are old enough", async () => {
  let now_ms = 1_000;
  const records = await RecordStore.open(new MemoryStore(), { wall_ms: () => now_ms, fillRandom });
  await records.commit([
    { key: "a", value: null, origin: null },
    { key: "live", value: 1, origin: null },
  ]);
  now_ms = 2_000;
  await records.commit([{ key: "b", value: null, origin: null }]);
  assert.equal(await records.collectTombstones(1_500), 1);
  assert.deepEqual(
    [...records.envelopes()].map(([key]) => key),
    ["b", "live"],
  );
  assert.equal(await records.collectTombstones(1_500), 0);
});

test("the later record wins a merge, and what is changed here after it is later still", async () => {
  const records = await RecordStore.open(new MemoryStore(), at(1_000));
  await records.commit([{ key: "k", value: "here", origin: null }]);
  assert.equal(await records.merge("k", envelopeAt(900, "earlier")), false);
  assert.equal(await records.merge("k", envelopeAt(3_000, "later")), true);
  assert.equal(await records.merge("k", envelopeAt(3_000, "later")), false);
  assert.equal(records.get("k")!.value, "later");
  await records.commit([{ key: "k", value: "again", origin: null }]);
  assert.equal(records.get("k")!.value, "again");
  assert.equal(await records.merge("k", records.envelope("k")!), false);
});

test("a record of a clock too far ahead is refused, and does not move the clock", async () => {
  const records = await RecordStore.open(new MemoryStore(), at(1_000));
  await assert.rejects(records.merge("k", envelopeAt(62_000, 1)), uriOf("wamp.error.invalid_argument"));
  await records.commit([{ key: "k", value: 1, origin: null }]);
  assert.match(records.get("k")!.stamp, /^0000000003e8-/);
});

test("what is no envelope is refused", async () => {
  const records = await RecordStore.open(new MemoryStore(), at(1_000));
  const stamp = encodeStamp({ wall_ms: 1, counter: 0, node: far });
  const wrong = [
    [],
    [2, stamp, null, false, 1],
    [1, "then", null, false, 1],
    [1, stamp, 7, false, 1],
    [1, stamp, null, true, 1],
    [1, stamp, null, false, null],
    [1, stamp, null, false],
    [1, stamp, null, false, 1, 2],
  ].map((array) => encodeMessage(Serializer.cbor, array));
  wrong.push(new Uint8Array(), envelopeAt(1, 1).subarray(0, 20));
  for (const bytes of wrong)
    await assert.rejects(records.merge("k", bytes), uriOf("wamp.error.protocol_violation"));
  assert.equal(records.get("k"), undefined);
});

test("names that are too long together, or no text, are refused with nothing changed", async () => {
  const records = await RecordStore.open(new MemoryStore(), at(1_000));
  const good = { key: "k", value: 1, origin: null };
  for (const key of ["x".repeat(1_001), "é".repeat(501), "\ud800"]) {
    await assert.rejects(records.commit([good, { ...good, key }]), uriOf("wamp.error.invalid_argument"));
  }
  await assert.rejects(
    records.commit([good, { ...good, key: "f", value: () => 1 }]),
    uriOf("wamp.error.invalid_payload"),
  );
  assert.deepEqual([...records.entries("")], []);
  await records.commit([{ ...good, key: "x".repeat(1_000) }]);
});

/** Holds commits back until it is told to do them or to fail. */
class SlowStore extends MemoryStore {
  readonly waiting: ((works: boolean) => void)[] = [];
  hold = false;
  override async commit(changes: readonly StoreChange[]): Promise<void> {
    if (this.hold) {
      const works = await new Promise<boolean>((resolve) => this.waiting.push(resolve));
      if (!works) throw new Error("the disk is full");
    }
    return super.commit(changes);
  }
}

test("a merge that loses against a commit under way wins after all if that commit fails", async () => {
  for (const works of [true, false]) {
    const store = new SlowStore();
    const records = await RecordStore.open(store, at(1_000));
    store.hold = true;
    const commit = records.commit([{ key: "k", value: "here", origin: null }]).then(
      () => true,
      (error) => !uriOf("wamp.error.unavailable")(error),
    );
    const merge = records.merge("k", envelopeAt(900, "there"));
    store.hold = false;
    store.waiting[0]!(works);
    assert.equal(await commit, works);
    assert.equal(await merge, !works);
    assert.equal(records.get("k")!.value, works ? "here" : "there");
  }
});

test("a deletion under way is not forgotten before it is durable", async () => {
  const store = new SlowStore();
  const records = await RecordStore.open(store, at(1_000));
  await records.commit([{ key: "k", value: null, origin: null }]);
  store.hold = true;
  const commit = records.commit([{ key: "k", value: "again", origin: null }]);
  assert.equal(await records.collectTombstones(9_000), 0);
  store.waiting[0]!(true);
  await commit;
  assert.equal(records.get("k")!.value, "again");
});
