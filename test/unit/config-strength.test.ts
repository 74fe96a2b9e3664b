// Defaults, file, environment, flags: what is later in this list is stronger. Option by option.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { addConfigOptions, configOf } from "../../src/cli/options.ts";
import type { Config } from "../../src/config/config.ts";
import { formatProblem } from "../../src/config/problems.ts";
import { ConfigFiles } from "../support/config-files.ts";

const files = new ConfigFiles();

/** Reads a command line as the command does. commander reads variables from the process. */
function parse(args: readonly string[], environment: Readonly<Record<string, string>>): Command {
  const before = { ...process.env };
  Object.assign(process.env, environment);
  try {
    const command = addConfigOptions(new Command("test")).exitOverride();
    return command.parse([...args], { from: "user" });
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

function load(
  text: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
) {
  const file = files.write("spanwire.yaml", text);
  return configOf(parse(["--config", file, ...args], environment), () => [], environment);
}

function config(...given: Parameters<typeof load>): Config {
  const loaded = load(...given);
  if (loaded.problems !== undefined) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return loaded.config;
}

const problems = (...given: Parameters<typeof load>): string[] =>
  (load(...given).problems ?? []).map(formatProblem);

interface Strength {
  readonly option: string;
  readonly read: (config: Config) => unknown;
  readonly byDefault: unknown;
  readonly file: readonly [text: string, value: unknown];
  readonly environment: readonly [name: string, text: string, value: unknown];
  readonly flag: readonly [args: readonly string[], value: unknown];
}

const unixListener = "listeners: [{ kind: websocket }, { kind: rawsocket, unix: /tmp/file.sock }]";
const unixOf = ({ listeners }: Config): unknown =>
  listeners.flatMap((one) => (one.kind === "rawsocket" && one.unix !== undefined ? [one.unix] : []))[0];
const secrets = Object.fromEntries(
  ["file", "variable", "flag"].map((name) => [
    name,
    files.write(`${name}.txt`, `password of the ${name}\nmore\n`),
  ]),
);

const cases: readonly Strength[] = [
  {
    option: "--host",
    read: ({ listeners }) => listeners.map(({ host }) => host),
    byDefault: ["127.0.0.1", "127.0.0.1"],
    file: [
      "listeners: [{ kind: websocket, host: 127.0.0.2 }, { kind: rawsocket }]",
      ["127.0.0.2", "127.0.0.1"],
    ],
    environment: ["SPANWIRE_HOST", "127.0.0.3", ["127.0.0.3", "127.0.0.3"]],
    flag: [
      ["--host", "127.0.0.4"],
      ["127.0.0.4", "127.0.0.4"],
    ],
  },
  {
    option: "--port",
    read: ({ listeners }) => listeners[0]!.port,
    byDefault: 18_080,
    file: ["listeners: [{ kind: universal, port: 1 }]", 1],
    environment: ["SPANWIRE_PORT", "2", 2],
    flag: [["--port", "3"], 3],
  },
  {
    option: "--rawsocket-port",
    read: ({ listeners }) => listeners[1]!.port,
    byDefault: 18_082,
    file: ["listeners: [{ kind: websocket }, { kind: rawsocket, port: 1 }]", 1],
    environment: ["SPANWIRE_RAWSOCKET_PORT", "2", 2],
    flag: [["--rawsocket-port", "3"], 3],
  },
  {
    option: "--unix",
    read: unixOf,
    byDefault: undefined,
    file: [unixListener, "/tmp/file.sock"],
    environment: ["SPANWIRE_UNIX", "/tmp/variable.sock", "/tmp/variable.sock"],
    flag: [["--unix", "/tmp/flag.sock"], "/tmp/flag.sock"],
  },
  {
    option: "--realm",
    read: ({ openRealm }) => openRealm,
    byDefault: "realm1",
    file: ["realms: [{ uri: com.example.a }]", null],
    environment: ["SPANWIRE_REALM", "com.example.variable", "com.example.variable"],
    flag: [["--realm", "com.example.flag"], "com.example.flag"],
  },
  {
    option: "--max-frame",
    read: ({ limits }) => limits.frameBytes_max,
    byDefault: undefined,
    file: ["limits: { frameBytes_max: 1024 }", 1_024],
    environment: ["SPANWIRE_MAX_FRAME", "2048", 2_048],
    flag: [["--max-frame", "4096"], 4_096],
  },
  {
    option: "--workers",
    read: ({ workers }) => workers,
    byDefault: 1,
    file: ["workers: auto", "auto"],
    environment: ["SPANWIRE_WORKERS", "2", 2],
    flag: [["--workers", "auto"], "auto"],
  },
  {
    option: "--log-level",
    read: ({ logLevel }) => logLevel,
    byDefault: "info",
    file: ["log: { level: warn }", "warn"],
    environment: ["SPANWIRE_LOG_LEVEL", "error", "error"],
    flag: [["--log-level", "debug"], "debug"],
  },
  {
    option: "--transport",
    read: ({ listeners }) => listeners.flatMap((one) => (one.kind === "websocket" ? [one.transport] : [])),
    byDefault: [undefined],
    file: ["listeners: [{ kind: websocket, transport: ws }]", ["ws"]],
    environment: ["SPANWIRE_TRANSPORT", "bun", ["bun"]],
    flag: [["--transport", "uws"], ["uws"]],
  },
  {
    option: "--data",
    read: ({ data }) => data,
    byDefault: "spanwire-data",
    file: ["store: { path: /file }", "/file"],
    environment: ["SPANWIRE_DATA", "variable", "variable"],
    flag: [["--data", "flag"], "flag"],
  },
  {
    option: "--admin-password-file",
    read: ({ administrator }) => administrator.password,
    byDefault: undefined,
    file: ["security: { administrator: { passwordFile: file.txt } }", "password of the file"],
    environment: ["SPANWIRE_ADMIN_PASSWORD_FILE", secrets["variable"]!, "password of the variable"],
    flag: [["--admin-password-file", secrets["flag"]!], "password of the flag"],
  },
];

for (const { option, read, byDefault, file, environment, flag } of cases)
  test(`${option}: the flag beats the variable, the variable the file, the file the default`, () => {
    const [text, inFile] = file;
    const [name, given, inEnvironment] = environment;
    const [args, inFlag] = flag;
    assert.deepEqual(read(config("")), byDefault);
    assert.deepEqual(read(config(text)), inFile);
    assert.deepEqual(read(config(text, [], { [name]: given })), inEnvironment);
    assert.deepEqual(read(config(text, args, { [name]: given })), inFlag);
    assert.deepEqual(read(config("", args)), inFlag);
  });

test("--allow-anonymous: the flag says yes; the variable says yes or no, over the file", () => {
  const given = ({ listeners }: Config): boolean => listeners.every(({ allowAnonymous }) => allowAnonymous);
  const yes = "listeners: [{ kind: websocket, allowAnonymous: true }]";
  assert.equal(given(config("")), false);
  assert.equal(given(config(yes)), true);
  assert.equal(given(config(yes, [], { SPANWIRE_ALLOW_ANONYMOUS: "false" })), false);
  assert.equal(given(config("", [], { SPANWIRE_ALLOW_ANONYMOUS: "1" })), true);
  assert.equal(given(config("", ["--allow-anonymous"], { SPANWIRE_ALLOW_ANONYMOUS: "0" })), true);
  assert.deepEqual(problems("", [], { SPANWIRE_ALLOW_ANONYMOUS: "perhaps" }), [
    "SPANWIRE_ALLOW_ANONYMOUS: expected true or false",
  ]);
});

test("--ephemeral and --data: a flag beats a variable, and both beat the file", () => {
  const dataOf = (...given: Parameters<typeof load>): string | null => config(...given).data;
  assert.equal(dataOf("store: ephemeral"), null);
  assert.equal(dataOf("store: ephemeral", [], { SPANWIRE_DATA: "here" }), "here");
  assert.equal(dataOf("store: { path: there }", ["--ephemeral"], { SPANWIRE_DATA: "here" }), null);
  assert.equal(dataOf("", ["--data", "here"], { SPANWIRE_EPHEMERAL: "yes" }), "here");
  assert.equal(dataOf("store: { path: /there }", [], { SPANWIRE_EPHEMERAL: "no" }), "/there");
  assert.deepEqual(problems("", ["--data", "here", "--ephemeral"]), [
    "--data: says that the state is kept, and --ephemeral that it is not; choose one",
  ]);
});

test("the administrator's password: a flag's file, the variable, the variable's file, the configured file", () => {
  const password = (...given: Parameters<typeof load>): string | undefined =>
    config(...given).administrator.password;
  const text = "security: { administrator: { passwordFile: file.txt } }";
  const variable = { SPANWIRE_ADMIN_PASSWORD: "said" };
  assert.equal(password(text, [], variable), "said");
  assert.equal(password(text, ["--admin-password-file", secrets["flag"]!], variable), "password of the flag");
  assert.equal(password("", [], { ...variable, SPANWIRE_ADMIN_PASSWORD_FILE: secrets["variable"]! }), "said");
});

test("flags add the listeners that a file does not have", () => {
  const only = "listeners: [{ kind: rawsocket, unix: /tmp/a.sock }]";
  const { listeners } = config(only, ["--port", "0", "--rawsocket-port", "0"]);
  assert.deepEqual(
    listeners.map(({ kind, port }) => [kind, port]),
    [
      ["rawsocket", undefined],
      ["websocket", 0],
      ["rawsocket", 0],
    ],
  );
});

test("a problem that a flag or a variable brings is said of it", () => {
  assert.deepEqual(problems("", ["--rawsocket-port", "18080"]), [
    "--rawsocket-port: listeners.0 has the same port already",
  ]);
  assert.match(problems("", [], { SPANWIRE_HOST: "0.0.0.0" })[0]!, /^SPANWIRE_HOST: 0\.0\.0\.0 is reachable/);
  assert.deepEqual(problems("limits: { queuedBytesPerRegistration_max: 1024 }", ["--max-frame", "1024"]), []);
});

test("the README has every flag with its variable, and an example that is right but for its files", () => {
  const readme = readFileSync(fileURLToPath(new URL("../../../README.md", import.meta.url)), "utf8");
  for (const { long, envVar, description } of addConfigOptions(new Command("test")).options) {
    const variable = envVar ?? /env: (\w+)/.exec(description)![1];
    assert.ok(readme.includes(`| \`${long}\` | \`${variable}\` |`), `${long} with ${variable}`);
  }
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(readme)!;
  assert.deepEqual(files.problems(example!), [
    "spanwire.yaml:5:22 listeners.0.tls.certFile: cert.pem: there is no such file",
    "spanwire.yaml:5:41 listeners.0.tls.keyFile: key.pem: there is no such file",
    "spanwire.yaml:8:9 security.file: security_config.json: there is no such file",
  ]);
});
