/** Pages of other origins (Fetch standard, "CORS protocol"): nothing unless their origin is configured. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeExchange } from "../support/fake-exchange.ts";
import { HttpWorld } from "../support/http-world.ts";

const body = '{"protocols":["wamp.2.json"]}';
const cors = ({ response }: FakeExchange): Record<string, unknown> =>
  Object.fromEntries(Object.entries(response!.headers).filter(([name]) => /^access|vary/.test(name)));

function asked(origins: readonly string[], origin: string | undefined): [FakeExchange, FakeExchange] {
  const world = new HttpWorld({}, { origins });
  const headers = origin === undefined ? {} : { origin };
  const preflight = {
    ...headers,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
  };
  return [
    world.ask({ method: "OPTIONS", path: "/lp/open", headers: preflight }),
    world.ask({ path: "/lp/open", headers, body }),
  ];
}

test("[T-07 T-08] without configured origins a preflight is answered, and allows nothing", () => {
  const [preflight, answer] = asked([], "https://a.example");
  assert.equal(preflight.status, 204);
  assert.deepEqual([cors(preflight), cors(answer)], [{}, {}]);
  assert.equal(answer.status, 200);
});

test("[T-07 T-08] a configured origin may ask, with credentials; another may not", () => {
  const origins = ["https://a.example", "http://localhost:3000"];
  for (const origin of origins) {
    const [preflight, answer] = asked(origins, origin);
    assert.deepEqual(cors(answer), {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      vary: "origin",
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.response?.headers["access-control-allow-methods"], "POST, OPTIONS");
    assert.match(String(preflight.response?.headers["access-control-allow-headers"]), /content-type/);
    assert.equal(preflight.response?.headers["access-control-max-age"], "86400");
    assert.equal(preflight.response?.headers["access-control-allow-origin"], origin);
  }
  for (const origin of [
    "https://b.example",
    "http://a.example",
    "https://a.example:8443",
    "https://xa.example",
    "null",
  ]) {
    const [preflight, answer] = asked(origins, origin);
    assert.deepEqual([cors(preflight), cors(answer)], [{ vary: "origin" }, { vary: "origin" }], origin);
    assert.equal(preflight.status, 204);
  }
});

test("[T-07 T-08] a star before a domain allows all below it, and not what only ends alike", () => {
  const allowed = (origin: string): boolean =>
    cors(asked(["https://*.example.com"], origin)[1])["access-control-allow-origin"] === origin;
  assert.ok(allowed("https://a.example.com"));
  assert.ok(allowed("https://a.b.example.com"));
  for (const origin of [
    "https://example.com",
    "https://evilexample.com",
    "https://a.example.com.evil",
    "http://a.example.com",
  ])
    assert.equal(allowed(origin), false, origin);
});

test("[T-07 T-08] a star alone allows every origin, without credentials", () => {
  for (const origin of ["https://anything.example", undefined]) {
    const [, answer] = asked(["*"], origin);
    assert.deepEqual(cors(answer), { "access-control-allow-origin": "*" });
  }
});

test("[T-07 T-08] failures, polls and streams carry the same headers, so that a page can read them", async () => {
  const world = new HttpWorld({}, { origins: ["https://a.example"] });
  const headers = { origin: "https://a.example" };
  const { path } = await world.open("sse");
  const unknown = world.ask({ path: "/lp/x/send", headers });
  const stream = world.ask({ method: "GET", path: `${path}/receive`, headers });
  assert.equal(cors(unknown)["access-control-allow-origin"], "https://a.example");
  assert.equal(stream.head?.headers["access-control-allow-origin"], "https://a.example");
});

test("what no browser sends as an origin is refused at the start", () => {
  for (const origin of [
    "a.example",
    "https://a.example/",
    "https://",
    "https://a.*.example",
    "**",
    "https://A.example",
  ])
    assert.throws(() => new HttpWorld({}, { origins: [origin] }), /is not an origin/, origin);
});
