/** Sections about sessions themselves: how they come, and what they hold while they say nothing. */
import { setTimeout as delay } from "node:timers/promises";
import { compileLoad, loadCore, start } from "./child.ts";
import { descriptors_max, ownDescriptors } from "./idle.ts";
import { residentBytes } from "./processes.ts";
import { loadArgs, type Point, type Section } from "./report-run.ts";
import type { Router } from "./router.ts";
import type { Sample } from "./samples.ts";
import type { Extent } from "./sections.ts";

const rows = [
  ...["spanwire node", "spanwire bun", "spanwire node ws", "control node", "control bun", "control ws"],
  ...["nats-server", "mosquitto", "fox-wamp", "nexus", "crossbar"],
];
const overSpanwire = ["fox-wamp", "nexus", "crossbar"].flatMap((peer) => [
  [peer, "spanwire node"] as const,
  [peer, "spanwire bun"] as const,
]);

const join = ({ rounds }: Extent): Section => ({
  name: "join",
  title: "Sessions that come and go",
  about:
    "16 sessions at once connect, say hello, are welcomed and hang up. NATS and MQTT have no WAMP handshake: their rows show what their own costs.",
  pointTitle: "",
  chart: { kind: "bars", key: "per_cpu_s", title: "joins per CPU second", isLog: false },
  columns: [
    { key: "router_cpu_us_per_join", title: "CPU µs/join" },
    { key: "joins_per_s", title: "joins/s" },
    { key: "p50_us", title: "p50 µs" },
    { key: "p99_us", title: "p99 µs" },
    { key: "router_cpu_share", title: "server busy" },
    { key: "own_cpu_share", title: "load busy" },
  ],
  metric: "router_cpu_us_per_join",
  connectsAnew: true,
  rows,
  points: [{ name: "16 at once", args: ["join", "--window", "16"] }],
  ratios: [
    ["spanwire node", "control node"],
    ["spanwire bun", "control bun"],
    ["spanwire node ws", "control ws"],
    ...overSpanwire,
  ],
  rounds: Math.min(rounds, 4),
});

/** After a step joined, the last writes and timers of the handshakes end. */
const settle_ms = 1_500;

/** Resident bytes at both steps, and how fast the sessions opened. */
const takeIdle = async (router: Router, point: Point): Promise<Sample> => {
  const args = [...loadArgs(router.row, point), "--port", String(router.ports.websocket)];
  const command = [compileLoad(), ...args];
  const load = await start({ command, ready: /"sessions".*\n/, core: loadCore, startWait_ms: 120_000 });
  try {
    await delay(settle_ms);
    const before = residentBytes(router.pid);
    const first = JSON.parse(load.output().split("\n")[0]!) as Sample;
    const second = JSON.parse(await load.ask("")) as Sample;
    await delay(settle_ms);
    const sessions = second["sessions"]! - first["sessions"]!;
    const rss_per_session = (residentBytes(router.pid) - before) / sessions;
    return { rss_per_session, sessions: second["sessions"]!, sessions_per_s: second["sessions_per_s"]! };
  } finally {
    await load.stop();
  }
};

const idle = ({ isQuick, rounds }: Extent): Section => {
  const most = Math.min(descriptors_max() - ownDescriptors, 200_000);
  const many = isQuick ? Math.min(most, 3_000) : most;
  const step = (count: number): string => `${Math.floor(count / 2)},${count}`;
  const few = Math.min(many, 4_000);
  const isSlow = (row: string): boolean => ["fox-wamp", "nexus", "crossbar"].includes(row);
  const skip = (row: string, at: string): string | undefined => {
    if (many === few) return undefined;
    const isFew = at === String(few);
    return isSlow(row) === isFew ? undefined : isFew ? "" : "left out: its sessions open too slowly";
  };
  return {
    name: "idle",
    title: "Sessions that say nothing",
    about:
      "Resident memory of the server, of all its processes: what the second half of the sessions added, for each of them. As many sessions as file descriptors allow; servers that open them slowly get fewer. Nobody asks for a garbage collection.",
    pointTitle: "sessions",
    chart: {
      kind: "bars",
      key: "rss_per_session",
      title: "bytes of resident memory per session",
      isLog: false,
    },
    columns: [
      { key: "rss_per_session", title: "RSS bytes/session" },
      { key: "sessions", title: "sessions" },
      { key: "sessions_per_s", title: "opened/s" },
    ],
    metric: "rss_per_session",
    rows,
    points: [...new Set([many, few])].map((count) => ({
      name: String(count),
      args: ["idle", "--steps", step(count)],
    })),
    ratios: [
      ["spanwire node", "control node"],
      ["spanwire bun", "control bun"],
    ],
    rounds: Math.min(rounds, 1),
    skip,
    take: takeIdle,
    isAlone: true,
  };
};

export const sessionSections = (extent: Extent): readonly Section[] => [join(extent), idle(extent)];
