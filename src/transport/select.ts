/**
 * Chooses the WebSocket adapter for this runtime. The adapters are imported here and nowhere else, each only where it can
 * run, so that no runtime loads what it does not know. Control path.
 */
import type { WebSocketAdapter } from "../ports.ts";
import { bunGlobal } from "./bun-types.ts";

export type AdapterName = WebSocketAdapter["name"];

export interface Selected {
  readonly adapter: WebSocketAdapter;
  /** Said once at start, where a faster adapter could not load: one line why, one line what to do. */
  readonly notice?: string;
}

/** What the adapter must be able to do. */
export interface Needs {
  readonly universalPort: boolean;
}

/**
 * The adapter that is asked for, or else the fastest that loads: uws on Node, bun on Bun, and `ws` where uws does not load or cannot
 * do what is needed. Rejects with one line where the one asked for cannot serve here.
 */
export async function selectWebSocketAdapter(
  prefer?: AdapterName,
  needs: Needs = { universalPort: false },
): Promise<Selected> {
  if (!needs.universalPort) return selectFastest(prefer);
  if (bunGlobal() !== undefined)
    throw ownsItsPort("Bun's server", "run Node, or give RawSocket a port of its own");
  const selected = await selectFastest(prefer ?? "ws");
  if (!selected.adapter.capabilities.universalPort)
    throw ownsItsPort("the uws adapter", "choose the ws adapter, or give RawSocket a port of its own");
  return selected;
}

const ownsItsPort = (who: string, remedy: string): Error =>
  new Error(`RawSocket cannot share the port of WebSocket: ${who} reads its sockets itself; ${remedy}`);

async function selectFastest(prefer: AdapterName | undefined): Promise<Selected> {
  const runtime = bunGlobal() === undefined ? "Node" : "Bun";
  if (runtime === "Bun") {
    if (prefer !== undefined && prefer !== "bun") throw cannotRun(prefer, runtime);
    return { adapter: (await import("./bun.ts")).loadBunAdapter() };
  }
  if (prefer === "bun") throw cannotRun(prefer, runtime);
  if (prefer === "ws") return { adapter: await wsAdapter() };
  const { loadUwsAdapter } = await import("./uws.ts");
  try {
    return { adapter: loadUwsAdapter() };
  } catch (cause) {
    const { why, remedy } = explainUwsFailure(cause, thisSystem());
    if (prefer === "uws") throw new Error(`the uws adapter cannot load: ${why}; ${remedy}`, { cause });
    const notice = `WebSocket is served by the slower ws package: ${why}.\nFor the fast one, ${remedy}.`;
    return { adapter: await wsAdapter(), notice };
  }
}

const wsAdapter = async (): Promise<WebSocketAdapter> => (await import("./ws.ts")).loadWsAdapter();

function cannotRun(name: AdapterName, runtime: "Node" | "Bun"): Error {
  const own = runtime === "Bun" ? "bun" : "uws or ws";
  return new Error(
    `the ${name} adapter does not run on ${runtime}; choose ${own}, or leave the choice to the router`,
  );
}

/** What an explanation needs to know of the system. */
export interface System {
  readonly nodeVersion: string;
  /** The version of Node's binary interface, which a native module is built for. */
  readonly abi: string;
  readonly platform: string;
  readonly arch: string;
  /** Undefined where the C library is not glibc. */
  readonly glibc: string | undefined;
}

function thisSystem(): System {
  const { platform, arch, versions } = process;
  return {
    nodeVersion: versions.node,
    abi: versions.modules,
    platform,
    arch,
    glibc: platform === "linux" ? glibcVersion() : undefined,
  };
}

function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}

/** Reads the loader's error text, which is all there is to go by. */
export function explainUwsFailure(
  cause: unknown,
  system: System,
): { readonly why: string; readonly remedy: string } {
  const text = cause instanceof Error ? cause.message : String(cause);
  const runtime = `Node ${system.nodeVersion} (ABI ${system.abi}, ${system.platform} ${system.arch})`;
  const neededGlibc = /GLIBC_(\d+\.\d+)/.exec(text)?.[1];
  if (neededGlibc !== undefined) {
    return {
      why: `uWebSockets.js for ${runtime} needs glibc ${neededGlibc}, and this system has ${system.glibc ?? "another C library"}`,
      remedy: `run Node 20, or a system with glibc ${neededGlibc} or newer (Debian 13, Ubuntu 24.04)`,
    };
  }
  if (/Cannot find (?:module|package) '?uWebSockets\.js/.test(text)) {
    return {
      why: "uWebSockets.js is not installed",
      remedy: "install with optional dependencies (npm install --include=optional)",
    };
  }
  if (system.platform === "linux" && system.glibc === undefined) {
    return {
      why: "uWebSockets.js needs glibc, and this system has another C library",
      remedy: "run a system with glibc (not Alpine)",
    };
  }
  if (/Cannot find module '[^']*\.node'/.test(text)) {
    return {
      why: `uWebSockets.js has no binary for ${runtime}`,
      remedy: "run Node 20, 22 or 24 on a platform that it supports",
    };
  }
  return { why: `uWebSockets.js does not load (${lastLine(text)})`, remedy: "run Node 20 on Linux x64" };
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)!;
