/** What the wire bench compares: the routers (rows) and the loads put on them (scenarios). Data only. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type RuntimeName, root, runtimePath, runtimes } from "./child.ts";

export interface Row {
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly command: (ports: { readonly websocket: number; readonly rawsocket: number }) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** One load on one row. `key` is what tables and figures call it. */
export interface Load {
  readonly key: string;
  readonly row: string;
  readonly args: readonly string[];
}

export type Metric =
  | "router_cpu_us_per_call"
  | "router_cpu_us_per_event"
  | "router_cpu_us_per_publish"
  | "p50_us";

export interface Scenario {
  readonly name: string;
  readonly metric: Metric;
  readonly loads: readonly Load[];
  /** Pairs of keys: the first one's metric over the second one's. */
  readonly ratios: readonly (readonly [string, string])[];
  /** Latencies are bimodal on small virtual machines and get more rounds. */
  readonly isLatency: boolean;
}

const cli = resolve(root, "build/src/cli/spanwire.js");
export const routerIsBuilt = (): boolean => existsSync(cli);

const control = (runtime: RuntimeName): Row => ({
  name: `control ${runtime}`,
  runtime,
  command: (ports) => [
    runtimePath(runtime),
    resolve(root, `build/bench/control-${runtime === "bun" ? "bun" : "uws"}.js`),
    String(ports.websocket),
  ],
  env: {},
});

const spanwire = (runtime: RuntimeName, transport?: "ws"): Row => ({
  name: `spanwire ${runtime}${transport === undefined ? "" : ` ${transport}`}`,
  runtime,
  command: (ports) => [
    runtimePath(runtime),
    cli,
    "start",
    "--ephemeral",
    ...[
      "--host",
      "127.0.0.1",
      "--port",
      String(ports.websocket),
      "--rawsocket-port",
      String(ports.rawsocket),
    ],
    ...["--realm", "realm1", "--log-level", "error"],
  ],
  env: transport === undefined ? {} : { SPANWIRE_TRANSPORT: transport },
});

export const rows = (): readonly Row[] => [
  ...runtimes().map(control),
  ...runtimes().map((runtime) => spanwire(runtime)),
  spanwire("node", "ws"),
];

const both = (args: readonly string[]): Pick<Scenario, "loads" | "ratios"> => ({
  loads: [...rows()].map((row) => ({ key: row.name, row: row.name, args })),
  ratios: [
    ...runtimes().map((runtime) => [`spanwire ${runtime}`, `control ${runtime}`] as const),
    ["spanwire node ws", "spanwire node"],
  ],
});

const rpc = ["rpc", "--callers", "16", "--window", "64"];
const fanout = (subscribers: number): readonly string[] => [
  ...["fanout", "--subscribers", String(subscribers), "--window", "16"],
];

/** JSON against MessagePack and CBOR, on each runtime, at two payload sizes. */
const formats = (): Scenario => {
  const sizes = [100, 1000];
  const key = (runtime: RuntimeName, format: string, bytes: number): string =>
    `spanwire ${runtime} ${format} ${bytes} B`;
  const cases = runtimes().flatMap((runtime) => sizes.map((bytes) => ({ runtime, bytes })));
  return {
    name: "formats",
    metric: "router_cpu_us_per_call",
    isLatency: false,
    loads: cases.flatMap(({ runtime, bytes }) =>
      ["msgpack", "json", "cbor"].map((format) => ({
        key: key(runtime, format, bytes),
        row: `spanwire ${runtime}`,
        args: [...rpc, "--format", format, "--bytes", String(bytes)],
      })),
    ),
    ratios: cases.flatMap(({ runtime, bytes }) =>
      ["json", "cbor"].map(
        (format) => [key(runtime, format, bytes), key(runtime, "msgpack", bytes)] as const,
      ),
    ),
  };
};

/** Two matching wildcard subscriptions among many, beside the same two receivers of an exact topic. */
const wild = (patterns: number): Scenario => {
  const exact = ["fanout", "--subscribers", "2", "--window", "256"];
  const wildcard = ["wild", "--subscribers", "50", "--patterns", String(patterns), "--window", "256"];
  return {
    name: `wild ${patterns}`,
    metric: "router_cpu_us_per_publish",
    isLatency: false,
    loads: runtimes().flatMap((runtime) => [
      { key: `spanwire ${runtime} exact`, row: `spanwire ${runtime}`, args: exact },
      { key: `spanwire ${runtime} wildcard`, row: `spanwire ${runtime}`, args: wildcard },
    ]),
    ratios: runtimes().map(
      (runtime) => [`spanwire ${runtime} wildcard`, `spanwire ${runtime} exact`] as const,
    ),
  };
};

const rawsocket = (): Scenario => ({
  name: "rawsocket rpc 16x64",
  metric: "router_cpu_us_per_call",
  isLatency: false,
  loads: runtimes().flatMap((runtime) => [
    { key: `spanwire ${runtime} websocket`, row: `spanwire ${runtime}`, args: rpc },
    {
      key: `spanwire ${runtime} rawsocket`,
      row: `spanwire ${runtime}`,
      args: [...rpc, "--transport", "rawsocket"],
    },
  ]),
  ratios: runtimes().map(
    (runtime) => [`spanwire ${runtime} rawsocket`, `spanwire ${runtime} websocket`] as const,
  ),
});

/** The scenarios that the limits speak of; `more` adds those that only inform. */
export const scenarios = (options: { readonly more: boolean }): readonly Scenario[] => [
  { name: "rpc 16x64", metric: "router_cpu_us_per_call", isLatency: false, ...both(rpc) },
  { name: "fanout 10", metric: "router_cpu_us_per_event", isLatency: false, ...both(fanout(10)) },
  { name: "fanout 1000", metric: "router_cpu_us_per_event", isLatency: false, ...both(fanout(1000)) },
  {
    name: "single call p50",
    metric: "p50_us",
    isLatency: true,
    ...both(["rpc", "--callers", "1", "--window", "1", "--spin"]),
  },
  formats(),
  ...(options.more ? [wild(10_000), rawsocket()] : []),
];
