/** How events are spread over shards: evenly, always alike, and moved by nothing but the coming and going of the shard itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PatternHandle } from "../../src/base/ids.ts";
import { Match } from "../../src/protocol/messages.ts";
import { MemberOptions, noWishes } from "../../src/router/broker/member-options.ts";
import { Patterns, Trait } from "../../src/router/patterns.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import { openCodec } from "../support/codec.ts";
import { realmWith, sessionWithId } from "../support/stored-events.ts";

const utf8 = new TextEncoder();
const session = sessionWithId(1);
const withNode = (nodeKey: string) => ({ ...noWishes, nodeKey });

function setUp(nodeKeys: readonly string[] = []) {
  const patterns = new Patterns(new PatternIndex(openCodec().core), () => 0);
  const pattern = patterns.addStaying(realmWith(), Match.exact, "com.a") as PatternHandle;
  const ended: number[] = [];
  const options = new MemberOptions(patterns, { endSubscription: (_session, row) => void ended.push(row) });
  for (const [i, key] of nodeKeys.entries()) options.set(session, pattern, i + 1, withNode(key));
  return { patterns, pattern, options, ended };
}

const keys = Array.from({ length: 20_000 }, (_, i) => `sn${i}`);
const nodes = Array.from({ length: 10 }, (_, i) => `node${i}`);
const assign = ({ options, pattern }: ReturnType<typeof setUp>): (string | null)[] =>
  keys.map((key) => options.shardOf(pattern, utf8.encode(key)));

test("routing keys are spread evenly, and alike in whatever order the shards came", () => {
  const assigned = assign(setUp(nodes));
  const counts = new Map<string, number>();
  for (const node of assigned) counts.set(node!, (counts.get(node!) ?? 0) + 1);
  for (const node of nodes) {
    const count = counts.get(node) ?? 0;
    assert.ok(count > 1_800 && count < 2_200, `${node} has ${count} of 20,000`);
  }
  assert.deepEqual(assign(setUp([...nodes].reverse())), assigned);
});

test("a shard that leaves gives up its own keys only, and gets the same ones back", () => {
  const before = setUp(nodes);
  const assigned = assign(before);
  before.options.clear(session, before.pattern, 4);
  const without = assign(before);
  assert.ok(without.every((node, i) => (assigned[i] === "node3" ? node !== "node3" : node === assigned[i])));
  before.options.set(session, before.pattern, 4, withNode("node3"));
  assert.deepEqual(assign(before), assigned);
});

test("members with one node key are one shard, which stays until the last of them has gone", () => {
  const { options, pattern, patterns } = setUp(["a", "a", "b"]);
  assert.ok(patterns.has(pattern, Trait.sharded));
  options.clear(session, pattern, 1);
  assert.ok(keys.some((key) => options.shardOf(pattern, utf8.encode(key)) === "a"));
  options.clear(session, pattern, 2);
  assert.ok(keys.every((key) => options.shardOf(pattern, utf8.encode(key)) === "b"));
  options.set(session, pattern, 3, noWishes);
  assert.equal(options.shardOf(pattern, utf8.encode("sn1")), null);
  assert.equal(options.nodeKey(3), null);
  assert.ok(!patterns.has(pattern, Trait.sharded));
});

test("who asks anew is taken at the latest word", () => {
  const { options, pattern, patterns, ended } = setUp(["a"]);
  options.set(session, pattern, 1, { ...withNode("b"), acknowledges: true });
  assert.deepEqual([options.nodeKey(1), options.shardOf(pattern, utf8.encode("x"))], ["b", "b"]);
  assert.ok(options.acknowledges(pattern, 1) && patterns.has(pattern, Trait.acknowledged));
  options.set(session, pattern, 1, { ...withNode("b"), acknowledges: true });
  assert.deepEqual(ended, []);
  options.set(session, pattern, 1, withNode("b"));
  assert.deepEqual(ended, [1], "what was sent before need not be acknowledged any more");
  assert.ok(!options.acknowledges(pattern, 1) && !patterns.has(pattern, Trait.acknowledged));
});
