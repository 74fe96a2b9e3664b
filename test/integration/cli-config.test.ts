// The command with a configuration file, as a user runs it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "../../src/client/index.ts";
import { ConfigFiles } from "../support/config-files.ts";
import { startRouter } from "../support/router.ts";

const command = fileURLToPath(new URL("../../src/cli/spanwire.js", import.meta.url));
const timeout = 60_000;

function run(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    encoding: "utf8",
    timeout,
  });
  return { status, stdout, stderr };
}

const files = new ConfigFiles();
const cwd = files.directory;

test("check says everything that is wrong, exits 64, and starts nothing", { timeout }, () => {
  files.write("bad.yaml", "listeners:\n  - kind: websocket\n    prt: 1\nlog: { level: loud }\n");
  const expected =
    'bad.yaml:3:5 listeners.0.prt: there is no such option (did you mean "port"?)\n' +
    "bad.yaml:4:15 log.level: expected one of silent, error, warn, info, debug\n";
  for (const verb of ["check", "start"]) {
    const { status, stdout, stderr } = run([verb, "--config", "bad.yaml"], { cwd });
    assert.deepEqual({ status, stdout, stderr }, { status: 64, stdout: "", stderr: expected });
  }
});

test("check says in one line what a right configuration has", { timeout }, () => {
  files.write("good.yaml", "store: ephemeral\nlisteners: [{ kind: websocket, port: 0 }]\n");
  assert.deepEqual(run(["check", "--config", "good.yaml"], { cwd }), {
    status: 0,
    stdout: "good.yaml is valid: 1 listener, 1 realm, state in memory\n",
    stderr: "",
  });
});

test("config schema prints a JSON Schema", { timeout }, () => {
  const { status, stdout } = run(["config", "schema"], { cwd });
  const schema = JSON.parse(stdout) as { readonly properties: object };
  assert.equal(status, 0);
  assert.deepEqual(Object.keys(schema.properties), [
    "listeners",
    "store",
    "security",
    "realms",
    "workers",
    "limits",
    "log",
  ]);
});

test("nothing beyond loopback takes anonymous clients unless it is said", { timeout }, () => {
  const { status, stderr } = run(["start", "--host", "0.0.0.0", "--port", "0"], {
    cwd,
    env: { SPANWIRE_EPHEMERAL: "yes" },
  });
  assert.equal(status, 64);
  assert.match(
    stderr,
    /^--host: 0\.0\.0\.0 is reachable from other machines and realm "realm1" lets everybody in; /,
  );
});

test("a router serves what its file says, and flags are stronger", { timeout }, async () => {
  const unix = files.path("a.sock");
  files.write(
    "serve.yaml",
    "listeners:\n  - { kind: websocket, port: 1, path: /there }\n  - { kind: rawsocket, unix: a.sock }\nlimits: { frameBytes_max: 1024 }\n",
  );
  const router = await startRouter({
    args: ["--config", files.path("serve.yaml"), "--realm", "com.example.open"],
  });
  try {
    assert.match(router.url, /^ws:\/\/127\.0\.0\.1:\d+\/there$/);
    const realm = "com.example.open";
    const callee = await connect({ url: `unix:${unix}`, realm });
    await callee.register("com.example.add", ({ args: [a, b] }) => Number(a) + Number(b));
    const caller = await connect({ url: router.url, realm });
    assert.deepEqual((await caller.call("com.example.add", [2, 3])).args, [5]);
    await assert.rejects(caller.call("com.example.add", ["x".repeat(2_000)]));
    callee.leave();
  } finally {
    assert.equal(await router.stop(), 0);
  }
});

test("check knows what the security model knows about realms, wherever they are defined", { timeout }, () => {
  files.write(
    "sec.json",
    '[\n  {"uri": "com.example.a", "usrs": [],\n   "users": [{"username": "bob", "password": "hidden"},\n             {"username": "al", "password": "tiny"}]}\n]\n',
  );
  files.write(
    "realms.yaml",
    "security:\n  file: sec.json\nrealms:\n  - uri: com.example.b\n    authmethods: [wampcro]\n  - uri: com.leapsight.bondy\n    users:\n      - { username: ann, password: long enough, groups: [bondy.administrators] }\n",
  );
  const { status, stderr } = run(["check", "--config", "realms.yaml"], { cwd });
  assert.equal(status, 64);
  assert.doesNotMatch(stderr, /hidden|tiny|long enough/);
  const places = stderr
    .trim()
    .split("\n")
    .map((line) => line.split(" ").slice(0, 2).join(" "));
  assert.deepEqual(places, [
    "realms.yaml:5:19 realms.0.authmethods.0:",
    "sec.json:2:28 0.usrs:",
    "sec.json:4:27 0.users.1.username:",
    "sec.json:4:45 0.users.1.password:",
  ]);
});
