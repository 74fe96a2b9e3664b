// Nothing but loopback takes anonymous clients unless it is said.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback } from "../../src/config/reach.ts";
import { ConfigFiles } from "../support/config-files.ts";

const files = new ConfigFiles();
const listening = (host: string): string => `listeners: [{ kind: websocket, host: "${host}" }]\n`;
const anywhere = listening("0.0.0.0");

test("loopback is what no other machine reaches", () => {
  for (const host of ["localhost", "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"])
    assert.ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.com", "128.0.0.1", "127.0.0.1.example.com", ""])
    assert.ok(!isLoopback(host), host);
});

test("the open realm is not served beyond loopback, unless it is allowed", () => {
  assert.deepEqual(files.problems(anywhere), [
    'spanwire.yaml:1:38 listeners.0.host: 0.0.0.0 is reachable from other machines and realm "realm1" lets everybody in; ' +
      "if that is what you want, say allowAnonymous: true (--allow-anonymous)",
  ]);
  assert.equal(files.problems(listening("::")).length, 1);
  assert.deepEqual(files.problems(listening("::1")), []);
  assert.deepEqual(
    files.problems("listeners: [{ kind: websocket, host: '0.0.0.0', allowAnonymous: true }]"),
    [],
  );
  assert.deepEqual(files.problems("listeners: [{ kind: rawsocket, unix: a.sock }]"), []);
});

/** Definitions of one realm, and whether it takes anonymous clients of other machines. */
const cases: readonly (readonly [what: string, realms: readonly object[], open: boolean])[] = [
  ["security off", [{ security_enabled: false }], true],
  ["security off in Bondy's external form", [{ security_status: "disabled" }], true],
  ["security off, and no connections", [{ security_enabled: false, allow_connections: false }], false],
  ["security off in a prototype", [{ security_enabled: false, is_prototype: true }], false],
  ["no source", [{ authmethods: ["anonymous"] }], false],
  [
    "a source from everywhere",
    [{ sources: [{ usernames: "all", authmethod: "anonymous", cidr: "0.0.0.0/0" }] }],
    true,
  ],
  [
    "a source from a network",
    [{ sources: [{ usernames: ["anonymous"], authmethod: "anonymous", cidr: "10.0.0.0/8" }] }],
    true,
  ],
  [
    "a source in another case",
    [{ sources: [{ usernames: ["Anonymous"], authmethod: "anonymous", cidr: "0.0.0.0/0" }] }],
    true,
  ],
  [
    "a list of everybody in a prototype",
    [
      {
        uri: "p",
        is_prototype: true,
        sources: [{ usernames: ["ALL"], authmethod: "anonymous", cidr: "::/0" }],
      },
      { prototype_uri: "p" },
    ],
    true,
  ],
  [
    "a source from loopback",
    [{ sources: [{ usernames: ["anonymous"], authmethod: "anonymous", cidr: "127.0.0.0/8" }] }],
    false,
  ],
  [
    "a source around loopback",
    [{ sources: [{ usernames: ["anonymous"], authmethod: "anonymous", cidr: "127.0.0.0/1" }] }],
    true,
  ],
  [
    "a source from loopback in IPv6",
    [{ sources: [{ usernames: "all", authmethod: "anonymous", cidr: "::1/128" }] }],
    false,
  ],
  [
    "a source of another method",
    [{ sources: [{ usernames: "all", authmethod: "wampcra", cidr: "0.0.0.0/0" }] }],
    false,
  ],
  [
    "a source of a user",
    [{ sources: [{ usernames: ["bob"], authmethod: "anonymous", cidr: "0.0.0.0/0" }] }],
    false,
  ],
  [
    "a method that the realm does not take",
    [
      {
        authmethods: ["ticket"],
        sources: [{ usernames: "all", authmethod: "anonymous", cidr: "0.0.0.0/0" }],
      },
    ],
    false,
  ],
  [
    "a source of its prototype, for all",
    [
      { prototype_uri: "COM.EXAMPLE.PROTO" },
      {
        uri: "com.example.proto",
        is_prototype: true,
        sources: [{ usernames: "all", authmethod: "anonymous", cidr: "0.0.0.0/0" }],
      },
    ],
    true,
  ],
  [
    "a source of its prototype, for some",
    [
      { prototype_uri: "com.example.proto" },
      {
        uri: "com.example.proto",
        is_prototype: true,
        sources: [{ usernames: ["anonymous"], authmethod: "anonymous", cidr: "0.0.0.0/0" }],
      },
    ],
    false,
  ],
  [
    "security off in its prototype",
    [{ prototype_uri: "p" }, { uri: "p", is_prototype: true, security_enabled: false }],
    true,
  ],
  [
    "security on over its prototype",
    [
      { prototype_uri: "p", security_enabled: true },
      { uri: "p", is_prototype: true, security_enabled: false },
    ],
    false,
  ],
];

for (const [what, realms, open] of cases)
  test(`${what}: beyond loopback ${open ? "refused" : "taken"}`, () => {
    const named = realms.map((realm) => ({ uri: "com.example.a", ...realm }));
    files.write("realms.json", JSON.stringify(named));
    const problems = files.problems(`${anywhere}security: { file: realms.json }\n`);
    const expected = /^spanwire\.yaml:1:38 listeners\.0\.host: .*realm "com\.example\.a" lets everybody in/;
    if (open) assert.match(problems[0] ?? "", expected);
    assert.equal(problems.length, open ? 1 : 0);
  });

test("definitions that are in no shape do not break the check", () => {
  files.write(
    "realms.json",
    '[5, null, [], {"uri": "a", "sources": 5, "prototype_uri": []}, {"uri": {}, "sources": [1]}]',
  );
  assert.ok(files.problems(`${anywhere}security: { file: realms.json }\n`).length > 0);
});

test("realms that are created automatically are looked at like others", () => {
  const like = (cidr: string): string =>
    `${anywhere}realms: [{ uri: com.a, authmethods: [wampcra] }]\nsecurity:\n  automatically_create_realms:\n    authmethods: [anonymous]\n    sources: [{ usernames: all, authmethod: anonymous, cidr: ${cidr} }]\n`;
  assert.deepEqual(files.problems(like("127.0.0.0/8")), []);
  assert.match(files.problems(like("0.0.0.0/0")).join("\n"), /made automatically/);
});
