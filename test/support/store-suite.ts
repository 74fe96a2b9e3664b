/** What every store does; run over each of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store } from "../../src/ports.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
const listed = (store: Store, prefix: string): (string | undefined)[][] =>
  [...store.entries(prefix)].map(([key, value]) => [key, text(value)]);

export function storeSuite(name: string, open: () => Promise<Store>): void {
  test(`${name}: what was committed is read, replaced and deleted`, async () => {
    const store = await open();
    await store.commit([]);
    await store.commit([
      { key: "a", value: bytes("1") },
      { key: "b", value: new Uint8Array() },
    ]);
    assert.equal(text(store.get("a")), "1");
    assert.equal(text(store.get("b")), "");
    assert.equal(store.get("c"), undefined);
    await store.commit([
      { key: "a", value: bytes("2") },
      { key: "b", value: null },
      { key: "none", value: null },
    ]);
    assert.deepEqual(listed(store, ""), [["a", "2"]]);
    // Of several changes of one key the last counts.
    await store.commit([
      { key: "a", value: null },
      { key: "a", value: bytes("3") },
      { key: "d", value: bytes("4") },
      { key: "d", value: null },
    ]);
    assert.deepEqual(listed(store, ""), [["a", "3"]]);
    await store.close();
  });

  test(`${name}: entries come in the order of their keys' bytes, from one prefix`, async () => {
    const store = await open();
    const keys = [
      "p/\u{1f600}",
      "p/\uffee",
      "p/z",
      "p/a",
      "p/a/b",
      "p/aa",
      "p",
      "q",
      "o/x",
      "p/\u0001",
      "p/é",
    ];
    await store.commit(keys.map((key) => ({ key, value: bytes(key) })));
    const sorted = keys
      .filter((key) => key.startsWith("p/"))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(
      listed(store, "p/"),
      sorted.map((key) => [key, key]),
    );
    assert.deepEqual(listed(store, "none"), []);
    assert.equal(listed(store, "").length, keys.length);
    await store.close();
  });

  test(`${name}: keys of 1,024 bytes and values of a megabyte are kept`, async () => {
    const store = await open();
    const large = new Uint8Array(1 << 20).map((_, index) => index * 7);
    const keys = ["é".repeat(512), `${"é".repeat(511)}xy`];
    await store.commit(keys.map((key) => ({ key, value: large })));
    for (const key of keys) assert.deepEqual(Buffer.from(store.get(key)!), Buffer.from(large));
    assert.equal(listed(store, "é".repeat(511)).length, 2);
    await assert.rejects(store.commit([{ key: `${"é".repeat(512)}x`, value: large }]), /1,024/);
    await store.close();
  });

  test(`${name}: a commit with a key that cannot be changes nothing`, async () => {
    const store = await open();
    for (const key of ["", "\ud800", "x".repeat(1_025)])
      await assert.rejects(
        store.commit([
          { key: "good", value: bytes("1") },
          { key, value: null },
        ]),
        /a key/,
      );
    assert.equal(store.get("good"), undefined);
    await store.close();
  });

  test(`${name}: bytes that a caller changes afterwards are not what is stored`, async () => {
    const store = await open();
    const value = bytes("first");
    const commit = store.commit([{ key: "k", value }]);
    value.fill(0);
    await commit;
    assert.equal(text(store.get("k")), "first");
    await store.close();
  });

  test(`${name}: commits that are not waited for are applied in order`, async () => {
    const store = await open();
    const commits = Array.from({ length: 200 }, (_, index) =>
      store.commit([
        { key: `k/${index % 7}`, value: bytes(String(index)) },
        { key: "last", value: bytes(String(index)) },
      ]),
    );
    await Promise.all(commits);
    assert.equal(text(store.get("last")), "199");
    assert.equal(listed(store, "k/").length, 7);
    assert.equal(text(store.get("k/0")), "196");
    await store.close();
  });

  test(`${name}: entries that are read while others are committed`, async () => {
    const store = await open();
    await store.commit(
      Array.from({ length: 50 }, (_, index) => ({ key: `k/${index + 100}`, value: bytes("x") })),
    );
    let seen = 0;
    for (const [key] of store.entries("k/")) {
      seen++;
      if (seen === 10) await store.commit([{ key: "k/149", value: null }]);
      assert.ok(key.startsWith("k/"));
    }
    assert.ok(seen >= 49 && seen <= 50, String(seen));
    await store.close();
  });
}
