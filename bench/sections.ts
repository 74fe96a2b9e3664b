/** What the report measures under load: data only. Sections about sessions themselves are in `session-sections.ts`. */
import type { Point, Section } from "./report-run.ts";
import type { Column } from "./report-types.ts";
import { median } from "./stats.ts";

/** How much of everything a run measures. */
export interface Extent {
  readonly isQuick: boolean;
  /** Windows of each row at each point; sections that only inform take fewer. */
  readonly rounds: number;
  /** The same of latencies at a share of the capacity, which take longer windows. */
  readonly latencyRounds: number;
}

const cpuOf = (kind: string): Column => ({ key: `router_cpu_us_per_${kind}`, title: `CPU µs/${kind}` });
const perCpu = (kind: string): Column => ({ key: "per_cpu_s", title: `${kind} per CPU second` });
const rate = (kinds: string): Column => ({ key: `${kinds}_per_s`, title: `${kinds}/s` });
const busy: readonly Column[] = [
  { key: "router_cpu_share", title: "server busy" },
  { key: "own_cpu_share", title: "load busy" },
];

const point = (name: string | number, args: readonly string[]): Point => ({ name: String(name), args });
/** One window, but a longer one. */
const heavy = (is: boolean, one: Point): Point => (is ? { ...one, isHeavy: true, window_s: 1 } : one);

const ours = [
  "spanwire node",
  "spanwire bun",
  "spanwire node ws",
  "spanwire node grants",
  "spanwire bun grants",
];
const controls = ["control node", "control bun", "control ws"];
const natives = ["control node native", "control bun native"];
const wampPeers = ["fox-wamp", "nexus", "crossbar"];
const brokers = ["nats-server", "mosquitto"];

/** Spanwire over its own control rows, and peers over Spanwire: on CPU time, so the second kind says how many times cheaper. */
const toControls: readonly (readonly [string, string])[] = [
  ["spanwire node", "control node"],
  ["spanwire bun", "control bun"],
  ["spanwire node ws", "control ws"],
  ["spanwire node grants", "control node"],
  ["spanwire bun grants", "control bun"],
];
const toNatives: readonly (readonly [string, string])[] = [
  ["spanwire node", "control node native"],
  ["spanwire bun", "control bun native"],
];
const overSpanwire = (peers: readonly string[]): readonly (readonly [string, string])[] =>
  peers.flatMap((peer) => [[peer, "spanwire node"] as const, [peer, "spanwire bun"] as const]);

/** Beyond this much work a peer that looks at each pattern or opens sessions slowly would hold up the whole run. */
const bounded =
  (most: Readonly<Record<string, number>>, why: string) =>
  (row: string, at: string): string | undefined =>
    Number(at) > (most[row] ?? Number.POSITIVE_INFINITY) ? why : undefined;

const fanout = ({ isQuick, rounds }: Extent): Section => ({
  name: "fanout",
  title: "Fan-out: one publisher, many subscribers",
  about:
    "One topic, 100-byte payloads, 16 publishes in flight, each delivered to every subscriber. Deliveries per second of the server's CPU time is the figure to compare; the control rows with native topics leave the fan-out to the server's own publish.",
  pointTitle: "subscribers",
  chart: { kind: "lines", key: "per_cpu_s", title: "deliveries per CPU second", isLog: true },
  columns: [cpuOf("event"), perCpu("deliveries"), rate("events"), ...busy],
  metric: "router_cpu_us_per_event",
  rows: [...ours, ...controls, ...natives, ...brokers, ...wampPeers],
  points: (isQuick ? [1, 10, 1_000] : [1, 10, 100, 1_000, 10_000]).map((count) =>
    heavy(count >= 10_000, point(count, ["fanout", "--subscribers", String(count), "--window", "16"])),
  ),
  ratios: [...toControls, ...toNatives, ...overSpanwire([...brokers, ...wampPeers])],
  rounds,
  skip: bounded(
    { crossbar: 1_000, nexus: 1_000, "fox-wamp": 1_000 },
    "left out: its sessions open too slowly",
  ),
});

const wild = ({ isQuick, rounds }: Extent): Section => ({
  name: "wild",
  title: "Wildcard fan-in: many patterns, each publish matches two",
  about:
    "Wildcard subscriptions spread over 50 sessions, a different topic each time, two of the patterns match each. MQTT's and NATS's wildcards take the place of WAMP's.",
  pointTitle: "patterns",
  chart: { kind: "lines", key: "per_cpu_s", title: "deliveries per CPU second", isLog: true },
  columns: [cpuOf("publish"), perCpu("deliveries"), rate("publishes"), ...busy],
  metric: "router_cpu_us_per_publish",
  rows: ["spanwire node", "spanwire bun", ...brokers, ...wampPeers],
  points: (isQuick ? [1_000, 10_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000]).map((count) =>
    heavy(
      count >= 1_000_000,
      point(count, ["wild", "--subscribers", "50", "--patterns", String(count), "--window", "256"]),
    ),
  ),
  ratios: overSpanwire([...brokers, ...wampPeers]),
  rounds: Math.min(rounds, 4),
  skip: bounded(
    { crossbar: 1_000, nexus: 1_000, "fox-wamp": 10_000 },
    "left out: it takes too long with so many",
  ),
});

const inFlight = (callers: number, window: number): readonly string[] => [
  ...["rpc", "--callers", String(callers), "--window", String(window)],
  ...(callers * window === 1 ? ["--spin"] : []),
];

const rpc = ({ isQuick, rounds }: Extent): Section => ({
  name: "rpc",
  title: "Calls",
  about:
    "Callers with 1, 16 or 64 calls in flight each, one callee that gives back what it gets, 100-byte payloads. With one call in flight the generator spins, so that its own wake-ups are not measured.",
  pointTitle: "calls in flight",
  chart: { kind: "lines", key: "per_cpu_s", title: "calls per CPU second", isLog: true },
  columns: [
    cpuOf("call"),
    perCpu("calls"),
    rate("calls"),
    { key: "p50_us", title: "p50 µs" },
    { key: "p99_us", title: "p99 µs" },
    ...busy,
  ],
  metric: "router_cpu_us_per_call",
  rows: [...ours, ...controls, ...wampPeers],
  points: [
    point(1, inFlight(1, 1)),
    ...(isQuick ? [] : [point(16, inFlight(16, 1))]),
    point(256, inFlight(16, 16)),
    point(1024, inFlight(16, 64)),
  ],
  ratios: [...toControls, ...overSpanwire(wampPeers)],
  rounds,
});

/** The capacity of the same row in the windows until then, which the shares are of. */
export const capacityPoint = "capacity";

/** What is beyond p99.9 of a window must still be dozens of calls, and hold the server's own pauses as often as they come. */
const tailWindow = ({ isQuick }: Extent): { readonly window_s: number } => ({
  window_s: isQuick ? 0.4 : 1.5,
});

const latency = (extent: Extent): Section => ({
  name: "latency",
  title: "Latency of calls at a share of the capacity",
  about:
    "Capacity is measured first: 16 callers with 16 calls in flight each, in several short windows. Then calls go out at random times with a fixed mean rate (Poisson, the same schedule for every row), whatever the server does, and a call's latency counts from the time at which it was due: a server that falls behind cannot hide it. Percentiles are of windows of 1.5 seconds each, of which the median is told: the server's own pauses belong to them.",
  pointTitle: "",
  chart: { kind: "bars", key: "p999_us", title: "p99.9, µs from the time a call was due", isLog: true },
  columns: [
    { key: "p50_us", title: "p50 µs" },
    { key: "p99_us", title: "p99 µs" },
    { key: "p999_us", title: "p99.9 µs" },
    { key: "rate", title: "calls/s due" },
    rate("calls"),
    { key: "late_p99_us", title: "sent late, p99 µs" },
    { key: "refused_calls", title: "refused in a window, at most" },
    { key: "router_cpu_share", title: "server busy" },
  ],
  metric: "p999_us",
  rows: ["spanwire node", "spanwire bun", "spanwire node ws", ...controls, ...wampPeers],
  points: [
    point(capacityPoint, inFlight(16, 16)),
    ...[25, 50, 80].map((share) => ({
      ...point(`${share} %`, ["rpc", "--callers", "16", "--spin", "--rate", `${share}%`]),
      ...tailWindow(extent),
    })),
  ],
  ratios: [...toControls, ...overSpanwire(wampPeers)],
  rounds: extent.latencyRounds,
  argsNow: ({ args }, turn) => {
    const share = args.find((arg) => arg.endsWith("%"));
    if (share === undefined) return args;
    const rates = turn.earlier(capacityPoint).flatMap(({ calls_per_s }) => calls_per_s ?? []);
    if (rates.length === 0) throw new Error("its capacity was not measured");
    // Not the best of them: what is beyond the capacity of a disturbed minute would be refused.
    const capacity = median(rates);
    const calls_per_s = Math.round((capacity * Number.parseInt(share, 10)) / 100);
    return args.map((arg) => (arg === share ? String(calls_per_s) : arg));
  },
});

const serializers = ({ rounds }: Extent): Section => ({
  name: "serializers",
  title: "Serializers, alone and mixed",
  about:
    "Fan-out to 100 subscribers and calls, with all sessions on one serializer, and with a third of them on each: then payloads are transcoded, once for each event and serializer.",
  pointTitle: "",
  chart: { kind: "bars", key: "per_cpu_s", title: "deliveries or calls per CPU second", isLog: false },
  columns: [cpuOf("event"), cpuOf("call"), perCpu("operations"), ...busy],
  metric: "router_cpu_us_per_event",
  rows: ["spanwire node", "spanwire bun"],
  points: ["msgpack", "json", "cbor", "mixed"].flatMap((format) => [
    point(`fan-out ${format}`, ["fanout", "--subscribers", "100", "--window", "16", "--format", format]),
    point(`calls ${format}`, [...inFlight(16, 64), "--format", format]),
  ]),
  ratios: [],
  rounds: Math.min(rounds, 6),
});

/** Fewer publishes in flight where each is large: what is queued for one subscriber stays within every server's bound. */
const windowFor = (bytes: number): number => (bytes >= 500_000 ? 1 : bytes >= 50_000 ? 4 : 16);

const payloads = ({ isQuick, rounds }: Extent): Section => ({
  name: "payloads",
  title: "Payload sizes",
  about: "Fan-out to 10 subscribers; 16 publishes in flight, 4 from 64 kB on, 1 of 1 MB.",
  pointTitle: "bytes",
  chart: { kind: "lines", key: "per_cpu_s", title: "deliveries per CPU second", isLog: true },
  columns: [cpuOf("event"), perCpu("deliveries"), rate("events"), ...busy],
  metric: "router_cpu_us_per_event",
  rows: ["spanwire node", "spanwire bun", ...controls, ...brokers, ...wampPeers],
  points: (isQuick ? [16, 4_096, 1_000_000] : [16, 256, 4_096, 65_536, 1_000_000]).map((bytes) =>
    point(bytes, [
      ...["fanout", "--subscribers", "10", "--bytes", String(bytes)],
      ...["--window", String(windowFor(bytes))],
    ]),
  ),
  ratios: [...toControls, ...overSpanwire([...brokers, ...wampPeers])],
  rounds: Math.min(rounds, 4),
});

const twoWorkers = (runtime: string): readonly string[] =>
  ["", " prefer local"].map((suffix) => `spanwire ${runtime} 2 workers${suffix}`);

const workers = ({ rounds }: Extent): Section => ({
  name: "workers",
  title: "Two workers",
  about:
    "What two workers could do if each had a core: operations per second of the busiest thread's CPU time. The generator shares this machine's cores with them, so a rate would measure the machine. Connections fall at random onto the workers, anew in each window, as many as a service with workers has: 1,000 subscribers; 64 callers with 64 calls in flight each, to 32 callees of one procedure in turn. With few of them the busier worker would have much more than half of the load by chance alone; of these it has about 54 %, and 52 % in the windows that are told. One worker gets the same load. Half of the calls go to a callee on the other worker, unless local ones are preferred. The time of all threads says what sharing the work costs.",
  pointTitle: "",
  chart: {
    kind: "bars",
    key: "per_busiest_s",
    title: "operations per second of the busiest thread",
    isLog: false,
  },
  columns: [
    { key: "busiest_thread_us_per_event", title: "busiest thread µs/event" },
    { key: "router_cpu_us_per_event", title: "all threads µs/event" },
    { key: "busiest_thread_us_per_call", title: "busiest thread µs/call" },
    { key: "router_cpu_us_per_call", title: "all threads µs/call" },
    { key: "per_busiest_s", title: "operations per busiest-thread second" },
    { key: "per_cpu_s", title: "per CPU second" },
    ...busy,
  ],
  metric: "busiest_us",
  rows: ["node", "bun"].flatMap((runtime) => [`spanwire ${runtime}`, ...twoWorkers(runtime)]),
  points: [
    point("fan-out to 1000", ["fanout", "--subscribers", "1000", "--window", "16"]),
    point("calls", [...inFlight(64, 64), "--callees", "32", "--shared"]),
  ],
  ratios: ["node", "bun"].flatMap((runtime) =>
    twoWorkers(runtime).map((row) => [`spanwire ${runtime}`, row] as const),
  ),
  rounds,
  connectsAnew: true,
  // Calls between workers take a way that the warm-up does not go often enough.
  firstWarm_s: 4,
});

const slow = ({ rounds }: Extent): Section => ({
  name: "slow",
  title: "Slow consumers",
  about:
    "100 subscribers, 1,000-byte payloads, 16 publishes in flight. Some stop reading: what do the others cost then, and how much memory does the server take for those that do not read? It may drop their events or close them.",
  pointTitle: "of 100 do not read",
  chart: { kind: "bars", key: "per_cpu_s", title: "deliveries to the others per CPU second", isLog: false },
  columns: [cpuOf("event"), rate("events"), { key: "rss_grown_mb", title: "memory taken, MB" }, ...busy],
  metric: "router_cpu_us_per_event",
  rows: ["spanwire node", "spanwire bun", ...brokers, ...wampPeers],
  // What the slow ones make the server keep takes a moment to grow.
  points: [0, 1, 10].map((count) => ({
    ...point(count, [
      ...["fanout", "--subscribers", "100", "--bytes", "1000", "--window", "16"],
      ...(count === 0 ? [] : ["--slow", String(count)]),
    ]),
    window_s: 0.6,
  })),
  connectsAnew: true,
  ratios: overSpanwire([...brokers, ...wampPeers]),
  rounds: Math.min(rounds, 2),
});

export const loadSections = (extent: Extent): readonly Section[] => [
  fanout(extent),
  wild(extent),
  rpc(extent),
  latency(extent),
  serializers(extent),
  payloads(extent),
  workers(extent),
  slow(extent),
];
