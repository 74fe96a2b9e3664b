/** Source rules against arithmetic on plain integers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Sources, sourceKey } from "../../src/auth/sources.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

interface Plain {
  readonly width: 32 | 128;
  readonly value: bigint;
}

const four = fc.bigInt({ min: 0n, max: 0xffffffffn }).map((value): Plain => ({ width: 32, value }));
const six = fc
  .bigInt({ min: 0n, max: (1n << 128n) - 1n })
  .map((value): Plain => ({ width: 128, value: value | (1n << 127n) }));

function text({ width, value }: Plain): string {
  if (width === 32) return [24n, 16n, 8n, 0n].map((by) => (value >> by) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  return groups.map((group) => group.toString(16)).join(":");
}

const within = (address: Plain, network: Plain, bits: number): boolean =>
  address.width === network.width &&
  address.value >> BigInt(address.width - bits) === network.value >> BigInt(network.width - bits);

/** An address, and a network that is often its own. */
const pair = fc
  .tuple(fc.oneof(four, six), fc.oneof(four, six), fc.nat(128), fc.boolean())
  .map(([address, other, bits, near]) => {
    const network = near ? address : other;
    return { address, network, bits: Math.min(bits, network.width) };
  });

test("an address is within a network exactly when the leading bits are the same", () => {
  fc.assert(
    fc.property(pair, ({ address, network, bits }) => {
      const cidr = `${text(network)}/${bits}`;
      const sources = new Sources([{ username: "bob", authmethod: "trust", cidr, meta: {} }]);
      const expected = within(address, network, bits);
      const spellings = address.width === 128 ? [text(address)] : [text(address), `::ffff:${text(address)}`];
      for (const from of spellings) {
        assert.equal(sources.allows(["bob", "all"], "trust", from), expected, `${from} ${cidr}`);
        assert.equal(sources.allowsSomebody("trust", from), expected);
        assert.equal(sources.allows(["eve", "all"], "trust", from), false);
        assert.equal(sources.allows(["bob"], "password", from), false);
      }
    }),
    { seed, numRuns: 500 },
  );
});

test("attempts are counted per IPv4 address and per /64 of IPv6", () => {
  fc.assert(
    fc.property(six, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), four, (address, host, old) => {
      const neighbour: Plain = { width: 128, value: ((address.value >> 64n) << 64n) | host };
      assert.equal(sourceKey(text(address)), sourceKey(text(neighbour)));
      const stranger: Plain = { width: 128, value: address.value ^ (1n << 64n) };
      assert.notEqual(sourceKey(text(address)), sourceKey(text(stranger)));
      assert.equal(sourceKey(`::ffff:${text(old)}`), sourceKey(text(old)));
    }),
    { seed, numRuns: 200 },
  );
});

test("a Unix socket is this machine, and what is no address is nowhere", () => {
  const sources = new Sources([
    { username: "all", authmethod: "trust", cidr: "127.0.0.0/8", meta: {} },
    { username: "all", authmethod: "ticket", cidr: "0.0.0.0/0", meta: {} },
    { username: "all", authmethod: "ticket", cidr: "::/0", meta: {} },
    { username: "all", authmethod: "wampcra", cidr: "nonsense", meta: {} },
  ]);
  assert.equal(sources.allows(["all"], "trust", "/run/spanwire.sock"), true);
  assert.equal(sources.allows(["all"], "ticket", "fe80::1%eth0"), true);
  for (const from of ["", "unknown", "10.0.0", "0x7f.1", "1.2.3.4:80"]) {
    assert.equal(sources.allows(["all"], "trust", from), false, from);
  }
  assert.equal(sources.allowsSomebody("wampcra", "1.2.3.4"), false);
  assert.equal(sources.govern("wampcra"), false);
});
