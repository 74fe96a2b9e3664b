/**
 * Other servers to compare with, where they are: on the PATH as their users have them, or in bench/out/peers, where `peers.ts`
 * puts them. Each is started as its own documentation says, on a port of ours; only what a scenario cannot do without is set.
 */
import { execFileSync } from "node:child_process";
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

/** The peer's program (or package), or undefined where it is not installed. */
export const peerPath = (name: PeerName): string | undefined => {
  const command = commands[name];
  const installed = command === undefined ? undefined : onPath(command);
  return installed ?? (existsSync(fetched[name]) ? fetched[name] : undefined);
};

/** A Debian package that was only unpacked brings its libraries along. */
const librariesOf = (path: string): Readonly<Record<string, string>> =>
  path.startsWith(debian)
    ? {
        LD_LIBRARY_PATH: join(debian, `usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`),
      }
    : {};

/** What the peer says of its version, in one line. */
export const peerVersion = (name: PeerName, path: string): string => {
  if (name === "fox-wamp") {
    const own = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as { readonly version: string };
    return own.version;
  }
  if (name === "nexus" && path === fetched.nexus) return pinnedVersions.nexus; // It was not told its own.
  const flag = { "nats-server": "--version", mosquitto: "-h", nexus: "-version", crossbar: "version" }[name];
  const script = `"$0" ${flag} 2>&1 || true`;
  const env = { ...process.env, ...librariesOf(path) };
  const text = execFileSync("sh", ["-c", script, path], { encoding: "utf8", env });
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? "unknown";
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
    ready: /listening/,
  }),
  nexus: (path) => ({
    command: ({ websocket }) => [path, "-ws", `127.0.0.1:${websocket}`, "-realm", "realm1"],
    load: ["--path", "/", "--loose"],
    ready: /Listening for websocket/,
  }),
  crossbar: (path) => ({
    command: ({ websocket }) => [path, "start", "--cbdir", crossbarFolder(websocket)],
    load: ["--loose"],
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
    const path = peerPath(name);
    if (path === undefined) {
      absent.push(`${name} is not installed: npm run bench:peers fetches it where it can`);
      continue;
    }
    versions[name] = peerVersion(name, path);
    rows.push({ name, env: librariesOf(path), ...rowOf[name](path) });
  }
  return { rows, versions, absent };
};
