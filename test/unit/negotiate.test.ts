/** The pure parts that all WebSocket adapters share: subprotocols, texts, addresses, headers, times. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Serializer } from "../../src/protocol/serializers.ts";
import { peerAddress } from "../../src/transport/address.ts";
import { listenError, unixListenError } from "../../src/transport/listen-error.ts";
import {
  checkPath,
  closeReason,
  idleTimeoutSeconds,
  negotiate,
  refusals,
  webSocketUrl,
  wrongFrameReason,
} from "../../src/transport/negotiate.ts";
import { explainUwsFailure, type System } from "../../src/transport/select.ts";
import { needOf } from "../../src/transport/sweep.ts";
import { binaryHeaders, textHeaders } from "../../src/transport/websocket-header.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

test("the first known name of the client's list is taken", () => {
  const table = [
    ["wamp.2.json", Serializer.json],
    ["wamp.2.msgpack", Serializer.msgpack],
    ["wamp.2.cbor", Serializer.cbor],
    ["wamp.2.cbor,wamp.2.json", Serializer.cbor],
    ["wamp.2.json , wamp.2.cbor", Serializer.json],
    ["x, , wamp.2.msgpack", Serializer.msgpack],
    ["\twamp.2.json\t", Serializer.json],
    ["wamp.2.json,wamp.2.json.batched", Serializer.json],
    ["wamp.2.ubjson.batched,wamp.2.cbor.batched, wamp.2.cbor, wamp.2.json.batched", Serializer.cbor, true],
    ["wamp.2.json.batched", Serializer.json, true],
    ["wamp.2.msgpack.batched", Serializer.msgpack, true],
  ] as const;
  for (const [header, serializer, batched = false] of table) {
    const chosen = negotiate(header);
    assert.equal(chosen?.serializer, serializer, header);
    assert.equal(chosen.batched, batched, header);
    assert.equal(chosen.subprotocol.endsWith(".batched"), batched, header);
    assert.ok(header.includes(chosen.subprotocol));
  }
});

test("where none is known, none is taken", () => {
  for (const header of [
    "",
    ",",
    " ",
    "WAMP.2.JSON",
    "wamp.2",
    "wamp.2.json2",
    "wamp.2.ubjson",
    "wamp.2.json;q=1",
    "wamp.2.batched",
    "wamp.2.ubjson.batched",
    "wamp.2.json.batched.batched",
  ]) {
    assert.equal(negotiate(header), null, header);
  }
});

test("refusals name what is offered", () => {
  for (const { body } of [refusals.noSubprotocol, refusals.upgradeRequired]) {
    assert.ok(body.includes("wamp.2.msgpack, wamp.2.cbor, wamp.2.json"), body);
  }
  assert.equal(wrongFrameReason(Serializer.json), "wamp.2.json travels in text frames");
  assert.equal(wrongFrameReason(Serializer.cbor), "wamp.2.cbor travels in binary frames");
});

test("a close reason has at most 123 bytes of whole characters, and is the beginning of what was given", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (reason) => {
      const cut = closeReason(reason);
      const bytes = Buffer.byteLength(cut);
      assert.ok(bytes <= 123, `SEED=${seed}`);
      assert.ok(reason.startsWith(cut));
      const next = [...reason.slice(cut.length)][0];
      if (next !== undefined) assert.ok(bytes + Buffer.byteLength(next) > 123, `SEED=${seed}`);
    }),
    { seed, numRuns: 2_000 },
  );
});

test("the idle time becomes seconds that the native servers keep: multiples of four from 8 to 960, and 0 for off", () => {
  const table = [
    [0, 0],
    [1, 8],
    [8_000, 8],
    [8_001, 12],
    [60_000, 60],
    [61_000, 64],
    [3_600_000, 960],
  ] as const;
  for (const [idle_ms, seconds] of table) assert.equal(idleTimeoutSeconds(idle_ms), seconds, `${idle_ms} ms`);
});

test("a peer's address is written one way, however it was reported", () => {
  const table = [
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["0000:0000:0000:0000:0000:0000:0000:0001", "::1"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["0000:0000:0000:0000:0000:ffff:c000:0207", "192.0.2.7"],
    ["2001:0DB8:0:0:0:0:0:a", "2001:db8::a"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["", ""],
  ] as const;
  for (const [reported, expected] of table) assert.equal(peerAddress(reported), expected);
});

test("an IPv6 host stands in brackets in the URL", () => {
  assert.equal(webSocketUrl("127.0.0.1", 80, "/ws"), "ws://127.0.0.1:80/ws");
  assert.equal(webSocketUrl("::1", 18_080, "/"), "ws://[::1]:18080/");
});

test("a path holds nothing that a server reads as a pattern", () => {
  for (const path of ["/", "/ws", "/a/b-c_d.e~1"]) checkPath(path);
  for (const path of ["", "ws", "/:a", "/*", "/a?b", "/a#b", "/ä", "/a b"])
    assert.throws(() => checkPath(path), /must start with/);
});

test("a server's frame header has two, four or ten octets, and says the length", () => {
  const table = [
    [0, "8100"],
    [125, "817d"],
    [126, "817e007e"],
    [65_535, "817effff"],
    [65_536, "817f0000000000010000"],
    [(1 << 24) + 1, "817f0000000001000001"],
  ] as const;
  for (const [frameBytes, hex] of table) {
    const target = new Uint8Array(16).fill(0xee);
    const end = textHeaders.write(target, 3, frameBytes);
    assert.equal(Buffer.from(target.subarray(3, end)).toString("hex"), hex);
    assert.equal(end - 3, textHeaders.bytesFor(frameBytes));
    binaryHeaders.write(target, 3, frameBytes);
    assert.equal(target[3], 0x82);
    assert.equal(target[end], 0xee, "nothing is written behind it");
  }
});

test("a silent connection is pinged at one and two thirds of the idle time and then dropped, but not right after a stall", () => {
  const needs = (every_ms: number, upTo_ms: number): string[] => {
    const found: string[] = [];
    for (let silent_ms = every_ms; silent_ms <= upTo_ms; silent_ms += every_ms) {
      const need = needOf({ silent_ms, sinceSwept_ms: every_ms, sweepEvery_ms: every_ms, idle_ms: 600 });
      if (need !== "nothing") found.push(`${need} at ${silent_ms}`);
    }
    return found;
  };
  assert.deepEqual(needs(50, 600), ["ping at 200", "ping at 400", "drop at 600"]);
  assert.deepEqual(needs(70, 630), ["ping at 210", "ping at 420", "drop at 630"]);
  assert.equal(needOf({ silent_ms: 900, sinceSwept_ms: 900, sweepEvery_ms: 50, idle_ms: 600 }), "ping");
  assert.equal(needOf({ silent_ms: 950, sinceSwept_ms: 50, sweepEvery_ms: 50, idle_ms: 600 }), "drop");
});

test("a failure to listen says in one line what to do", () => {
  const where = { host: "127.0.0.1", port: 80, portFlag: "--port" } as const;
  const because = (code: string): Error => Object.assign(new Error(`listen ${code}`), { code });
  const table = [
    [
      "EADDRINUSE",
      /^port 80 on 127\.0\.0\.1 is already in use; stop the other program or choose another with --port$/,
    ],
    ["EACCES", /needs privileges .* choose one above 1023 with --port$/],
    ["EADDRNOTAVAIL", /^cannot listen on 127\.0\.0\.1: .* choose another with --host$/],
    ["EMFILE", /^cannot listen on port 80 of 127\.0\.0\.1: listen EMFILE$/],
  ] as const;
  for (const [code, expected] of table) {
    const error = listenError(because(code), where);
    assert.match(error.message, expected);
    assert.ok(error.cause instanceof Error);
  }
  assert.match(
    unixListenError(because("EACCES"), "/run/x", true).message,
    /^cannot listen on Unix socket \/run\/x: permission/,
  );
});

test("why uWebSockets.js does not load is said with the remedy", () => {
  const system: System = { nodeVersion: "22.1.0", abi: "127", platform: "linux", arch: "x64", glibc: "2.36" };
  const explained = (message: string, changes: Partial<System> = {}): string => {
    const { why, remedy } = explainUwsFailure(new Error(message), { ...system, ...changes });
    assert.ok(!why.includes("\n") && !remedy.includes("\n"));
    return `${why}; ${remedy}`;
  };
  const glibc =
    "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /x/uws_linux_x64_127.node)";
  assert.match(
    explained(glibc),
    /Node 22\.1\.0 \(ABI 127, linux x64\) needs glibc 2\.38, and this system has 2\.36; run Node 20/,
  );
  const missing = "Cannot find module 'uWebSockets.js'\nRequire stack:\n- /x/uws.js";
  assert.match(explained(missing), /^uWebSockets\.js is not installed; install with optional dependencies/);
  const noBinary =
    "This version of uWS.js supports only …\n\nError: Cannot find module './uws_linux_x64_147.node'";
  assert.match(
    explained(noBinary, { nodeVersion: "26.0.0", abi: "147" }),
    /has no binary for Node 26\.0\.0 \(ABI 147/,
  );
  assert.match(
    explained("ld-linux-x86-64.so.2: no such file", { glibc: undefined }),
    /needs glibc, .* \(not Alpine\)$/,
  );
  assert.match(explained("one\ntwo strange"), /does not load \(two strange\)/);
});
