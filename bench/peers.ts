/**
 * `npm run bench:peers`: fetches the servers that the report compares with into bench/out/peers, each by its own package manager:
 * Debian packages are unpacked, not installed; the others come from npm, the Go module proxy and PyPI. What cannot be had says why
 * and is left out of the report. Nothing of it becomes a dependency of this project.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  fetched,
  type PeerName,
  peerNames,
  peerPath,
  peersFolder,
  peerVersion,
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
    call(folder, "python3", ["-m", "venv", "."]);
    call(folder, join(folder, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", "crossbar"]);
  },
};

const reasonOf = (cause: unknown): string => {
  const complaint = (cause as { readonly stderr?: Buffer }).stderr?.toString().trim();
  const text = complaint || (cause instanceof Error ? cause.message : String(cause));
  return text.split("\n").slice(-2).join(" ");
};

for (const name of peerNames) {
  const there = peerPath(name);
  if (there !== undefined) {
    process.stdout.write(`${name} ${peerVersion(name, there)} is there: ${there}\n`);
    continue;
  }
  process.stdout.write(`${name}: fetching\n`);
  try {
    fetchers[name]();
    process.stdout.write(`${name} ${peerVersion(name, fetched[name])} is in ${fetched[name]}\n`);
  } catch (cause) {
    process.stdout.write(`${name} cannot be had here and will be left out: ${reasonOf(cause)}\n`);
  }
}
