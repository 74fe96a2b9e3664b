/** Which WebSocket adapter this runtime gets, and what is said where it is not the one that was asked for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";

const onBun = process.versions.bun !== undefined;

test("Bun gets the bun adapter, Node gets uws, or ws with two lines that say why", async () => {
  const { adapter, notice } = await selectWebSocketAdapter();
  if (onBun) assert.equal(adapter.name, "bun");
  else assert.equal(adapter.name, notice === undefined ? "uws" : "ws");
  if (notice !== undefined) {
    assert.match(
      notice,
      /^WebSocket is served by the slower ws package: uWebSockets.js .*\.\nFor the fast one, .*\.$/,
    );
  }
});

test("an adapter that is asked for is given, or refused in one line", async () => {
  for (const name of ["uws", "bun", "ws"] as const) {
    await selectWebSocketAdapter(name).then(
      (selected) => {
        assert.equal(selected.adapter.name, name);
        assert.equal(selected.notice, undefined);
      },
      (cause: Error) =>
        assert.match(cause.message, new RegExp(`^the ${name} adapter (does not run on|cannot load).*$`)),
    );
  }
  await assert.rejects(selectWebSocketAdapter(onBun ? "ws" : "bun"), /does not run on/);
});
