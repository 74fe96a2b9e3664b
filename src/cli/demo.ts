/**
 * `npm run demo`: starts the real router and lets two clients that others wrote talk through it, one in JSON and one in
 * CBOR. Prints what was expected and what came, line by line; exits 0 only if every answer was right.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { type DemoClient, type DemoClients, loadDemoClients } from "./demo-clients.ts";

const realm = "realm1";
const fanOut = 50;
/** For everything; the demo takes about a second. */
const timeout_ms = 30_000;

class Report {
  failures = 0;
  current = "starting";

  heading(text: string): void {
    this.current = text;
    process.stdout.write(`\n${text}\n`);
  }

  /** One line: what happens, what must come out, and what did if it is something else. */
  check(what: string, actual: unknown, expected: unknown): void {
    const right = isDeepStrictEqual(actual, expected);
    if (!right) this.failures++;
    const came = right ? "" : `   but it was ${show(actual)}`;
    process.stdout.write(`  ${right ? "✓" : "✗"} ${what.padEnd(58)} ${show(expected)}${came}\n`);
  }
}

const show = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");

/** Everything received up to the event that says "last": what must not come would come before it. */
class Received<T> {
  readonly #values: T[] = [];
  #lastMissing: number;
  #complete: () => void = () => {};
  readonly #done = new Promise<void>((resolve) => {
    this.#complete = resolve;
  });
  constructor(subscribers = 1) {
    this.#lastMissing = subscribers;
  }
  add(value: T, args: readonly unknown[]): void {
    if (args[0] !== last) this.#values.push(value);
    else if (--this.#lastMissing === 0) this.#complete();
  }
  async all(): Promise<T[]> {
    await this.#done;
    return this.#values;
  }
}

const last = "that was all";

interface Demo {
  readonly report: Report;
  readonly clients: DemoClients;
  readonly url: string;
  readonly json: DemoClient;
  readonly cbor: DemoClient;
}

async function showCalls({ report, json, cbor }: Demo): Promise<void> {
  report.heading("Calls, from one serializer to the other");
  await cbor.register("com.example.add", ([a, b]) => Number(a) + Number(b));
  await json.register("com.example.greet", ([name]) => `Grüß dich, ${String(name)}`);
  await cbor.register("com.example.fail", () => {
    throw new Error("com.example.error.out_of_order");
  });
  const failure = await json.call("com.example.fail", []).catch((error: Error) => error.message);
  report.check(`${json.name} calls add(2, 3) of ${cbor.name}`, await json.call("com.example.add", [2, 3]), 5);
  report.check(
    `${cbor.name} calls greet("Ada") of ${json.name}`,
    await cbor.call("com.example.greet", ["Ada"]),
    "Grüß dich, Ada",
  );
  report.check(`${json.name} calls a procedure that fails`, failure, "com.example.error.out_of_order");
}

async function showSharedRegistration({ report, json, cbor }: Demo): Promise<void> {
  report.heading("One procedure registered by two callees, round robin");
  await json.register("com.example.who", () => json.name, { invoke: "roundrobin" });
  await cbor.register("com.example.who", () => cbor.name, { invoke: "roundrobin" });
  const answers: unknown[] = [];
  for (let i = 0; i < 10; i++) answers.push(await json.call("com.example.who", []));
  for (const callee of [json, cbor]) {
    const count = answers.filter((answer) => answer === callee.name).length;
    report.check(`of 10 calls, ${callee.name} answers`, count, 5);
  }
}

async function showSubscriptions({ report, json, cbor }: Demo): Promise<void> {
  report.heading("Subscriptions: which of four topics each receives");
  const topics = ["com.shop.sold", "com.shop.sold.book", "com.shop.soldout", "com.market.sold"];
  const patterns = [
    { match: "exact", pattern: "com.shop.sold", expected: [topics[0]] },
    { match: "prefix", pattern: "com.shop.sold", expected: [topics[0], topics[1], topics[2]] },
    { match: "wildcard", pattern: "com..sold", expected: [topics[0], topics[3]] },
  ];
  // Each client publishes what the other receives.
  for (const [publisher, subscriber] of [
    [json, cbor],
    [cbor, json],
  ] as const) {
    const received = patterns.map(() => new Received<string>());
    for (const [index, { match, pattern }] of patterns.entries()) {
      await subscriber.subscribe(pattern, (topic, args) => received[index]!.add(topic, args), { match });
    }
    for (const topic of topics) await publisher.publish(topic, ["news"]);
    await publisher.publish(topics[0]!, [last]);
    for (const [index, { match, pattern, expected }] of patterns.entries()) {
      report.check(`${subscriber.name}, ${match} ${pattern}`, await received[index]!.all(), expected);
    }
  }
}

async function showFanOut({ report, clients, url, json }: Demo): Promise<void> {
  report.heading(`One event for ${fanOut} subscribers, every other one in CBOR`);
  const topic = "com.example.news";
  const sessions: DemoClient[] = [];
  const news = ["hello", 42, { über: [true, null] }];
  const received = new Received<{ subscriber: number; args: readonly unknown[] }>(fanOut);
  for (let i = 0; i < fanOut; i++) {
    const session = await (i % 2 === 0 ? clients.autobahn(url, realm) : clients.wampy(url, realm));
    sessions.push(session);
    await session.subscribe(topic, (_topic, args) => received.add({ subscriber: i, args }, args));
  }
  await json.publish(topic, news);
  await json.publish(topic, [last]);
  const events = await received.all();
  report.check("events received", events.length, fanOut);
  const unchanged = events.filter(({ args }) => isDeepStrictEqual(args, news));
  report.check(
    "subscribers that received it unchanged",
    new Set(unchanged.map((one) => one.subscriber)).size,
    fanOut,
  );
  await Promise.all(sessions.map((session) => session.close()));
}

/** Starts the command itself, as a user would, and resolves with where it listens. */
function startRouter(): { child: ChildProcess; url: Promise<string>; exited: Promise<number | null> } {
  const command = fileURLToPath(new URL("./spanwire.js", import.meta.url));
  const args = [
    command,
    "start",
    "--ephemeral",
    "--port",
    "0",
    "--rawsocket-port",
    "0",
    "--realm",
    realm,
    "--log-level",
    "warn",
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  // However the demo ends, it leaves no router behind.
  process.once("exit", () => child.kill("SIGKILL"));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const url = new Promise<string>((resolve, reject) => {
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      const found = /(ws:\/\/\S+)\s/.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    void exited.then((code) => reject(new Error(`the router exited with ${code}; it printed: ${printed}`)));
  });
  return { child, url, exited };
}

async function run(clients: DemoClients, report: Report): Promise<void> {
  const router = startRouter();
  const timer = setTimeout(() => {
    process.stdout.write(`\n✗ Not finished after ${timeout_ms / 1000} s, at: ${report.current}\n`);
    router.child.kill("SIGKILL");
    process.exit(1);
  }, timeout_ms);
  try {
    const url = await router.url;
    const runtime =
      process.versions.bun === undefined ? `Node ${process.version}` : `Bun ${process.versions.bun}`;
    process.stdout.write(`Spanwire on ${runtime}, ${url}, realm ${realm}\n`);
    process.stdout.write(
      `Clients: autobahn ${clients.autobahnVersion} in JSON, wampy ${clients.wampyVersion} in CBOR\n`,
    );
    const [json, cbor] = [await clients.autobahn(url, realm), await clients.wampy(url, realm)];
    const demo = { report, clients, url, json, cbor };
    await showCalls(demo);
    await showSharedRegistration(demo);
    await showSubscriptions(demo);
    await showFanOut(demo);
    report.heading("The end");
    await Promise.all([json.close(), cbor.close()]);
    router.child.kill("SIGINT");
    report.check("the router, after Ctrl-C, exits with", await router.exited, 0);
  } finally {
    clearTimeout(timer);
  }
}

async function main(): Promise<number> {
  let clients: DemoClients;
  try {
    clients = await loadDemoClients();
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    process.stderr.write(
      `The demo needs the clients autobahn and wampy; run "npm install" first. (${why})\n`,
    );
    return 1;
  }
  const report = new Report();
  try {
    await run(clients, report);
  } catch (error) {
    process.stdout.write(
      `\n✗ ${report.current}: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return 1;
  }
  process.stdout.write(
    report.failures === 0 ? "\nEvery answer was right.\n" : `\n${report.failures} answers were wrong.\n`,
  );
  return report.failures === 0 ? 0 : 1;
}

// The foreign clients keep timers of their own; there is nothing left to wait for.
process.exit(await main());
