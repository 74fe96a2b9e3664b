import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../src/store/memory.ts";
import { storeSuite } from "../support/store-suite.ts";

storeSuite("memory", async () => new MemoryStore());

test("a store in memory says that it has no backup", async () => {
  await assert.rejects(new MemoryStore().backup(), /data directory/);
});
