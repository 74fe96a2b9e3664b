/** A router that cannot start leaves nothing open behind it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openStore } from "../../src/cli/state.ts";
import { createRouter } from "../../src/index.ts";

test("options that are refused close the store that came with them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "spanwire-refused-"));
  try {
    const store = await openStore(folder);
    const realms = [{ uri: "com.example", retainedTtl_s: -1 }];
    await assert.rejects(createRouter({ realms, store, security: {} }), /retainedTtl_s is seconds/);
    // The folder is locked as long as a store of it is open.
    const router = await createRouter({ store: await openStore(folder), security: {} });
    await router.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
