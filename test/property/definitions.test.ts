/**
 * Files of definitions that are wrong somewhere: each is applied as a whole or refused as a whole, with problems that name a place; and
 * applied again, nothing is written. Set SEED to repeat a run, and RUNS for more or fewer of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WampError } from "../../src/protocol/errors.ts";
import { applyDefinitions } from "../../src/security/file.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { TestSecurity, wholeModel } from "../support/security.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const numRuns = Number(process.env["RUNS"] ?? 400);

const sound = [
  { uri: "sso", is_sso_realm: true, users: [{ username: "root", password: "123456" }] },
  {
    uri: "proto",
    is_prototype: true,
    sso_realm_uri: "sso",
    groups: [
      { name: "staff", groups: [] },
      { name: "lead", groups: ["staff"], meta: { a: [1] } },
    ],
    grants: [{ permissions: ["wamp.call"], uri: "a.", match: "prefix", roles: ["staff"] }],
  },
  {
    uri: "app",
    prototype_uri: "proto",
    authmethods: ["wampcra"],
    password_opts: { protocol: "cra", params: { kdf: "pbkdf2", iterations: 5_000 } },
    users: [
      { username: "bob", password: "123456", groups: ["lead"], sso_realm_uri: "sso", aliases: ["bobby"] },
      { username: "dev", authorized_keys: ["ab".repeat(32)], enabled: false },
    ],
    sources: [{ usernames: ["bob", "dev"], authmethod: "wampcra", cidr: "10.0.0.0/8", meta: {} }],
    grants: [
      { permissions: ["wamp.call"], resources: [{ uri: "a..b", match: "wildcard" }], roles: ["user/bob"] },
    ],
  },
];

type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, entry]) => pathsOf(entry, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<
    string,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

const texts = [
  "bob",
  "staff",
  "proto",
  "sso",
  "app",
  "all",
  "anonymous",
  "any",
  "*",
  "",
  "a b",
  "prefix",
  "__proto__",
  "10.0.0.0/99",
];
const junk = fc.oneof(
  fc.constantFrom<unknown>(
    ...texts,
    null,
    undefined,
    true,
    -1,
    1e300,
    [],
    {},
    [null],
    ["bob"],
    ["lead", "staff"],
  ),
  fc.anything({ maxDepth: 3 }),
  fc.string({ unit: "binary" }),
);
const edits = fc.array(fc.tuple(fc.constantFrom(...pathsOf(sound)), junk), { minLength: 1, maxLength: 3 });

class CountingStore extends MemoryStore {
  commits = 0;
  override commit(changes: Parameters<MemoryStore["commit"]>[0]): Promise<void> {
    this.commits++;
    return super.commit(changes);
  }
}

/** The problems, or none where it was applied. */
async function apply(bench: TestSecurity, definitions: unknown): Promise<readonly string[]> {
  try {
    await applyDefinitions(await bench.open(), definitions, "file");
    return [];
  } catch (cause) {
    assert.ok(cause instanceof WampError, String((cause as Error).stack));
    assert.equal(cause.uri, "wamp.error.invalid_argument");
    return cause.kwargs["errors"] as string[];
  }
}

test("a wrong file is refused as a whole, a right one is applied once", async (t) => {
  t.diagnostic(`SEED=${seed}`);
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(edits, fc.boolean(), async (changes, afterSound) => {
      const store = new CountingStore();
      const bench = new TestSecurity(store);
      if (afterSound) assert.deepEqual(await apply(bench, sound), []);
      const before = wholeModel(await bench.open());
      const definitions = changes.reduce<unknown>((value, [path, by]) => {
        try {
          return replaced(value, path, by);
        } catch {
          return value;
        }
      }, sound);
      const problems = await apply(bench, definitions);
      const after = wholeModel(await bench.open());
      const { commits } = store;
      assert.deepEqual(await apply(bench, definitions), problems);
      assert.equal(store.commits, commits, "the second time nothing is written");
      assert.deepEqual(wholeModel(await bench.open()), after);
      if (problems.length === 0) return;
      refused++;
      assert.deepEqual(after, before);
      assert.ok(problems.every((problem) => !problem.includes("123456")));
    }),
    { seed, numRuns },
  );
  assert.ok(refused > numRuns / 4 && refused < numRuns, `${refused} of ${numRuns} were refused`);
});
