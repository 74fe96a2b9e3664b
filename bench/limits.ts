/**
 * What the benches must show, in one table. `wanted` is the goal as it was set; `room` is what is granted to noise on a small
 * shared machine, as a fraction: up to there `npm run bench:check` says "within noise", beyond it "MISSED", and fails. A figure that
 * was not measured fails too; limits about servers that are not there, or do not run, do not apply.
 */
import { type RuntimeName, runtimes } from "./child.ts";
import { findPeer, type PeerName, peerNames } from "./peer-rows.ts";
import { figureName } from "./peers-bench.ts";
import { type Row, withWorkers } from "./rows.ts";
import { mixes } from "./wasm-patterns.ts";

export interface Limit {
  /** Name of the figure, as the benches give it. */
  readonly figure: string;
  readonly wanted: number;
  readonly side: "at most" | "at least";
  readonly room: number;
}

const atMost = (figure: string, wanted: number, room: number): Limit => ({
  figure,
  wanted,
  side: "at most",
  room,
});
const atLeast = (figure: string, wanted: number, room: number): Limit => ({
  figure,
  wanted,
  side: "at least",
  room,
});

/**
 * Quotients of the quartiles of many short windows repeat within about 5 % between two runs on a machine that does nothing else,
 * within 10 % where others work beside them; tails of latencies within a quarter at best.
 */
const cpuRoom = 0.15;
const latencyRoom = 0.25;
const kernelRoom = 0.15;
const memoryRoom = 0.1;

const wireLimits = (runtime: RuntimeName): readonly Limit[] => {
  const toControl = `spanwire ${runtime} / control ${runtime}`;
  const json = (bytes: number): string =>
    `spanwire ${runtime} json ${bytes} B / spanwire ${runtime} msgpack ${bytes} B`;
  return [
    atMost(`wire/rpc 16x64: ${toControl}`, 1.15, cpuRoom),
    atMost(`wire/fanout 10: ${toControl}`, 1.3, cpuRoom),
    atMost(`wire/fanout 1000: ${toControl}`, 1.15, cpuRoom),
    atMost(`wire/single call p50: ${toControl}`, 1.3, latencyRoom),
    atMost(`wire/formats: ${json(100)}`, 1.3, cpuRoom),
    atMost(`wire/formats: ${json(1000)}`, 1.3, cpuRoom),
  ];
};

/** How many times Spanwire's CPU time each peer takes, at least. nexus refuses calls with more than 256 in flight. */
const wantedOver: Readonly<
  Record<PeerName, { readonly fanout: number; readonly rpc?: readonly [string, number] }>
> = {
  "nats-server": { fanout: 1 },
  mosquitto: { fanout: 3 },
  "fox-wamp": { fanout: 10, rpc: ["1024", 10] },
  nexus: { fanout: 5, rpc: ["256", 5] },
  crossbar: { fanout: 30, rpc: ["256", 30] },
};

const peerLimits = (peer: PeerName): readonly Limit[] => {
  const { fanout, rpc } = wantedOver[peer];
  return runtimes().flatMap((runtime) => {
    const own = `spanwire ${runtime}`;
    return [
      atLeast(figureName("fanout", "1000", peer, own), fanout, cpuRoom),
      ...(rpc === undefined ? [] : [atLeast(figureName("rpc", rpc[0], peer, own), rpc[1], cpuRoom)]),
    ];
  });
};

const loadLimits = (runtime: RuntimeName): readonly Limit[] => {
  const own = `spanwire ${runtime}`;
  return [
    atMost(figureName("fanout", "1000", own, `control ${runtime} native`), 1.25, cpuRoom),
    // With everything on: sessions that logged in, and every call checked against their grants.
    atMost(figureName("rpc", "1024", `${own} grants`, `control ${runtime}`), 1.15, cpuRoom),
    atMost(figureName("latency", "50 %", own, `control ${runtime}`), 1.5, latencyRoom),
  ];
};

/** One worker's busiest thread over that of two: near 2 where they share the work. */
const workerLimits = (row: Row): readonly Limit[] => {
  const one = row.name.replace(/ 2 workers.*$/, "");
  const isLocal = row.name.endsWith("prefer local");
  return [
    atLeast(figureName("workers", "fan-out to 1000", one, row.name), 1.8, cpuRoom),
    atLeast(figureName("workers", "calls", one, row.name), isLocal ? 1.8 : 1.35, cpuRoom),
  ];
};

const adapterLimits: readonly Limit[] = [
  atMost("wire/rpc 16x64: spanwire node ws / spanwire node", 2, cpuRoom),
  atMost("wire/fanout 10: spanwire node ws / spanwire node", 2, cpuRoom),
  atMost("wire/fanout 1000: spanwire node ws / spanwire node", 2, cpuRoom),
];

const wasmLimits = (runtime: RuntimeName): readonly Limit[] =>
  mixes.flatMap((mix) =>
    ["msgpack", "json", "cbor"].flatMap((codec) => {
      const name = `wasm/${runtime} ${mix}: ${codec}`;
      const sizes = [100, 100_000, 1_000_000];
      const paths = mix === "wildcard" ? ["twin", "qlobber"] : ["twin"];
      return [
        ...sizes.flatMap((size) =>
          paths.map((path) => atLeast(`${name} ${size}: ${path} / wasm`, 3, kernelRoom)),
        ),
        atMost(`${name}: 1000000 / 100000 patterns`, 1.5, kernelRoom),
      ];
    }),
  );

/** Buckets and bytes are counted, not measured: the same on each run. */
const scaleLimits = (runtime: RuntimeName): readonly Limit[] => [
  ...["exact", "prefix", "wildcard", "one node", "large"].flatMap((population) => [
    atMost(`scale/${runtime} ${population}: bytes per pattern beside its URI`, 100, 0),
    ...["insert", "churn", "remove"].map((phase) =>
      atMost(`scale/${runtime} ${population}: ${phase}, worst operation`, 64, 0),
    ),
  ]),
  ...["exact", "prefix", "wildcard", "one node", "small"].map((population) =>
    atLeast(`scale/${runtime} ${population}: twin / wasm`, 3, kernelRoom),
  ),
  ...["wildcard", "one node"].map((population) =>
    atLeast(`scale/${runtime} ${population}: qlobber / wasm`, 3, kernelRoom),
  ),
];

const idleLimits: readonly Limit[] = [
  atMost("idle/node live heap", 1_024, memoryRoom),
  atMost("idle/node RSS, small young generation", 1_536, memoryRoom),
];

/** Authorization on against off, by `additive` rules: where a decision is remembered. New URIs and `most_specific` only inform. */
const accessLimits = (runtime: RuntimeName): readonly Limit[] =>
  ["rpc 16x64", "fanout 10", "fanout 1000"].map((name) =>
    atMost(`security/${name}: ${runtime} additive / ${runtime} off`, 1.1, cpuRoom),
  );

const securityLimits: readonly Limit[] = [
  ...["pbkdf2", "argon2id"].map((kdf) =>
    atMost(`security/storm p99: with password ${kdf} / calls alone`, 1.5, latencyRoom),
  ),
  atMost("security/realm at rest: live heap", 4_096, memoryRoom),
  atMost("security/realm at rest: RSS", 4_096, memoryRoom),
];

export const limits = (): readonly Limit[] => [
  ...runtimes().flatMap(wasmLimits),
  ...runtimes().flatMap(wireLimits),
  ...adapterLimits,
  ...runtimes().flatMap(loadLimits),
  ...withWorkers().flatMap(workerLimits),
  ...peerNames.filter((name) => findPeer(name) !== undefined).flatMap(peerLimits),
  ...idleLimits,
  ...runtimes().flatMap(scaleLimits),
  ...runtimes().flatMap(accessLimits),
  ...securityLimits,
];

/** Where a figure stops being noise and starts being a failure. */
export const border = (limit: Limit): number =>
  limit.side === "at most" ? limit.wanted * (1 + limit.room) : limit.wanted / (1 + limit.room);

export type Verdict = "ok" | "within noise" | "MISSED" | "NOT MEASURED";

export const verdictOf = (limit: Limit, value: number | undefined): Verdict => {
  if (value === undefined || Number.isNaN(value)) return "NOT MEASURED";
  const isWithin = (most: number): boolean => (limit.side === "at most" ? value <= most : value >= most);
  return isWithin(limit.wanted) ? "ok" : isWithin(border(limit)) ? "within noise" : "MISSED";
};
