/** What a schema cannot see: relations between options, and what is outside the configuration. Control path. */
import { limitRules } from "../base/limit-rules.ts";
import { completeLimits, fixedLimits } from "../base/limits.ts";
import { authoritiesProblem, pairProblems, readText } from "./files.ts";
import type { Finding, Path } from "./problems.ts";
import { isCidr, isLoopback, realmsOpenToStrangers } from "./reach.ts";
import type { FileConfig } from "./schema.ts";
import { givenLimits } from "./schema-limits.ts";
import type { ListenerConfig, TlsConfig } from "./schema-listeners.ts";

/** All of them. `realms` are those of all definitions together; `openRealm` is there although none defines it. */
export function checkAll(
  config: FileConfig,
  realms: readonly unknown[],
  openRealm: string | null,
): readonly Finding[] {
  const open = [...realmsOpenToStrangers(realms), ...(openRealm === null ? [] : [openRealm])];
  return [
    ...config.listeners.flatMap((listener, index) => checkListener(listener, ["listeners", index])),
    ...checkAddresses(config.listeners),
    ...checkReach(config.listeners, open),
    ...checkLimits(config),
    ...checkPassword(config.security.password),
    ...checkAdministrator(config.security.administrator.passwordFile),
  ];
}

function checkListener(listener: ListenerConfig, path: Path): Finding[] {
  const findings: Finding[] = [];
  const add = (option: string | number, message: string, ...inner: (string | number)[]): void =>
    void findings.push({ path: [...path, option, ...inner], message });
  if (listener.kind === "rawsocket" && listener.unix !== undefined) {
    if (listener.port !== undefined) add("unix", "a listener has a port or a Unix socket, not both");
    if (listener.tls !== undefined) add("tls", "a Unix socket has no TLS");
  }
  if (listener.kind !== "rawsocket" && typeof listener.http === "object") {
    const { longpoll, sse } = listener.http;
    if (typeof longpoll === "string" && longpoll === sse)
      add("http", "long-poll and event streams need paths of their own", "sse");
  }
  if (listener.kind === "universal" && listener.transport !== undefined && listener.transport !== "ws")
    add(
      "transport",
      `the ${listener.transport} adapter cannot share its port with RawSocket; the ws adapter can`,
    );
  for (const [index, cidr] of listener.trustedProxies.entries())
    if (!isCidr(cidr))
      add("trustedProxies", `${JSON.stringify(cidr)} is no address and no CIDR range`, index);
  if (listener.tls !== undefined) findings.push(...checkTls(listener.tls, [...path, "tls"]));
  return findings;
}

function checkTls(tls: TlsConfig, path: Path): Finding[] {
  const pairs = [{ at: path, ...tls }];
  for (const [name, pair] of Object.entries(tls.servers))
    pairs.push({ ...tls, ...pair, at: [...path, "servers", name] });
  const findings: Finding[] = pairs.flatMap(({ at, certFile, keyFile }) =>
    pairProblems(certFile, keyFile).map(({ option, problem }) => ({
      path: [...at, option],
      message: problem,
    })),
  );
  const authorities = tls.caFile === undefined ? undefined : authoritiesProblem(tls.caFile);
  if (authorities !== undefined) findings.push({ path: [...path, "caFile"], message: authorities });
  if (tls.clientCertificate !== "none" && tls.caFile === undefined)
    findings.push({
      path: [...path, "clientCertificate"],
      message: "caFile must say whose client certificates are taken",
    });
  return findings;
}

const wildcards = ["0.0.0.0", "::"];

/** Whether two listeners cannot both have their address. */
function collide(a: ListenerConfig, b: ListenerConfig): "port" | "unix" | undefined {
  const [unixA, unixB] = [unixOf(a), unixOf(b)];
  if (unixA !== undefined || unixB !== undefined) return unixA === unixB ? "unix" : undefined;
  if (portOf(a) === 0 || portOf(a) !== portOf(b)) return undefined;
  const shared = a.host === b.host || wildcards.includes(a.host) || wildcards.includes(b.host);
  return shared ? "port" : undefined;
}

const unixOf = (listener: ListenerConfig): string | undefined =>
  listener.kind === "rawsocket" ? listener.unix : undefined;

/** Where a RawSocket listener says neither port nor Unix socket. */
export const defaultRawSocketPort = 18_082;
const portOf = (listener: ListenerConfig): number => listener.port ?? defaultRawSocketPort;

function checkAddresses(listeners: readonly ListenerConfig[]): Finding[] {
  return listeners.flatMap((listener, index) => {
    const other = listeners.findIndex(
      (earlier, at) => at < index && collide(earlier, listener) !== undefined,
    );
    if (other < 0) return [];
    const option = collide(listeners[other]!, listener)!;
    return [
      { path: ["listeners", index, option], message: `listeners.${other} has the same ${option} already` },
    ];
  });
}

function checkReach(listeners: readonly ListenerConfig[], openRealms: readonly string[]): Finding[] {
  if (openRealms.length === 0) return [];
  const realms = openRealms
    .slice(0, 3)
    .map((uri) => JSON.stringify(uri))
    .join(", ");
  const which = openRealms.length === 1 ? `realm ${realms} lets` : `realms ${realms} let`;
  return listeners.flatMap((listener, index) => {
    if (listener.allowAnonymous || unixOf(listener) !== undefined || isLoopback(listener.host)) return [];
    const message =
      `${listener.host} is reachable from other machines and ${which} everybody in; if that is what you ` +
      "want, say allowAnonymous: true (--allow-anonymous)";
    return [{ path: ["listeners", index, "host"], message }];
  });
}

function checkLimits(config: FileConfig): Finding[] {
  const given = givenLimits(config.limits);
  const limits = completeLimits(given);
  return limitRules
    .filter(({ holds }) => !holds(limits))
    .map(({ limit, message }) => ({ path: ["limits", limit], message }));
}

function checkPassword(password: FileConfig["security"]["password"]): Finding[] {
  const findings: Finding[] = [];
  const add = (option: string, message: string): void =>
    void findings.push({ path: ["security", "password", option], message });
  if (password.kdf === "argon2id13" && password.protocol !== "scram")
    add("kdf", "WAMP-CRA knows only pbkdf2; argon2id13 needs protocol: scram");
  if (password.kdf === "pbkdf2" && (password.iterations ?? 4_096) < 4_096)
    add("iterations", "pbkdf2 needs at least 4096 rounds");
  if (password.kdf === "argon2id13" && (password.iterations ?? 0) > fixedLimits.argon2Iterations_max)
    add("iterations", `argon2id13 takes at most ${fixedLimits.argon2Iterations_max} rounds`);
  return findings;
}

function checkAdministrator(passwordFile: string | undefined): Finding[] {
  if (passwordFile === undefined) return [];
  const read = readText(passwordFile);
  if (!("problem" in read)) return [];
  return [
    { path: ["security", "administrator", "passwordFile"], message: `${passwordFile}: ${read.problem}` },
  ];
}
