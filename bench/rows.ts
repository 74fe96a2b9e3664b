/** The routers that benches compare: how each is started, and what the load generator must know of it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type RuntimeName, root, runtimePath, runtimes } from "./child.ts";
import { accessUsers } from "./security-world.ts";

export interface Ports {
  readonly websocket: number;
  readonly rawsocket: number;
}

export interface Row {
  readonly name: string;
  readonly command: (ports: Ports) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What the load generator is told for this row: its protocol, its path. */
  readonly load?: readonly string[];
  /** What it prints once it listens; by default a WebSocket's address. */
  readonly ready?: RegExp;
  readonly startWait_ms?: number;
  readonly cwd?: string;
  /** May use both cores. All others share one, so that the generator has the other one for itself. */
  readonly isUnpinned?: boolean;
  /** Its sessions open slowly, and it is far from every limit: every fourth window is enough. */
  readonly isSlow?: boolean;
}

const cli = resolve(root, "build/src/cli/spanwire.js");
export const routerIsBuilt = (): boolean => existsSync(cli);

/** Pass-through on a runtime's sockets; `native` leaves the fan-out to the server's own topics. */
export const control = (runtime: RuntimeName, kind: "outbox" | "native" = "outbox"): Row => ({
  name: `control ${runtime}${kind === "native" ? " native" : ""}`,
  command: (ports) => [
    runtimePath(runtime),
    resolve(root, `build/bench/control-${runtime === "bun" ? "bun" : "uws"}.js`),
    String(ports.websocket),
    kind,
  ],
  env: {},
});

/** Pass-through on the `ws` package. */
const controlWs: Row = {
  name: "control ws",
  command: (ports) => [
    runtimePath("node"),
    resolve(root, "build/bench/control-ws.js"),
    String(ports.websocket),
  ],
  env: {},
};

export interface SpanwireOptions {
  readonly transport?: "ws";
  readonly workers?: number;
  /** Callees on the caller's own worker are chosen before others. */
  readonly prefersLocal?: boolean;
}

const workersFlag = "--workers";
const preferLocalKey = "preferLocal";

/** What has no flag stands in a file; everything else stays with the flags. */
const preferLocalFile = (): string => {
  const path = resolve(root, "bench/out/prefer-local.yaml");
  mkdirSync(resolve(root, "bench/out"), { recursive: true });
  writeFileSync(path, `${preferLocalKey}: true\n`);
  return path;
};

const nameOf = (runtime: RuntimeName, { transport, workers, prefersLocal }: SpanwireOptions): string =>
  [
    `spanwire ${runtime}`,
    ...(transport === undefined ? [] : [transport]),
    ...(workers === undefined ? [] : [`${workers} workers`]),
    ...(prefersLocal === true ? ["prefer local"] : []),
  ].join(" ");

/** With the young generation that the command's first line gives it. */
const runtimeCommand = (runtime: RuntimeName): readonly string[] => [
  runtimePath(runtime),
  ...(runtime === "node" ? ["--max-semi-space-size=2"] : []),
];

/** As `npm start` and the command's first line start it. */
export const spanwire = (runtime: RuntimeName, options: SpanwireOptions = {}): Row => {
  const { transport, workers, prefersLocal } = options;
  return {
    name: nameOf(runtime, options),
    command: (ports) => [
      ...runtimeCommand(runtime),
      cli,
      ...["start", "--ephemeral", "--host", "127.0.0.1", "--realm", "realm1", "--log-level", "error"],
      ...["--port", String(ports.websocket), "--rawsocket-port", String(ports.rawsocket)],
      ...(workers === undefined ? [] : [workersFlag, String(workers)]),
      ...(prefersLocal === true ? ["--config", preferLocalFile()] : []),
    ],
    env: transport === undefined ? {} : { SPANWIRE_TRANSPORT: transport },
    isUnpinned: workers !== undefined,
  };
};

/** Two workers, where the command has them; and such that prefer local callees, where it has that. */
export const withWorkers = (): readonly Row[] => {
  if (!routerIsBuilt()) return [];
  const says = (args: readonly string[]): string =>
    execFileSync(runtimePath("node"), [cli, ...args], { encoding: "utf8" });
  if (!says(["start", "--help"]).includes(workersFlag)) return [];
  const kinds = says(["config", "schema"]).includes(`"${preferLocalKey}"`) ? [false, true] : [false];
  return runtimes().flatMap((runtime) =>
    kinds.map((prefersLocal) => spanwire(runtime, { workers: 2, prefersLocal })),
  );
};

/**
 * As `security-host.ts` serves it: 10,000 grants, sessions log in, every call and event is checked. Its users may call and publish
 * what they were granted, so these loads go to ten URIs in turn.
 */
const withGrants = (runtime: RuntimeName): Row => ({
  name: `spanwire ${runtime} grants`,
  command: (ports) => [
    ...runtimeCommand(runtime),
    resolve(root, "build/bench/security-host.js"),
    "additive",
    String(ports.websocket),
    String(ports.rawsocket),
  ],
  env: {},
  load: ["--authid", "user", "--users", String(accessUsers), "--uris", "10"],
});

/** All rows of this project: the router in its forms, and the control rows. */
export const ownRows = (): readonly Row[] => [
  ...runtimes().map((runtime) => spanwire(runtime)),
  spanwire("node", { transport: "ws" }),
  ...runtimes().map(withGrants),
  ...withWorkers(),
  ...runtimes().map((runtime) => control(runtime)),
  controlWs,
  ...runtimes().map((runtime) => control(runtime, "native")),
];
