/** The two declarations of the ABI, compared through the module's exports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as abi from "../../src/wasm/abi.ts";
import { Core } from "../../src/wasm/core.ts";
import { buildNames, wasmOf } from "../support/codec.ts";

/** Each group of src/wasm/abi.ts, with the prefix that its names have in assembly/abi.ts. */
const prefixes = {
  Address: "",
  Format: "",
  FSlot: "F_",
  Slot: "U_",
  Status: "",
  Violation: "V_",
  UriStatus: "URI_",
  Visit: "VISIT_",
  Option: "O_",
  Detail: "D_",
  WriteStatus: "W_",
  MatchStatus: "M_",
  IndexProblem: "I_",
  IndexBound: "",
} as const satisfies Record<keyof typeof abi, string>;

const constantName = (prefix: string, name: string): string =>
  prefix + name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const groups = new Map<string, Readonly<Record<string, number>>>(Object.entries(abi));

function declaredInTypeScript(): Map<string, number> {
  const all = new Map<string, number>();
  for (const [group, prefix] of Object.entries(prefixes)) {
    const members = Object.entries(groups.get(group) ?? {});
    for (const [name, value] of members) all.set(constantName(prefix, name), value);
  }
  return all;
}

function exportedByTheModule(core: Core): Map<string, number> {
  const all = new Map<string, number>();
  for (const [name, value] of Object.entries(core.exports as unknown as Record<string, unknown>)) {
    if (/^[A-Z]/.test(name)) all.set(name, (value as { readonly value: number }).value >>> 0);
  }
  return all;
}

const seed = Uint32Array.of(1, 2, 3, 4);

for (const build of buildNames) {
  test(`the ${build} module and TypeScript agree on every constant, and neither has one more`, () => {
    const core = new Core(wasmOf(build), { frameBytes_max: 512, matches_max: 1, seed });
    const inTypeScript = [...declaredInTypeScript()].sort();
    assert.ok(inTypeScript.length > 100, "the comparison saw the constants");
    assert.deepEqual([...exportedByTheModule(core)].sort(), inTypeScript);
  });

  test(`the ${build} module exports functions and the memory, and imports nothing`, () => {
    const core = new Core(wasmOf(build), { frameBytes_max: 512, matches_max: 1, seed });
    const names = Object.keys(core.exports).filter((name) => !/^[A-Z]/.test(name));
    assert.deepEqual(names.sort(), [
      "checkUri",
      "frameIn",
      "frameOut",
      "indexBest",
      "indexBytes",
      "indexCount",
      "indexFind",
      "indexInsert",
      "indexMatch",
      "indexMatchInto",
      "indexPolicy",
      "indexProblem",
      "indexRemove",
      "indexScope",
      "indexUri",
      "indexUriLen",
      "indexWork",
      "init",
      "matches",
      "memory",
      "reserveBytes",
      "visit",
      "writeAck",
      "writeError",
      "writeEvent",
      "writeInterrupt",
      "writeInvocation",
      "writeResult",
    ]);
  });
}

test("slots do not overlap and end before the key on its way out", () => {
  const last = Math.max(...Object.values(abi.Slot));
  assert.ok(abi.Address.headerU32 + 4 * (last + 1) <= abi.Address.key);
  assert.ok(abi.Address.header + 8 * Object.keys(abi.FSlot).length <= abi.Address.headerU32);
  assert.equal(abi.Address.text + abi.Address.textBytes, abi.Address.fixedEnd);
});

test("an instance that finds no memory says which limits to lower", () => {
  const options = { frameBytes_max: 1 << 25, matches_max: 1, seed };
  assert.throws(() => new Core(wasmOf("release"), options), /lower frameBytes_max or matches_max/);
});

test("views are renewed when memory has grown, and only then", () => {
  const core = new Core(wasmOf("release"), { frameBytes_max: 512, matches_max: 1, seed });
  const before = core.bytes;
  core.refresh();
  assert.equal(core.bytes, before);
  // Each pattern is new, so that sooner or later the index needs another page.
  for (let i = 0; core.exports.memory.buffer === before.buffer; ++i) {
    assert.ok(i < 1_000_000, "the index grows memory at some time");
    const uri = new TextEncoder().encode(`com.example.topic${i}.with.a.long.tail.to.fill.pages`);
    core.refresh();
    core.bytes.set(uri, abi.Address.text);
    assert.notEqual(core.exports.indexInsert(2, 0, abi.Address.text, uri.length), 0);
  }
  core.refresh();
  assert.notEqual(core.bytes, before);
  assert.equal(core.bytes.buffer, core.exports.memory.buffer);
  assert.equal(core.u32.buffer, core.exports.memory.buffer);
  assert.equal(core.f64.buffer, core.exports.memory.buffer);
  assert.equal(core.matches.buffer, core.exports.memory.buffer);
});
