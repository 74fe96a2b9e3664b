/** Who a client is behind proxies: the headers, and the PROXY protocol. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimits } from "../../src/base/limits.ts";
import {
  addressIn,
  forwardedHops,
  type HeaderOf,
  mayName,
  somewhere,
  TrustedProxies,
} from "../../src/transport/proxies.ts";
import { readProxyHeader } from "../../src/transport/proxy-protocol.ts";

const headers =
  (given: Partial<Record<Parameters<HeaderOf>[0], string>>): HeaderOf =>
  (name) =>
    given[name];
const forwardedFor = (value: string): HeaderOf => headers({ "x-forwarded-for": value });

test("networks of trusted proxies are addresses and CIDRs of both families; anything else is refused by name", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120"]);
  for (const peer of ["10.1.2.3", "192.0.2.7", "2001:db8::1", "198.51.100.9"])
    assert.ok(proxies.trusts(peer), peer);
  for (const peer of [
    "11.0.0.1",
    "192.0.2.8",
    "2001:db9::1",
    "::1",
    "",
    "/run/x.sock",
    "10.0.0.1.",
    "10.1",
    "0x0a000001",
  ])
    assert.ok(!proxies.trusts(peer), peer);
  assert.ok(!new TrustedProxies().trusts("127.0.0.1"));
  assert.ok(new TrustedProxies(["0.0.0.0/0"]).trusts("8.8.8.8"));
  assert.ok(!new TrustedProxies(["0.0.0.0/0"]).trusts("::1"));
  for (const bad of [
    "",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "2001:db8::/129",
    "example.com",
    "10.0.0.0/8/8",
    "10/8",
  ])
    assert.throws(() => new TrustedProxies([bad]), {
      message: `${JSON.stringify(bad)} is no network of trusted proxies; write it like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32`,
    });
});

test("the client is the last address that no proxy of ours has", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "::1"]);
  const cases: readonly [string, string][] = [
    ["203.0.113.5", "203.0.113.5"],
    ["203.0.113.5, 10.0.0.2", "203.0.113.5"],
    // What the client itself wrote stands before what the first proxy saw.
    ["1.1.1.1, 203.0.113.5, 10.0.0.2", "203.0.113.5"],
    ["10.9.9.9, 203.0.113.5", "203.0.113.5"],
    ["10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["203.0.113.5:4711", "203.0.113.5"],
    ["[2001:DB8::1]:4711", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["::ffff:203.0.113.5", "203.0.113.5"],
    ["203.0.113.5, unknown", "10.0.0.1"],
    ["203.0.113.5,", "10.0.0.1"],
    ["203.0.113.5, unknown, 10.0.0.2", "10.0.0.2"],
    ["", "10.0.0.1"],
    ["<script>", "10.0.0.1"],
  ];
  for (const [value, wanted] of cases)
    assert.equal(proxies.clientOf("10.0.0.1", forwardedFor(value)), wanted, value);
  assert.equal(proxies.clientOf("::1", forwardedFor("203.0.113.5")), "203.0.113.5");
});

test("what peers say who are no proxies of ours is not read", () => {
  const neverAsked: HeaderOf = () => assert.fail("asked for a header");
  assert.equal(new TrustedProxies(["10.0.0.0/8"]).clientOf("192.0.2.1", neverAsked), "192.0.2.1");
  assert.equal(new TrustedProxies().clientOf("127.0.0.1", headers({})), "127.0.0.1");
});

test("Forwarded and X-Real-IP count where X-Forwarded-For is not there", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8"]);
  const client = (given: Parameters<typeof headers>[0]): string =>
    proxies.clientOf("10.0.0.1", headers(given));
  assert.equal(
    client({ forwarded: 'for=192.0.2.60;proto=http;by=203.0.113.43, For="[2001:db8:cafe::17]:4711"' }),
    "2001:db8:cafe::17",
  );
  assert.equal(client({ forwarded: "for=192.0.2.60, for=10.0.0.2" }), "192.0.2.60");
  assert.equal(client({ forwarded: "for=192.0.2.60, for=_hidden" }), "10.0.0.1");
  assert.equal(client({ forwarded: "for=192.0.2.60, by=10.0.0.2" }), "10.0.0.1");
  assert.equal(client({ "x-real-ip": "192.0.2.61" }), "192.0.2.61");
  assert.equal(
    client({ "x-real-ip": "192.0.2.61", forwarded: "for=192.0.2.62", "x-forwarded-for": "192.0.2.63" }),
    "192.0.2.63",
  );
  assert.deepEqual(forwardedHops('for="a,b;c\\"d";proto=x, proto=y'), ['a,b;c"d', ""]);
});

test("addresses are read as proxies write them, and nothing else is one", () => {
  for (const bad of [
    "",
    "x",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "1.2.3.4:",
    "[1.2.3.4]",
    "[::1",
    "::1]",
    "1.2.3.4:123456",
    "_x",
  ])
    assert.equal(addressIn(bad), null, bad);
});

const v1 = (text: string): Buffer => Buffer.from(text, "latin1");
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
function v2(command: number, family: number, body: number[], length = body.length): Buffer {
  return Buffer.concat([signature, Buffer.from([command, family, length >> 8, length & 255, ...body])]);
}
const over4 = [192, 0, 2, 1, 10, 0, 0, 1, 1, 2, 3, 4];

test("PROXY protocol: both versions and both families, in any pieces", () => {
  const v6 = [0x20, 1, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1, ...Array<number>(16).fill(0), 0, 1, 0, 2];
  const cases: readonly [Buffer, string | null][] = [
    [v1("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n"), "192.0.2.1"],
    [v1("PROXY TCP6 2001:DB8::1 ::1 56324 443\r\n"), "2001:db8::1"],
    [v1("PROXY UNKNOWN\r\n"), null],
    [v1("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), null],
    [v2(0x21, 0x11, over4), "192.0.2.1"],
    [v2(0x21, 0x11, [...over4, 3, 0, 4, 1, 2, 3, 4]), "192.0.2.1"],
    [v2(0x21, 0x21, v6), "2001:db8::1"],
    [v2(0x20, 0x11, over4), null],
    [v2(0x20, 0x00, []), null],
    [v2(0x21, 0x00, [9, 9]), null],
  ];
  for (const [header, peer] of cases) {
    for (let length = 0; length < header.length; length++)
      assert.deepEqual(
        readProxyHeader(header.subarray(0, length)),
        { kind: "more" },
        `${length} of ${header}`,
      );
    const found = { kind: "found", peer, headerBytes: header.length };
    assert.deepEqual(readProxyHeader(header), found);
    assert.deepEqual(readProxyHeader(Buffer.concat([header, Buffer.from([0x7f, 0xf1])])), found);
  }
});

test("PROXY protocol: what is malformed or too long is said to be, at once", () => {
  const bad = [
    v1("PROXY TCP4 192.0.2.1 10.0.0.1 56324\r\n"),
    v1("PROXY TCP4 192.0.2.1 10.0.0.1 56324 70000\r\n"),
    v1("PROXY TCP4 ::1 ::1 1 2\r\n"),
    v1("PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n"),
    v1("PROXY TCP4 999.0.2.1 10.0.0.1 1 2\r\n"),
    v1("PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n"),
    v1(`PROXY ${"x".repeat(101)}`),
    v2(0x11, 0x11, over4),
    v2(0x22, 0x11, over4),
    v2(0x21, 0x12, over4),
    v2(0x21, 0x31, over4),
    v2(0x21, 0x11, over4.slice(1)),
    v2(0x21, 0x11, [], fixedLimits.proxyHeaderBytes_max - 15),
  ];
  for (const header of bad)
    assert.deepEqual(readProxyHeader(header), { kind: "malformed" }, header.toString("latin1"));
  for (const other of ["\x7f\xf1\0\0", "POST / HTTP/1.1", "PROXX", "\x16\x03\x01", "\r\n\r\nx"])
    assert.deepEqual(readProxyHeader(v1(other)), { kind: "none" }, other);
  assert.deepEqual(readProxyHeader(v2(0x21, 0x11, [], fixedLimits.proxyHeaderBytes_max - 16)), {
    kind: "more",
  });
});

test("a proxy on another machine names nobody on this one", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "127.0.0.0/8", "::1"]);
  for (const said of ["127.0.0.1", "127.8.8.8:80", "::1", "[::1]:80", "::ffff:127.0.0.1", "::ffff:7f00:1"]) {
    assert.equal(proxies.clientOf("10.0.0.7", forwardedFor(said)), "10.0.0.7", said);
    assert.equal(proxies.clientOf("10.0.0.7", headers({ "x-real-ip": said })), "10.0.0.7", said);
    assert.ok(!mayName("10.0.0.7", addressIn(said)!), said);
  }
  assert.equal(proxies.clientOf("127.0.0.1", forwardedFor("203.0.113.9")), "203.0.113.9");
  assert.equal(proxies.clientOf("127.0.0.1", forwardedFor("127.0.0.2, 10.0.0.7")), "10.0.0.7");
});

test("through a proxy on this machine nobody is of this machine, whether or not it is named as one", () => {
  for (const proxies of [new TrustedProxies(), new TrustedProxies(["127.0.0.0/8", "::1"])])
    for (const peer of ["127.0.0.1", "::1"]) {
      assert.equal(proxies.clientOf(peer, headers({})), peer);
      for (const said of ["127.0.0.1", "::1", "unknown", "127.0.0.2, ::1", ""])
        for (const name of ["x-forwarded-for", "forwarded", "x-real-ip"] as const) {
          const value = name === "forwarded" ? `for="${said}"` : said;
          assert.equal(proxies.clientOf(peer, headers({ [name]: value })), somewhere, `${name}: ${value}`);
        }
    }
  assert.equal(new TrustedProxies().clientOf("127.0.0.1", forwardedFor("203.0.113.9")), somewhere);
});
