/**
 * Other servers to compare with, where they are: on the PATH as their users have them, or in bench/out/peers, where `peers.ts`
 * puts them. Each is started as its own documentation says, on a port of ours; only what a scenario cannot do without is set.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { root, runtimePath } from "./child.ts";
import type { Row } from "./rows.ts";

export const peersFolder = resolve(root, "bench/out/peers");
const debian = join(peersFolder, "debian/root");

export const peerNames = ["nats-server", "mosquitto", "fox-wamp", "nexus", "crossbar"] as const;
export type PeerName = (typeof peerNames)[number];

/** Pinned, so that two reports compare the same servers; Debian and PyPI give what they have. */
export const pinnedVersions = { "fox-wamp": "0.7.28", nexus: "3.2.1" } as const;

/** Where each lies when `peers.ts` has fetched it. */
export const fetched: Readonly<Record<PeerName, string>> = {
  "nats-server": join(debian, "usr/sbin/nats-server"),
  mosquitto: join(debian, "usr/sbin/mosquitto"),
  "fox-wamp": join(peersFolder, "fox-wamp/node_modules/fox-wamp"),
  nexus: join(peersFolder, "nexus/nexusd"),
  crossbar: join(peersFolder, "crossbar/bin/crossbar"),
};
const commands: Readonly<Partial<Record<PeerName, string>>> = {
  "nats-server": "nats-server",
  mosquitto: "mosquitto",
  nexus: "nexusd",
  crossbar: "crossbar",
};

const onPath = (command: string): string | undefined => {
  try {
    // Debian's servers lie where the PATH of a user who is not root may not look.
    const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`;
    return execFileSync("sh", ["-c", `command -v ${command}`], { encoding: "utf8", env: { PATH } }).trim();
  } catch {
    return undefined;
  }
};

/** A Debian package that was only unpacked brings its libraries along. */
const librariesOf = (path: string): Readonly<Record<string, string>> =>
  path.startsWith(debian)
    ? {
        LD_LIBRARY_PATH: join(debian, `usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`),
      }
    : {};

export interface FoundPeer {
  /** Its program, or its package. */
  readonly path: string;
  readonly version: string;
}

/** What each is asked to see whether it runs, and the statuses with which it then ends: mosquitto counts its help as a mistake. */
const questions: Readonly<Record<PeerName, readonly [string, number]>> = {
  "nats-server": ["--version", 0],
  mosquitto: ["-h", 3],
  "fox-wamp": ["", 0],
  nexus: ["-version", 0],
  crossbar: ["version", 0],
};

/** Runs it, or loads it, and gives its version; undefined where it does not run, as a virtual environment that was moved. */
export const probe = (name: PeerName, path: string): FoundPeer | undefined => {
  const [question, status] = questions[name];
  const isPackage = name === "fox-wamp";
  const command = isPackage ? runtimePath("node") : path;
  const args = isPackage ? ["-e", `require(${JSON.stringify(path)}); process.exit(0)`] : [question];
  const env = { ...process.env, ...librariesOf(path) };
  const ran = spawnSync(command, args, { encoding: "utf8", env, timeout: 30_000 });
  if (ran.error !== undefined || ran.status !== status) return undefined;
  if (isPackage) {
    const own = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as { readonly version: string };
    return { path, version: own.version };
  }
  if (name === "nexus" && path === fetched.nexus) return { path, version: pinnedVersions.nexus }; // It was not told its own.
  return { path, version: /\d+\.\d+(\.\d+)?/.exec(ran.stdout + ran.stderr)?.[0] ?? "unknown" };
};

const foundBefore = new Map<PeerName, FoundPeer>();

/** The peer as it is installed, else as it was fetched; undefined where neither is there and runs. */
export const findPeer = (name: PeerName): FoundPeer | undefined => {
  const before = foundBefore.get(name);
  if (before !== undefined) return before;
  const command = commands[name];
  const installed = command === undefined ? undefined : onPath(command);
  const paths = [...(installed === undefined ? [] : [installed]), fetched[name]].filter((path) =>
    existsSync(path),
  );
  for (const path of paths) {
    const peer = probe(name, path);
    if (peer === undefined) continue;
    foundBefore.set(name, peer);
    return peer;
  }
  return undefined;
};

/** A realm that is open to everybody, as its documentation's first example has it. */
const crossbarConfig = (port: number): object => ({
  version: 2,
  workers: [
    {
      type: "router",
      realms: [
        {
          name: "realm1",
          roles: [
            {
              name: "anonymous",
              permissions: [
                {
                  uri: "",
                  match: "prefix",
                  allow: { call: true, register: true, publish: true, subscribe: true },
                  disclose: { caller: false, publisher: false },
                  cache: true,
                },
              ],
            },
          ],
        },
      ],
      transports: [
        {
          type: "websocket",
          endpoint: { type: "tcp", port, interface: "127.0.0.1" },
          serializers: ["msgpack", "json", "cbor"],
          url: `ws://127.0.0.1:${port}/ws`,
        },
      ],
    },
  ],
});

const crossbarFolder = (port: number): string => {
  const folder = join(peersFolder, "crossbar-node/.crossbar");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(crossbarConfig(port)));
  return folder;
};

/** The example of its README. */
const foxScript = (path: string, port: number): string => `
  const FoxRouter = require(${JSON.stringify(path)});
  const router = new FoxRouter();
  router.listenWAMP({ port: ${port}, host: "127.0.0.1", path: "/ws" })
    .on("listening", () => console.log("listening"));`;

const rowOf: Readonly<Record<PeerName, (path: string) => Omit<Row, "name" | "env">>> = {
  "nats-server": (path) => ({
    command: ({ websocket }) => [path, "-a", "127.0.0.1", "-p", String(websocket)],
    load: ["--protocol", "nats"],
    ready: /Server is ready/,
  }),
  mosquitto: (path) => ({
    command: ({ websocket }) => [path, "-p", String(websocket)],
    load: ["--protocol", "mqtt"],
    ready: /mosquitto version .* running/,
  }),
  "fox-wamp": (path) => ({
    command: ({ websocket }) => [runtimePath("node"), "-e", foxScript(path, websocket)],
    load: ["--format", "json", "--loose", "--star"],
    isSlow: true,
    ready: /listening/,
  }),
  nexus: (path) => ({
    command: ({ websocket }) => [path, "-ws", `127.0.0.1:${websocket}`, "-realm", "realm1"],
    load: ["--path", "/", "--loose"],
    isSlow: true,
    ready: /Listening for websocket/,
  }),
  crossbar: (path) => ({
    command: ({ websocket }) => [path, "start", "--cbdir", crossbarFolder(websocket)],
    load: ["--loose"],
    isSlow: true,
    ready: /NODE_BOOT_COMPLETE|transport started as transport/,
    startWait_ms: 90_000,
  }),
};

export interface Peers {
  readonly rows: readonly Row[];
  readonly versions: Readonly<Record<string, string>>;
  /** Which are not there, each with what would help. */
  readonly absent: readonly string[];
}

export const findPeers = (): Peers => {
  const rows: Row[] = [];
  const versions: Record<string, string> = {};
  const absent: string[] = [];
  for (const name of peerNames) {
    const peer = findPeer(name);
    if (peer === undefined) {
      const why = existsSync(fetched[name]) ? "was fetched, but does not run" : "is not installed";
      absent.push(`${name} ${why}: npm run bench:peers fetches it where it can`);
      continue;
    }
    const { path, version } = peer;
    versions[name] = version;
    rows.push({ name, env: librariesOf(path), ...rowOf[name](path) });
  }
  return { rows, versions, absent };
};
