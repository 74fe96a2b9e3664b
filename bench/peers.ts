/**
 * `npm run bench:peers`: fetches the servers that the report compares with into bench/out/peers, each by its own package manager:
 * Debian packages are unpacked, not installed; the others come from npm, the Go module proxy and PyPI. What cannot be had says why
 * and is left out of the report. What was fetched before and does not run any more is fetched anew. Nothing of it becomes a dependency of this project.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type FoundPeer,
  fetched,
  findPeer,
  type PeerName,
  peerNames,
  peersFolder,
  pinnedVersions,
} from "./peer-rows.ts";

const foxWamp = `fox-wamp@${pinnedVersions["fox-wamp"]}`;
const nexus = `github.com/gammazero/nexus/v3@v${pinnedVersions.nexus}`;

const call = (
  folder: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): void => {
  mkdirSync(folder, { recursive: true });
  execFileSync(command, args, {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
};

/** The package and its libraries, unpacked beside each other. */
const unpackDebian = (packages: readonly string[]): void => {
  const folder = join(peersFolder, "debian");
  call(folder, "apt-get", ["download", "-q", ...packages]);
  const archives = readdirSync(folder).filter((name) => name.endsWith(".deb"));
  for (const archive of archives) {
    call(folder, "dpkg", ["-x", archive, "root"]);
    rmSync(join(folder, archive));
  }
};

const fetchers: Readonly<Record<PeerName, () => void>> = {
  "nats-server": () => unpackDebian(["nats-server"]),
  mosquitto: () => unpackDebian(["mosquitto", "libmosquitto1", "libcjson1", "libdlt2", "libwrap0"]),
  "fox-wamp": () => {
    const folder = join(peersFolder, "fox-wamp");
    rmSync(folder, { recursive: true, force: true });
    // Its database engine would be compiled; the router of its README does without.
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    call(folder, "npm", ["install", "--prefix", ".", ...flags, foxWamp]);
  },
  nexus: () => {
    const folder = join(peersFolder, "nexus");
    rmSync(folder, { recursive: true, force: true });
    call(folder, "go", ["mod", "init", "peer"]);
    call(folder, "go", ["get", nexus]);
    call(folder, "go", ["build", "-o", "nexusd", "github.com/gammazero/nexus/v3/nexusd"], {
      GOFLAGS: "-mod=mod",
    });
  },
  crossbar: () => {
    const folder = join(peersFolder, "crossbar");
    // A virtual environment names its own place in each of its programs: one that was moved cannot be mended.
    rmSync(folder, { recursive: true, force: true });
    call(folder, "python3", ["-m", "venv", "."]);
    call(folder, join(folder, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", "crossbar"]);
  },
};

const reasonOf = (cause: unknown): string => {
  const complaint = (cause as { readonly stderr?: Buffer }).stderr?.toString().trim();
  const text = complaint || (cause instanceof Error ? cause.message : String(cause));
  return text.split("\n").slice(-2).join(" ");
};

const say = (name: PeerName, { path, version }: FoundPeer): void =>
  void process.stdout.write(`${name} ${version} is in ${path}\n`);

for (const name of peerNames) {
  const there = findPeer(name);
  if (there !== undefined) {
    say(name, there);
    continue;
  }
  process.stdout.write(`${name}: fetching\n`);
  try {
    fetchers[name]();
    const peer = findPeer(name);
    if (peer === undefined) throw new Error(`${fetched[name]} does not run`);
    say(name, peer);
  } catch (cause) {
    process.stdout.write(`${name} cannot be had here and will be left out: ${reasonOf(cause)}\n`);
  }
}
