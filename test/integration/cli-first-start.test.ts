// The administrator of a first start: told once, on stderr, and never again.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { connect } from "../../src/client/index.ts";
import { ConfigFiles } from "../support/config-files.ts";
import { type RunningRouter, startRouter } from "../support/router.ts";

const command = fileURLToPath(new URL("../../src/cli/spanwire.js", import.meta.url));
const timeout = 120_000;
const files = new ConfigFiles();
const shown =
  /This is shown once[\s\S]*realm {5}com\.leapsight\.bondy\n {4}user {6}admin\n {4}password {2}(\S{20,})\n/;

/** All that it printed until it ended. */
async function ended(router: RunningRouter): Promise<string> {
  assert.equal(await router.stop(), 0);
  return router.output();
}

const noPassword = /\bpassword\b/i;

test("a first start makes an administrator and shows the password once", { timeout }, async () => {
  const args = ["--data", files.path("data"), "--log-level", "debug"];
  const first = await ended(await startRouter({ args, keeps: true }));
  const password = shown.exec(first)?.[1];
  assert.ok(password !== undefined, first);
  assert.equal(first.split(password).length, 2, "it stands there once");
  const second = await ended(await startRouter({ args, keeps: true }));
  assert.doesNotMatch(second, noPassword);
  for (const name of readdirSync(files.path("data")))
    assert.ok(!readFileSync(files.path(`data/${name}`)).includes(password), name);
});

test("a password that is chosen is not shown", { timeout }, async () => {
  files.write("secret", "chosen by somebody\n");
  const args = ["--admin-password-file", files.path("secret")];
  const output = await ended(await startRouter({ args }));
  assert.match(
    output,
    /The administrator admin of realm com\.leapsight\.bondy has the password that was given\./,
  );
  assert.doesNotMatch(output, /chosen by/);
});

test("a router without a data directory shows it too", { timeout }, async () => {
  assert.match(await ended(await startRouter()), shown);
});

test("a first start that fails at a taken port has shown it nevertheless", { timeout }, async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { readonly port: number };
  const args = ["start", "--data", files.path("late"), "--port", "0", "--rawsocket-port", String(port)];
  const { status, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: "utf8", timeout });
  taken.close();
  assert.equal(status, 69);
  assert.match(stderr, shown);
});

test("the open realm of an earlier start is gone when realms are configured", { timeout }, async () => {
  const data = ["--data", files.path("open")];
  const first = await startRouter({ args: data, keeps: true });
  const session = await connect({ url: first.url, realm: "realm1" });
  await session.leave();
  await first.stop();
  files.write("realms.yaml", "realms:\n  - uri: com.example.closed\n");
  const second = await startRouter({ args: [...data, "--config", files.path("realms.yaml")], keeps: true });
  try {
    await assert.rejects(connect({ url: second.url, realm: "realm1" }), {
      uri: "wamp.error.no_such_realm",
    });
    await assert.rejects(connect({ url: second.url, realm: "com.example.closed" }));
  } finally {
    await second.stop();
  }
});
