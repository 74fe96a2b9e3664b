/** Logins by every method, each in turn on a router of its own kind; and what calls in flight notice of a storm of logins. */
import { resolve } from "node:path";
import {
  compileLoad,
  freePort,
  loadCore,
  type RuntimeName,
  root,
  routerCore,
  run,
  runtimePath,
  runtimes,
  type Started,
  start,
} from "./child.ts";
import type { LoginSample } from "./login-load.ts";
import type { BenchResult } from "./result.ts";
import { securityHost } from "./security-access.ts";
import { accessRealm, argonRealm, loginRealm, loginUsers } from "./security-world.ts";
import { type Figure, figure, median, ratio, short } from "./stats.ts";
import type { Table } from "./table.ts";

export interface LoginOptions {
  readonly rounds: number;
  readonly window_s: number;
  readonly warm_s: number;
}

interface Case {
  readonly name: string;
  readonly method: string;
  readonly realm: string;
  readonly users: number;
}

const control: Case = { name: "no security", method: "none", realm: accessRealm, users: 1 };
const cases: readonly Case[] = [
  control,
  { name: "anonymous", method: "anonymous", realm: loginRealm, users: 1 },
  { name: "trust", method: "trust", realm: loginRealm, users: loginUsers },
  { name: "ticket", method: "ticket", realm: loginRealm, users: 1 },
  { name: "oauth2 (JWT)", method: "oauth2", realm: loginRealm, users: 1 },
  { name: "wampcra", method: "wampcra", realm: loginRealm, users: loginUsers },
  { name: "wamp-scram pbkdf2", method: "wamp-scram", realm: loginRealm, users: loginUsers },
  { name: "wamp-scram argon2id", method: "wamp-scram", realm: argonRealm, users: 1 },
  { name: "cryptosign", method: "cryptosign", realm: loginRealm, users: loginUsers },
  { name: "password pbkdf2", method: "password", realm: loginRealm, users: loginUsers },
  { name: "password argon2id", method: "password", realm: argonRealm, users: 1 },
];

const atOnce = 16;

interface Host extends Started {
  readonly websocket: number;
  readonly rawsocket: number;
  readonly token: string;
}

const startHost = async (runtime: RuntimeName, kind: "off" | "login", core?: number): Promise<Host> => {
  const websocket = await freePort();
  const rawsocket = await freePort();
  const started = await start({
    command: [runtimePath(runtime), securityHost, kind, String(websocket), String(rawsocket)],
    ready: /wss?:\/\/\S+/,
    startWait_ms: 60_000,
    ...(core === undefined ? {} : { core }),
  });
  const { token } = JSON.parse(await started.ask("token")) as { readonly token: string };
  return { ...started, websocket, rawsocket, token };
};

const loginCommand = (host: Host, one: Case, warm_s: number, window_s: number): readonly string[] => [
  ...[runtimePath("node"), resolve(root, "build/bench/login-load.js")],
  ...[String(host.rawsocket), String(host.pid), one.realm, one.method, String(one.users), String(atOnce)],
  ...[String(warm_s), String(window_s), host.token],
];

type Samples<T> = Map<string, T[]>;
const keep = <T>(samples: Samples<T>, key: string, sample: T): void => {
  samples.set(key, [...(samples.get(key) ?? []), sample]);
};

const loginTable = (runtime: RuntimeName, samples: ReadonlyMap<string, readonly LoginSample[]>): Table => ({
  title: `security: logins, ${runtime} (${atOnce} at once)`,
  head: ["method", "logins/s", "thread CPU µs", "all CPU µs", "p50 ms", "p99 ms", "client busy"],
  rows: [...samples].map(([name, list]) => {
    const middle = (key: keyof LoginSample): string => short(median(list.map((sample) => sample[key])));
    return [
      name,
      middle("logins_per_s"),
      middle("thread_cpu_us"),
      middle("all_cpu_us"),
      middle("p50_ms"),
      middle("p99_ms"),
      middle("own_cpu_share"),
    ];
  }),
});

const loginFigures = (runtime: RuntimeName, samples: ReadonlyMap<string, readonly LoginSample[]>): Figure[] =>
  [...samples].flatMap(([name, list]) => [
    figure(
      `security/login ${runtime} ${name}: rate`,
      "logins/s",
      list.map((one) => one.logins_per_s),
    ),
    figure(
      `security/login ${runtime} ${name}: thread CPU`,
      "µs",
      list.map((one) => one.thread_cpu_us),
    ),
  ]);

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

export const runLogins = async (
  options: LoginOptions,
  progress: (text: string) => void,
): Promise<BenchResult> => {
  const figures: Figure[] = [];
  const tables: Table[] = [];
  const problems: string[] = [];
  for (const runtime of runtimes()) {
    const samples: Samples<LoginSample> = new Map();
    const off = await startHost(runtime, "off", routerCore);
    const secured = await startHost(runtime, "login", routerCore);
    try {
      for (let round = 0; round < options.rounds; round++) {
        progress(`security: logins ${runtime}, round ${round + 1} of ${options.rounds}`);
        for (let i = 0; i < cases.length; i++) {
          const one = cases[(i + round) % cases.length]!;
          const command = loginCommand(
            one === control ? off : secured,
            one,
            options.warm_s,
            options.window_s,
          );
          try {
            keep(samples, one.name, JSON.parse(await run(command, { core: loadCore })) as LoginSample);
          } catch (cause) {
            problems.push(`login ${runtime} ${one.name}: ${messageOf(cause).slice(0, 500)}`);
          }
        }
      }
    } finally {
      await off.stop();
      await secured.stop();
    }
    tables.push(loginTable(runtime, samples));
    figures.push(...loginFigures(runtime, samples));
  }
  return { figures, tables, problems, notes: [] };
};

// ---- a storm of logins with passwords, while calls are made

interface StormSample {
  readonly p50_us: number;
  readonly p99_us: number;
  readonly calls_per_s: number;
  readonly delay: { readonly p99_ms: number; readonly max_ms: number };
}

/** Calls on their own, or with logins beside them that begin before the window and end behind it. */
const callsOf = async (host: Host, storm: Case | null, options: LoginOptions): Promise<StormSample> => {
  const seconds = options.window_s + options.warm_s;
  const logins = storm === null ? null : run(loginCommand(host, storm, 0, seconds + 1), { core: loadCore });
  // One that fails is told when it is waited for.
  logins?.catch(() => undefined);
  if (logins !== null) await new Promise((done) => setTimeout(done, 500));
  await host.ask("delay");
  const times = ["--seconds", String(options.window_s), "--warm", String(options.warm_s)];
  const identity = ["--realm", loginRealm, "--authid", "user", "--users", String(loginUsers)];
  const place = ["--port", String(host.websocket), "--pid", String(host.pid)];
  const rpc = ["rpc", "--callers", "16", "--window", "64"];
  const answer = JSON.parse(
    await run([compileLoad(), ...rpc, ...identity, ...place, ...times], { core: loadCore }),
  ) as StormSample;
  const delay = JSON.parse(await host.ask("delay")) as StormSample["delay"];
  await logins;
  return { ...answer, delay };
};

const stormCases: readonly (readonly [string, string | null])[] = [
  ["calls alone", null],
  ["with password pbkdf2", "password pbkdf2"],
  ["with password argon2id", "password argon2id"],
  ["with wampcra", "wampcra"],
];

const stormFigure = (name: string): string => `security/storm p99: ${name} / calls alone`;

/** What the storm is measured for. */
export const stormFigures: readonly string[] = stormCases
  .filter(([, login]) => login !== null)
  .map(([name]) => stormFigure(name));

export const runStorm = async (
  options: LoginOptions,
  progress: (text: string) => void,
): Promise<BenchResult> => {
  const samples: Samples<StormSample> = new Map();
  // Not pinned: what derives keys is meant to run beside the router's thread.
  const host = await startHost("node", "login");
  try {
    for (let round = 0; round < options.rounds; round++) {
      progress(`security: storm, round ${round + 1} of ${options.rounds}`);
      for (let i = 0; i < stormCases.length; i++) {
        const [name, login] = stormCases[(i + round) % stormCases.length]!;
        keep(samples, name, await callsOf(host, cases.find((one) => one.name === login) ?? null, options));
      }
    }
  } finally {
    await host.stop();
  }
  const alone = samples.get("calls alone")!.map((sample) => sample.p99_us);
  const figures: Figure[] = [];
  const rows = stormCases.map(([name]) => {
    const list = samples.get(name)!;
    const middle = (pick: (sample: StormSample) => number): string => short(median(list.map(pick)));
    const p99 = list.map((sample) => sample.p99_us);
    const toAlone = ratio(stormFigure(name), p99, alone);
    if (name !== "calls alone") figures.push(toAlone);
    return [
      name,
      middle((s) => s.calls_per_s),
      middle((s) => s.p50_us / 1e3),
      middle((s) => s.p99_us / 1e3),
      `${short(toAlone.value)}× (${short(toAlone.low)}–${short(toAlone.high)})`,
      middle((s) => s.delay.p99_ms),
      middle((s) => s.delay.max_ms),
    ];
  });
  const head = ["load", "calls/s", "p50 ms", "p99 ms", "p99 to alone", "loop p99 ms", "loop max ms"];
  const table = { title: `security: a storm of ${atOnce} logins at once, node`, head, rows };
  return { figures, tables: [table], problems: [], notes: [] };
};
