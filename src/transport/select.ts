/**
 * Chooses the WebSocket adapter for this runtime. The adapters are imported here and nowhere else, each only where it can
 * run, so that no runtime loads what it does not know. Control path.
 */
import type { TlsOptions, WebSocketAdapter } from "../ports.ts";
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
  /** Ask clients for certificates, or look at the TLS connection. */
  readonly clientCertificate?: boolean;
  /** Serve nothing below TLS 1.3. */
  readonly onlyTls13?: boolean;
}

/** What a WebSocket listener of these options needs. */
export const needsOf = (
  options: { readonly rawsocket?: boolean; readonly tls?: TlsOptions | undefined } = {},
): Required<Needs> => ({
  universalPort: options.rawsocket === true,
  clientCertificate: (options.tls?.clientCertificate ?? "none") !== "none",
  onlyTls13: options.tls?.minVersion === "TLSv1.3",
});

/**
 * The adapter that is asked for, or else the fastest that loads: uws on Node, bun on Bun, and `ws` where uws does not load or cannot
 * do what is needed. Rejects with one line where the one asked for cannot serve here.
 */
export async function selectWebSocketAdapter(
  prefer?: AdapterName,
  needs: Needs = { universalPort: false },
): Promise<Selected> {
  const lacks = (adapter: WebSocketAdapter): Lack | undefined => lackOf(adapter, needs);
  const fastest = await selectFastest(needs.universalPort ? (prefer ?? (onBun() ? "bun" : "ws")) : prefer);
  const lack = lacks(fastest.adapter);
  if (lack === undefined) return fastest;
  if (prefer !== undefined || onBun()) throw new Error(lack.refusal);
  return { adapter: await wsAdapter(), notice: lack.notice };
}

const onBun = (): boolean => bunGlobal() !== undefined;

interface Lack {
  /** Where nothing else can serve, or may. */
  readonly refusal: string;
  /** Where the `ws` adapter serves instead. */
  readonly notice: string;
}

/** What the adapter cannot do of what is needed. */
function lackOf({ name, capabilities }: WebSocketAdapter, needs: Needs): Lack | undefined {
  const bun = name === "bun";
  const who = bun ? "Bun's server" : `the ${name} adapter`;
  const lack = (what: string, why: string, remedy: string): Lack => ({
    refusal: `${what}: ${who} ${why}; ${bun ? "run Node" : "choose the ws adapter"}, or ${remedy}`,
    notice: `WebSocket is served by the slower ws package: the fast one ${why}.\nFor the fast one, ${remedy}.`,
  });
  if (needs.universalPort && !capabilities.universalPort)
    return lack(
      "RawSocket cannot share the port of WebSocket",
      "reads its sockets itself",
      "give RawSocket a port of its own",
    );
  if (needs.clientCertificate === true && !capabilities.clientCertificates)
    return lack(
      "WebSocket clients cannot be asked for certificates",
      "does not show the certificate of a client",
      "ask for client certificates on RawSocket over TLS only",
    );
  if (needs.onlyTls13 === true && !capabilities.tlsVersions)
    return lack("WebSocket cannot be held to TLS 1.3", "serves TLS 1.2 too", "allow TLS 1.2");
  return undefined;
}

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
