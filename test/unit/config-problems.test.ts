// What is wrong with a configuration is said all at once, each with its place.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { definitionsChecker } from "../../src/cli/security.ts";
import { fixedLimits } from "../../src/base/limits.ts";
import { ConfigFiles, makeCertificate } from "../support/config-files.ts";

const files = new ConfigFiles();

/** One wrong text, and what is said of it. */
const cases: readonly (readonly [name: string, text: string, problems: readonly string[]])[] = [
  [
    "an unknown section",
    "lisners: []\n",
    ['spanwire.yaml:1:1 lisners: there is no such option (did you mean "listeners"?)'],
  ],
  [
    "an unknown option, near to one of its own kind of listener",
    "listeners:\n  - kind: rawsocket\n    hst: localhost\n    deflat: true\n",
    [
      'spanwire.yaml:3:5 listeners.0.hst: there is no such option (did you mean "host"?)',
      "spanwire.yaml:4:5 listeners.0.deflat: there is no such option",
    ],
  ],
  [
    "an unknown kind of listener",
    "listeners:\n  - { port: 1, kind: websockt }\n",
    [
      'spanwire.yaml:2:22 listeners.0.kind: expected one of websocket, universal, rawsocket (did you mean "websocket"?)',
    ],
  ],
  [
    "a listener without a kind",
    "listeners:\n  - port: 5\n",
    ["spanwire.yaml:2:5 listeners.0.kind: is missing: one of websocket, universal, rawsocket"],
  ],
  [
    "ports out of range and of another type",
    'listeners:\n  - kind: websocket\n    port: 70000\n  - kind: rawsocket\n    port: "18082"\n',
    [
      "spanwire.yaml:3:11 listeners.0.port: expected at most 65535",
      "spanwire.yaml:5:11 listeners.1.port: expected a number",
    ],
  ],
  [
    "HTTP transports with options that are none",
    "listeners:\n  - kind: websocket\n    http:\n      longpol: true\n      sse: wamp\n      origins: [example.com]\n",
    [
      'spanwire.yaml:4:7 listeners.0.http.longpol: there is no such option (did you mean "longpoll"?)',
      'spanwire.yaml:5:12 listeners.0.http.sse: expected a path that starts with "/", does not end with it, and holds letters, digits and ._~/- only',
      'spanwire.yaml:6:17 listeners.0.http.origins.0: expected an origin such as "https://app.example.com", or "*"',
    ],
  ],
  [
    "a store that is neither",
    "store: disk\n",
    ['spanwire.yaml:1:8 store: expected "ephemeral", or path: of a directory'],
  ],
  [
    "a store with a wrong option",
    "store:\n  pat: ./x\n",
    [
      "spanwire.yaml:2:3 store.path: is missing: a text",
      'spanwire.yaml:2:3 store.pat: there is no such option (did you mean "path"?)',
    ],
  ],
  [
    "passwords",
    "security:\n  password:\n    protocol: cre\n    kdf: pbkdf2\n    iterations: 2.5\n",
    [
      'spanwire.yaml:3:15 security.password.protocol: expected one of cra, scram, both (did you mean "cra"?)',
      "spanwire.yaml:5:17 security.password.iterations: expected a whole number",
    ],
  ],
  [
    "a realm's options",
    "realms:\n  - uri: a\n    options: { profile: stric, retainedTtl_s: -1 }\n  - options: {}\n  - 5\n",
    [
      'spanwire.yaml:3:25 realms.0.options.profile: expected one of strict, compat (did you mean "strict"?)',
      "spanwire.yaml:3:47 realms.0.options.retainedTtl_s: expected at least 0",
      "spanwire.yaml:4:5 realms.1.uri: is missing: a text",
      "spanwire.yaml:5:5 realms.2: expected options by name",
    ],
  ],
  [
    "limits",
    "limits:\n  frameBytes_max: 100\n  frameByte_max: 1024\n  idle_ms: 0\n",
    [
      "spanwire.yaml:2:19 limits.frameBytes_max: expected at least 512",
      'spanwire.yaml:3:3 limits.frameByte_max: there is no such option (did you mean "frameBytes_max"?)',
      "spanwire.yaml:4:12 limits.idle_ms: expected at least 1",
    ],
  ],
  [
    "a log level",
    "log:\n  level: verbose\n",
    ["spanwire.yaml:2:10 log.level: expected one of silent, error, warn, info, debug"],
  ],
  ["a list where options are expected", "- a\n", ["spanwire.yaml:1:1: expected options by name"]],
  [
    "syntax",
    "log: {\nlimits: 'x\n",
    [
      "spanwire.yaml:3:1: Missing closing 'quote",
      "spanwire.yaml:2:1: Flow map in block collection must be sufficiently indented and end with a }",
    ],
  ],
  ["a key that comes twice", "log: {}\nlog: {}\n", ["spanwire.yaml:2:1: Map keys must be unique"]],
  ["an alias without an anchor", "log:\n  level: *x\n", ["spanwire.yaml:2:10: no anchor &x before it"]],
];

for (const [name, text, expected] of cases)
  test(`${name}: each problem is said with its place`, () => {
    assert.deepEqual(new Set(files.problems(text)), new Set(expected));
  });

test("problems of all sections come at once, in the order of the file", () => {
  const text = `listeners:
  - kind: websocket
    prt: 1
  - kind: rawsocket
    port: -1
store: 5
realms:
  - uri: com.example.bad
    options: { history: [{ topic: a }] }
limits: { poll_ms: 1.5, outboxBytes_max: 1 }
`;
  const problems = files.problems(text, {
    checkDefinitions: (realms) => {
      assert.equal((realms as readonly unknown[]).length, 1);
      return [{ path: [0, "uri"], message: "the security model does not like it" }];
    },
  });
  assert.deepEqual(problems, [
    'spanwire.yaml:3:5 listeners.0.prt: there is no such option (did you mean "port"?)',
    "spanwire.yaml:5:11 listeners.1.port: expected at least 0",
    'spanwire.yaml:6:8 store: expected "ephemeral", or path: of a directory',
    "spanwire.yaml:8:10 realms.0.uri: the security model does not like it",
    "spanwire.yaml:9:26 realms.0.options.history.0.limit: is missing: a number",
    "spanwire.yaml:10:20 limits.poll_ms: expected a whole number",
  ]);
});

test("an alias bomb is refused", () => {
  const bomb = ["a: &a [x, x]"];
  for (const [name, below] of [
    ["b", "a"],
    ["c", "b"],
    ["d", "c"],
  ])
    bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${below}`).join(", ")}]`);
  assert.deepEqual(files.problems(bomb.join("\n")), [
    "spanwire.yaml:1:1: its aliases stand for too much (100 at most)",
  ]);
});

test("a file that is not there, is a directory, or is too large is said to be", () => {
  const of = (file: string): string[] =>
    files.problems("", { overrides: { adminPasswordFile: { value: file, from: "--admin-password-file" } } });
  assert.deepEqual(of(files.path("none")), ["--admin-password-file: none: there is no such file"]);
  assert.deepEqual(of(files.directory), [`--admin-password-file: ${files.directory}: it is a directory`]);
  const large = files.write("large", "");
  writeFileSync(large, Buffer.alloc(fixedLimits.configBytes_max + 1, 0x61));
  assert.deepEqual(of(large), [
    `--admin-password-file: large: the file has ${fixedLimits.configBytes_max + 1} bytes; ${fixedLimits.configBytes_max} are allowed`,
  ]);
});

test("relations between limits are checked where they are given", () => {
  assert.deepEqual(files.problems("limits:\n  outboxBytes_max: 1000\n  inboxBytes_max: 1000\n"), [
    "spanwire.yaml:2:3 limits.gatherBytes_max: a gathered result must fit behind a frame",
    "spanwire.yaml:2:20 limits.outboxBytes_max: one full frame must fit behind another",
    "spanwire.yaml:3:19 limits.inboxBytes_max: one full frame must fit in the inbox",
  ]);
});

test("relations between password options are checked", () => {
  assert.deepEqual(files.problems("security:\n  password:\n    kdf: argon2id13\n    iterations: 5000\n"), [
    "spanwire.yaml:3:10 security.password.kdf: WAMP-CRA knows only pbkdf2; argon2id13 needs protocol: scram",
    "spanwire.yaml:4:17 security.password.iterations: argon2id13 takes at most 1024 rounds",
  ]);
  assert.deepEqual(files.problems("security: { password: { iterations: 100 } }\n"), [
    "spanwire.yaml:1:37 security.password.iterations: pbkdf2 needs at least 4096 rounds",
  ]);
});

test("listeners that take each other's address are refused", () => {
  const text = `listeners:
  - { kind: websocket, host: 127.0.0.1, port: 1 }
  - { kind: rawsocket, host: 127.0.0.1, port: 1 }
  - { kind: rawsocket, host: 127.0.0.2, port: 1 }
  - { kind: rawsocket, port: 0 }
  - { kind: rawsocket, port: 0 }
  - { kind: rawsocket, unix: a.sock }
  - { kind: rawsocket, unix: a.sock }
  - { kind: universal, host: "0.0.0.0", port: 1, allowAnonymous: true }
`;
  assert.deepEqual(files.problems(text), [
    "spanwire.yaml:3:47 listeners.1.port: listeners.0 has the same port already",
    "spanwire.yaml:8:30 listeners.6.unix: listeners.5 has the same unix already",
    "spanwire.yaml:9:47 listeners.7.port: listeners.0 has the same port already",
  ]);
});

test("options that do not go together are refused", () => {
  const text = `listeners:
  - { kind: rawsocket, port: 1, unix: a.sock }
  - { kind: websocket, port: 2, trustedProxies: [10.0.0.0/8, "::1", 10.0.0.0/33, proxy] }
  - { kind: universal, port: 3, transport: uws }
  - { kind: websocket, port: 4, http: { longpoll: /a, sse: /a } }
`;
  assert.deepEqual(files.problems(text), [
    "spanwire.yaml:2:39 listeners.0.unix: a listener has a port or a Unix socket, not both",
    'spanwire.yaml:3:69 listeners.1.trustedProxies.2: "10.0.0.0/33" is no address and no CIDR range',
    'spanwire.yaml:3:82 listeners.1.trustedProxies.3: "proxy" is no address and no CIDR range',
    "spanwire.yaml:4:44 listeners.2.transport: the uws adapter cannot share its port with RawSocket; the ws adapter can",
    "spanwire.yaml:5:60 listeners.3.http.sse: long-poll and event streams need paths of their own",
  ]);
});

const [one, two] = [makeCertificate(files, "one"), makeCertificate(files, "two")];

test("TLS files must be there, be what they should, and belong together", {
  skip: two === undefined && "no openssl",
}, () => {
  files.write("text.pem", "no certificate\n");
  const text = `listeners:
  - kind: websocket
    tls:
      certFile: ${one?.certFile}
      keyFile: ${two?.keyFile}
      caFile: text.pem
      servers:
        "*.example.com": { certFile: none.pem, keyFile: text.pem }
        sound.example.com: { certFile: ${two?.certFile}, keyFile: ${two?.keyFile} }
  - { kind: rawsocket, unix: a.sock, tls: { certFile: ${one?.certFile}, keyFile: ${one?.keyFile}, clientCertificate: require } }
`;
  assert.deepEqual(files.problems(text), [
    "spanwire.yaml:5:16 listeners.0.tls.keyFile: two.key: it is not the key of the certificate",
    "spanwire.yaml:6:15 listeners.0.tls.caFile: text.pem: it has no certificate in PEM form",
    "spanwire.yaml:8:38 listeners.0.tls.servers.*.example.com.certFile: none.pem: there is no such file",
    "spanwire.yaml:10:43 listeners.1.tls: a Unix socket has no TLS",
    "spanwire.yaml:10:101 listeners.1.tls.clientCertificate: caFile must say whose client certificates are taken",
  ]);
});

test("what a variable holds is not shown where a realm has it in the wrong place", async () => {
  const checkDefinitions = await definitionsChecker();
  const text = `realms: [{ uri: com.a, authmethods: ["\${SECRET}"], users: [{ username: bob, aliases: ["a \${SECRET}"] }] }]\n`;
  for (const SECRET of ["Hunter2Secret", 'quo"te\\secret', "Z".repeat(90)]) {
    const said = files.problems(text, { environment: { SECRET }, checkDefinitions });
    assert.equal(said.length, 2, said.join("\n"));
    for (const line of said) {
      assert.ok(line.includes("SECRET}"), line);
      assert.ok(!/hunter2|secret[^}]|zzzz/.test(line.toLowerCase()), line);
    }
  }
  // A short one is not looked for within words.
  const [first] = files.problems(text, { environment: { SECRET: "an" }, checkDefinitions });
  assert.match(first!, /one of anonymous, .* is "\$\{SECRET\}"/);
});
