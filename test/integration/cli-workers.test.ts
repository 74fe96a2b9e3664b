// The command with several workers, as a user runs it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/client/index.ts";
import { placeOfSession } from "../support/place-of-session.ts";
import { startRouter } from "../support/router.ts";

const timeout = 120_000;

test("a router with two workers serves every port with both, and ends cleanly", { timeout }, async () => {
  const router = await startRouter({ args: ["--workers", "2"] });
  try {
    for (const url of [router.url, router.rawsocketUrl]) {
      const places = new Set<number>();
      for (let tries = 0; tries < 200 && places.size < 2; tries++) {
        const session = await connect({ url, realm: router.realm });
        places.add(placeOfSession(session.id, 2));
        await session.leave();
      }
      assert.equal(places.size, 2, url);
    }
  } finally {
    assert.equal(await router.stop(), 0);
  }
  assert.doesNotMatch(router.output(), /"level":[45]0|open handles/);
});
