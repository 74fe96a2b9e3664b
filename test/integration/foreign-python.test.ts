// Debian's autobahn-python through the real command, alone and with clients of other languages. Skipped where it is not
// installed; `.ci/run` installs it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import test, { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type ForeignClient,
  ForeignError,
  type ForeignKind,
  type Payload,
  payload,
  serializerNames,
} from "../support/foreign.ts";
import { spanwireKind } from "../support/foreign-spanwire.ts";
import { wampyKind } from "../support/foreign-wampy.ts";
import { type RunningRouter, startRouter } from "../support/router.ts";

const python = "/usr/bin/python3";
/** Longer than the script gives itself for all of its own checks. */
const line_ms = 90_000;
/** The compiled tests lie in build/test, the script only in the sources. */
const script = ["../support/python-client.py", "../../../test/support/python-client.py"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

/** The serializers that the installed autobahn-python has, or why there are none. */
function pythonSerializers(): { readonly names: readonly string[]; readonly problem?: string } {
  const program = "from autobahn.wamp.serializer import SERID_TO_SER; print(*SERID_TO_SER)";
  // From the root folder: Python takes a folder named autobahn where it starts for the package.
  const { status, stdout } = spawnSync(python, ["-c", program], { encoding: "utf8", cwd: "/" });
  if (status !== 0)
    return {
      names: [],
      problem: `${python} cannot import autobahn (Debian: apt-get install python3-autobahn)`,
    };
  return { names: stdout.trim().split(/\s+/) };
}

const installed = pythonSerializers();

/** A running script and the lines that it prints. */
/** What the library logs when a connection that it closes is not closed within its second: it says how busy the machine is. */
const impatience = "dropping connection to peer";

class Script {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #ended = false;
  #wake: () => void = () => {};

  constructor(args: readonly string[]) {
    this.#child = spawn(python, [script!, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
    let rest = "";
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        this.#lines.push(...lines.filter((line) => !line.startsWith(impatience)));
        this.#wake();
      });
    }
    this.#child.once("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** All lines up to this one. */
  async until(line: string): Promise<string[]> {
    const timer = setTimeout(() => this.kill(), line_ms);
    while (!this.#lines.includes(line)) {
      assert.ok(!this.#ended, `the script ended before it printed "${line}":\n${this.#lines.join("\n")}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    return this.#lines.splice(0, this.#lines.indexOf(line) + 1);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

let router: RunningRouter;
const skip =
  installed.problem ?? (script === undefined ? "python-client.py is not beside the sources" : false);

before(async () => {
  if (skip === false) router = await startRouter();
});
after(async () => {
  if (skip === false) assert.equal(await router.stop(), 0);
});

async function serve(
  kind: ForeignKind,
  serializer: (typeof serializerNames)[number],
): Promise<ForeignClient> {
  const client = await kind.connect({ url: router.url, realm: router.realm, serializer });
  await client.register("com.example.js.echo", (given) => given);
  await client.register("com.example.js.fail", () => {
    throw new ForeignError("com.example.error.js", payload([1]));
  });
  return client;
}

const sentences = [
  "calls with args and kwargs",
  "errors of a callee",
  "progressive results",
  "shared registration round robin",
  "pattern based registration",
  "exact prefix and wildcard subscriptions",
  "exclude me false",
  "meta api and testaments",
  "calls a client of another language",
];

/** What the script is told to speak, and the subprotocol that the router then chooses. */
const spoken = [
  ...serializerNames.map((name) => ({ name, subprotocol: `wamp.2.${name}`, batched: false, rows: "" })),
  ...serializerNames.map((name) => ({
    name: `${name}.batched`,
    subprotocol: `wamp.2.${name}.batched`,
    batched: true,
    rows: "T-03 ",
  })),
  // Left to itself it offers its batched CBOR first.
  { name: "default", subprotocol: "wamp.2.cbor.batched", batched: true, rows: "T-03 " },
];

for (const { name: serializer, subprotocol, batched, rows } of spoken) {
  const format = subprotocol.split(".")[2]!;
  const absent = installed.names.includes(format) ? false : `this autobahn-python has no ${format}`;
  for (const [transport, kind, ours] of [
    ["WebSocket", wampyKind, "cbor"],
    ["WebSocket", spanwireKind, "msgpack"],
    ["RawSocket", wampyKind, "json"],
  ] as const) {
    // RawSocket has no batches, and one client of another language is enough to see that they change nothing for others.
    if (batched && kind === wampyKind) continue;
    const proven = "B-12 B-13 R-01 R-04 R-07 R-08 P-02 P-05";
    const name = `autobahn-python in ${serializer} over ${transport}: [${rows}${proven}] autobahn-python and ${kind.name} in ${ours}`;
    test(name, { timeout: 120_000, skip: skip === false ? absent : skip }, async (t) => {
      const client = await serve(kind, ours);
      const url = transport === "WebSocket" ? router.url : router.rawsocketUrl.replace("tcp:", "rs:");
      const running = new Script([url, router.realm, serializer]);
      t.after(async () => {
        running.kill();
        await client.close();
      });
      const lines = await running.until("ready");
      const first = transport === "WebSocket" ? [`subprotocol ${subprotocol}`] : [];
      assert.deepEqual(lines, [...first, ...sentences.map((sentence) => `ok ${sentence}`), "ready"]);
      await talk(client);
      const sleeping = client.call("com.example.py.sleep");
      // A procedure that is interrupted before its first line never answers, in that autobahn.
      await running.until("sleeping");
      sleeping.cancel("kill");
      await assert.rejects(sleeping.result, (error: unknown) => {
        assert.ok(error instanceof ForeignError);
        assert.equal(error.uri, "wamp.error.canceled");
        return true;
      });
      await running.until("interrupted");
      await client.call("com.example.py.stop").result;
      await running.until("end");
    });
  }
}

/** What another client asks of the script. */
async function talk(client: ForeignClient): Promise<void> {
  const given = payload([1, -5, 1.5, "ü", null, [true]], { k: { a: 2 ** 40 } });
  assert.deepEqual(await client.call("com.example.py.echo", given).result, given);
  await assert.rejects(client.call("com.example.py.fail").result, (error: unknown) => {
    assert.ok(error instanceof ForeignError);
    assert.equal(error.uri, "com.example.error.py");
    assert.deepEqual(error.payload, payload([1], { detail: 2 }));
    return true;
  });
  const relayed = new Promise<Payload>((resolve) => {
    void client
      .subscribe("com.example.py.relayed", resolve)
      .then(() => client.publish("com.example.js.news", given));
  });
  assert.deepEqual(await relayed, given);
}
