// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references to variables of a configuration.
// The configuration file, and what is stronger than it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { defaultLimits } from "../../src/base/limits.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configJsonSchema } from "../../src/config/schema.ts";
import type { realmOptionsSchema } from "../../src/config/schema-realms.ts";
import { toRouterOptions } from "../../src/config/to-router-options.ts";
import type { RealmOptions } from "../../src/router/realm.ts";
import { ConfigFiles } from "../support/config-files.ts";

const files = new ConfigFiles();
const repository = fileURLToPath(new URL("../../..", import.meta.url));

const portsOf = ({ listeners }: Config): unknown[] => listeners.map(({ port }) => port);

test("without a file, and with an empty one, everything has its default", () => {
  const none = loadConfig({ overrides: {}, environment: {}, checkDefinitions: () => [] }).config;
  assert.deepEqual(none, files.config(""));
  assert.deepEqual(none, files.config("# nothing but a comment\n"));
  const { listeners, data, openRealm, definitions } = none!;
  assert.deepEqual(
    listeners.map(({ kind, host, port }) => ({ kind, host, port })),
    [
      { kind: "websocket", host: "127.0.0.1", port: 18_080 },
      { kind: "rawsocket", host: "127.0.0.1", port: 18_082 },
    ],
  );
  assert.deepEqual(
    { data, openRealm, definitions },
    { data: "spanwire-data", openRealm: "realm1", definitions: [{ name: "the configuration", realms: [] }] },
  );
});

test("the example in the repository is valid", () => {
  const text = readFileSync(`${repository}/spanwire.example.yaml`, "utf8");
  const config = files.config(text);
  assert.deepEqual(portsOf(config), [18_080, 18_082, undefined]);
  assert.deepEqual(portsOf(files.config(text, { environment: { EXAMPLE_PORT: "4711" } })), [
    4_711,
    18_082,
    undefined,
  ]);
  assert.equal(config.openRealm, null);
  // What is commented out is right too.
  const whole = text.replace(/^( *)# (?=(transport|allowAnonymous):)/gm, "$1");
  assert.deepEqual(files.problems(whole), []);
});

test("paths in a file are relative to it", () => {
  const config = files.config("store: { path: state }\nlisteners: [{ kind: rawsocket, unix: a.sock }]\n");
  assert.equal(config.data, files.path("state"));
  assert.deepEqual(toRouterOptions(config).listeners, [
    { kind: "rawsocket", trustedProxies: [], unixPath: files.path("a.sock") },
  ]);
  assert.equal(files.config("store: { path: /var/lib/spanwire }").data, "/var/lib/spanwire");
});

test("variables are filled in, and mean what they would mean if they stood there", () => {
  const text = `listeners:
  - { kind: websocket, port: 1, host: "\${HOST}", deflate: false }
  - kind: rawsocket
    port: \${PORT:-18082}
store: { path: "/\${A}/$\${A}/\${B:-b}\${EMPTY:-x}" }
log:
  level: \${LEVEL}
`;
  const environment = { HOST: "127.0.0.1", LEVEL: "warn", A: "a: [", EMPTY: "" };
  const config = files.config(text, { environment });
  assert.equal(config.data, "/a: [/${A}/bx");
  assert.equal(config.logLevel, "warn");
  assert.deepEqual(portsOf(config), [1, 18_082]);
  assert.deepEqual(portsOf(files.config(text, { environment: { ...environment, PORT: "0" } })), [1, 0]);
  assert.deepEqual(files.problems(text, { environment: { A: "a", PORT: "x${A}" } }), [
    "spanwire.yaml:2:39 listeners.0.host: the environment variable HOST is not set",
    "spanwire.yaml:4:11 listeners.1.port: expected a number",
    "spanwire.yaml:7:10 log.level: the environment variable LEVEL is not set",
  ]);
  assert.deepEqual(files.problems("store: { path: '${A-b}' }\n"), [
    "spanwire.yaml:1:16 store.path: a reference is written ${NAME} or ${NAME:-default}; write $${ for a literal ${",
  ]);
});

test("definitions of realms are checked where they stand: inline, in JSON, in YAML", () => {
  files.write(
    "a.json",
    '[\n\t{"uri": "com.example.a"},\n\t{"uri": "com.example.bad",\n\t "options": {"profil": "strict"}}\n]\n',
  );
  files.write("b.yaml", "- uri: com.example.b\n- uri: com.example.bad\n");
  files.write("c.json", "{}");
  files.write("d.json", '[{"uri": "x",}, ]]');
  const text =
    "security:\n  file: [a.json, b.yaml, c.json, d.json, e.json]\nrealms: [{ uri: com.example.bad }]\n";
  const problems = files.problems(text, {
    checkDefinitions: (realms) =>
      (realms as readonly { readonly uri?: string }[]).flatMap(({ uri }, index) =>
        uri === "com.example.bad" ? [{ path: [index, "uri"], message: "no" }] : [],
      ),
  });
  assert.deepEqual(problems, [
    "spanwire.yaml:2:42 security.file.4: e.json: there is no such file",
    "spanwire.yaml:3:17 realms.0.uri: no",
    "a.json:3:10 1.uri: no",
    'a.json:4:15 1.options.profil: there is no such option (did you mean "profile"?)',
    "b.yaml:2:8 1.uri: no",
    "c.json:1:1: expected a list",
    ...problems.filter((line) => line.startsWith("d.json:1:")),
  ]);
  assert.ok(problems.at(-1)!.startsWith("d.json:1:"));
});

test("definitions reach the router as they stand, with the name of their file", () => {
  const realm = { uri: "com.example.a", users: [{ username: "bob", password: "${SECRET}" }] };
  const json = files.write("plain.json", JSON.stringify([realm]));
  const template = files.write("sec.json.template", JSON.stringify([{ ...realm, uri: "com.example.b" }]));
  const text = "security: { file: [plain.json, sec.json.template] }\n";
  const config = files.config(`${text}realms: [{ uri: com.example.c }]`, {
    environment: { SECRET: "12" },
  });
  const users = [{ username: "bob", password: "12" }];
  assert.deepEqual(config.definitions, [
    { name: "the configuration", realms: [{ uri: "com.example.c" }] },
    { name: json, realms: [realm] },
    { name: template, realms: [{ uri: "com.example.b", users }] },
  ]);
  assert.deepEqual(files.problems("security: { file: sec.json.template }"), [
    "sec.json.template:1:63 0.users.0.password: the environment variable SECRET is not set",
  ]);
});

test("the open realm is there where no realm is defined, or where it is asked for", () => {
  const defined = "realms: [{ uri: com.example.a }]\n";
  const asked = (uri: string) => ({ overrides: { realm: { value: uri, from: "--realm" } } });
  assert.equal(files.config("").openRealm, "realm1");
  assert.equal(files.config("", asked("realm2")).openRealm, "realm2");
  assert.equal(files.config(defined).openRealm, null);
  assert.equal(files.config("realms: []").openRealm, null);
  assert.equal(files.config(defined, asked("realm2")).openRealm, "realm2");
  assert.equal(files.config(defined, asked("com.example.A")).openRealm, null);
  const sources = (config: Config): unknown => {
    const [{ realms } = { realms: [] }] = toRouterOptions(config).security.definitions.slice(-1);
    return (realms as { sources: { cidr: string }[] }[])[0]!.sources.map(({ cidr }) => cidr);
  };
  assert.deepEqual(sources(files.config("")), ["127.0.0.0/8", "::1/128"]);
  const anybody = { overrides: { allowAnonymous: { value: true, from: "--allow-anonymous" } } };
  assert.deepEqual(sources(files.config("", anybody)), ["0.0.0.0/0", "::/0"]);
  // What an earlier start said of it is taken back by the empty list.
  assert.deepEqual(toRouterOptions(files.config(defined)).security.definitions.at(-1), {
    name: "the open realm",
    realms: [],
  });
});

test("every limit has an option of its own, with its default said", () => {
  const schema = configJsonSchema() as {
    properties: { limits: { properties: Record<string, { description: string; type: string }> } };
  };
  const { properties } = schema.properties.limits;
  assert.deepEqual(Object.keys(properties), Object.keys(defaultLimits));
  for (const [name, value] of Object.entries(defaultLimits)) {
    assert.equal(properties[name]!.type, "integer");
    assert.match(properties[name]!.description, new RegExp(`default ${value}\\.`));
    assert.deepEqual(files.problems(`limits: { ${name}: ${value} }`), []);
  }
});

test("every option says what it is for", () => {
  interface Node {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, Node>>;
    readonly [keyword: string]: unknown;
  }
  const silent: string[] = [];
  let seen = 0;
  const walk = (node: Node, path: string): void => {
    for (const [name, inner] of Object.entries(node.properties ?? {})) {
      seen++;
      const section = inner.properties !== undefined;
      if (inner.description === undefined && !section) silent.push(`${path}.${name}`);
    }
    for (const [key, value] of Object.entries(node))
      if (key !== "default" && typeof value === "object" && value !== null)
        walk(value as Node, `${path}.${key}`);
  };
  walk(configJsonSchema() as Node, "");
  assert.deepEqual(silent, []);
  assert.ok(seen > 100, `saw ${seen} options`);
});

/** The options of a realm are those that the router has: the compiler says where they differ. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const sameOptions: Same<
  keyof NonNullable<ReturnType<(typeof realmOptionsSchema)["parse"]>>,
  keyof Omit<RealmOptions, "uri">
> = true;

test("the options of a realm are the router's", () => assert.ok(sameOptions));
