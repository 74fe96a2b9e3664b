/** What the wire bench compares: the routers (rows) and the loads put on them (scenarios). Data only. */
import { type RuntimeName, runtimes } from "./child.ts";
import { control, type Row, spanwire } from "./rows.ts";

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
  /** The generator spins, so that it is always busy. */
  readonly isLatency: boolean;
}

export const rows = (): readonly Row[] => [
  ...runtimes().map((runtime) => control(runtime)),
  ...runtimes().map((runtime) => spanwire(runtime)),
  spanwire("node", { transport: "ws" }),
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
