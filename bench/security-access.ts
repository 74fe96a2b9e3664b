/** Authorization on against off: the same loads on a router with 10,000 grants, and on one that lets everybody do everything. */
import { resolve } from "node:path";
import { type RuntimeName, root, runtimePath, runtimes } from "./child.ts";
import type { Row } from "./rows.ts";
import { accessUsers, uris } from "./security-world.ts";
import type { Suite } from "./wire.ts";
import type { Load, Metric, Scenario } from "./wire-rows.ts";

export const securityHost = resolve(root, "build/bench/security-host.js");

type Kind = "off" | "additive" | "most_specific";
const kinds: readonly Kind[] = ["off", "additive", "most_specific"];

const nameOf = (runtime: RuntimeName, kind: Kind): string => `${runtime} ${kind}`;

const rowOf = (runtime: RuntimeName, kind: Kind): Row => ({
  name: nameOf(runtime, kind),
  command: (ports) => [
    runtimePath(runtime),
    securityHost,
    kind,
    String(ports.websocket),
    String(ports.rawsocket),
  ],
  env: {},
});

/** Sessions that are there beside those at work, so that all the users' rules are in force. */
const others = accessUsers;

const scenario = (name: string, metric: Metric, args: readonly string[], chosen = kinds): Scenario => {
  const users = ["--authid", "user", "--users", String(accessUsers)];
  const loads = runtimes().flatMap((runtime) =>
    chosen.map((kind): Load => {
      const key = nameOf(runtime, kind);
      const identity = kind === "off" ? [] : users;
      return { key, row: key, args: [...args, "--others", String(others), ...identity] };
    }),
  );
  const ratios = runtimes().flatMap((runtime) =>
    chosen
      .filter((kind) => kind !== "off")
      .map((kind) => [nameOf(runtime, kind), nameOf(runtime, "off")] as const),
  );
  return { name, metric, loads, ratios, isLatency: false };
};

const rpc = ["rpc", "--callers", "16", "--window", "64"];
const fanout = (subscribers: number): readonly string[] => [
  ...["fanout", "--subscribers", String(subscribers), "--window", "16"],
];
const many = (count: number): readonly string[] => ["--uris", String(count)];

const informing = (): readonly Scenario[] => [
  // Decisions that stay in the processor's caches.
  scenario("rpc 16x64, 100 URIs", "router_cpu_us_per_call", [...rpc, ...many(100)], ["off", "additive"]),
  // Every URI is new, so every decision is: what the memory of decisions is for.
  scenario("rpc 16x64, new URIs", "router_cpu_us_per_call", [...rpc, "--fresh"]),
  scenario("fanout 10, new URIs", "router_cpu_us_per_publish", [...fanout(10), "--fresh"]),
];

/** Each subscriber takes every topic: fewer of them where there are many subscribers. */
export const accessSuite = (options: { readonly more: boolean }): Suite => ({
  name: "security",
  rows: runtimes().flatMap((runtime) => kinds.map((kind) => rowOf(runtime, kind))),
  scenarios: [
    scenario("rpc 16x64", "router_cpu_us_per_call", [...rpc, ...many(uris)]),
    scenario("fanout 10", "router_cpu_us_per_event", [...fanout(10), ...many(uris)]),
    scenario("fanout 1000", "router_cpu_us_per_event", [...fanout(1000), ...many(100)], ["off", "additive"]),
    ...(options.more ? informing() : []),
  ],
});
