// How commands reach a running router.
import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { fixedLimits } from "../../src/base/limits.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { askControl, type ControlRequest, listenControl } from "../../src/cli/control.ts";
import { ConfigFiles } from "../support/config-files.ts";

const files = new ConfigFiles();
const timeout = 30_000;
const asked: ControlRequest[] = [];
const answer = async (request: ControlRequest): Promise<void> => {
  asked.push(request);
  if (request.path === "/full") throw new Error("no space");
};

/** Sends something that is no command, and gives what comes back until the end. */
function send(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let got = "";
    socket.setEncoding("utf8").on("data", (piece: string) => {
      got += piece;
    });
    // A socket that the router ends while more comes may say so.
    socket.on("error", () => {});
    socket.on("close", () => resolve(got));
    socket.on("timeout", () => reject(new Error("no answer")));
    socket.write(text);
  });
}

test("a command is carried out, or refused with the reason; nobody but the owner reaches it", {
  timeout,
}, async () => {
  const control = await listenControl(files.directory, answer, silentLog);
  const request = { command: "backup", path: "/there" } as const;
  assert.deepEqual(await askControl(files.directory, request), { ok: true });
  assert.deepEqual(asked, [request]);
  assert.deepEqual(await askControl(files.directory, { ...request, path: "/full" }), {
    ok: false,
    error: "no space",
  });
  assert.equal(statSync(files.path("control.sock")).mode & 0o777, 0o600);
  await control!.close();
  assert.equal(await askControl(files.directory, request), undefined);
});

test("what is no command is refused, and what has no end is cut off", { timeout }, async () => {
  const control = await listenControl(files.directory, answer, silentLog);
  const path = files.path("control.sock");
  const unknown = '{"ok":false,"error":"the router does not know this command"}\n';
  for (const text of [
    "{}",
    "null",
    "5",
    "{",
    '{"command":"stop","path":"/x"}',
    '{"command":"backup","path":5}',
  ])
    assert.equal(await send(path, `${text}\n`), unknown, text);
  assert.equal(await send(path, "x".repeat(fixedLimits.controlLine_max + 1)), "");
  // A connection that says nothing does not keep the router from ending.
  const silent = connect(path);
  await new Promise((resolve) => silent.once("connect", resolve));
  const gone = new Promise((resolve) => silent.once("close", resolve));
  await control!.close();
  await gone;
});

test("what a router that died has left there is in nobody's way", { timeout }, async () => {
  writeFileSync(files.path("control.sock"), "");
  assert.equal(await askControl(files.directory, { command: "backup", path: "/x" }), undefined);
  const control = await listenControl(files.directory, answer, silentLog);
  assert.deepEqual(await askControl(files.directory, { command: "backup", path: "/x" }), { ok: true });
  await control!.close();
});

test("where the directory's path is too long for a socket, that is said", { timeout }, async () => {
  const deep = files.path("d".repeat(100));
  mkdirSync(deep);
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_part, message) => void warnings.push(message) };
  assert.equal(await listenControl(deep, answer, log), null);
  assert.deepEqual(warnings, ["no backup while the router runs: the path of its data directory is too long"]);
});
