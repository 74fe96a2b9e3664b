/** What proxies and those who pretend to be some may send: never an error, never an address that nobody of ours vouched for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fixedLimits } from "../../src/base/limits.ts";
import { TrustedProxies } from "../../src/transport/proxies.ts";
import { readProxyHeader } from "../../src/transport/proxy-protocol.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const options = { seed, numRuns: 2_000 };
const proxies = new TrustedProxies(["10.0.0.0/8", "fd00::/8"]);

const trusted = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`),
  fc.nat(0xffff).map((n) => `fd00::${n.toString(16)}`),
);
const stranger = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `203.0.${a}.${b}`);
const junk = fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom("unknown", "_x", "", "[::", "1.2.3.4:x"));

test("the first stranger from the right is the client, whatever stands before it", () => {
  fc.assert(
    fc.property(fc.array(junk), stranger, fc.array(trusted), trusted, (before, client, behind, peer) => {
      const value = [...before, client, ...behind].join(", ");
      const found = proxies.clientOf(peer, (name) => (name === "x-forwarded-for" ? value : undefined));
      assert.equal(found, client);
    }),
    options,
  );
});

test("any header gives an address, and of a stranger its own", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), trusted, stranger, (list, forwarded, peer, other) => {
      for (const value of [{ "x-forwarded-for": list }, { forwarded }, { "x-real-ip": list }]) {
        const header = (name: string): string | undefined => (value as Record<string, string>)[name];
        assert.match(proxies.clientOf(peer, header), /^[0-9a-f.:]+$/);
        assert.equal(proxies.clientOf(other, header), other);
      }
    }),
    options,
  );
});

test("any beginning of a connection is read within its bound, and more bytes never change a verdict", () => {
  const begins = fc.constantFrom(
    "PROXY ",
    "PROXY TCP4 1.2.3.4 ",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
    "\r\n\r\n\0\r\nQUIT\n",
    "",
  );
  fc.assert(
    fc.property(begins, fc.uint8Array({ maxLength: 200 }), (begin, rest) => {
      const bytes = Buffer.concat([Buffer.from(begin, "latin1"), rest]);
      let verdict: ReturnType<typeof readProxyHeader> | undefined;
      for (let length = 0; length <= bytes.length; length++) {
        const result = readProxyHeader(bytes.subarray(0, length));
        if (verdict !== undefined) assert.deepEqual(result, verdict);
        else if (result.kind !== "more") verdict = result;
        if (result.kind === "found") assert.ok(result.headerBytes <= fixedLimits.proxyHeaderBytes_max);
      }
    }),
    options,
  );
});
