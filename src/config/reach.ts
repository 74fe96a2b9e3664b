/** Who can reach a listener, and whom a realm lets in without asking who they are. Control path. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

type Dict = Readonly<Record<string, unknown>>;

export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  return isIP(host) !== 0 && ipaddr.process(host).range() === "loopback";
}

/** Whether it is an address, or a range of addresses as network/bits. */
export function isCidr(text: string): boolean {
  return isIP(text) !== 0 || (isIP(text.split("/")[0]!) !== 0 && ipaddr.isValidCIDR(text));
}

function isLoopbackRange(cidr: string): boolean {
  if (!cidr.includes("/")) return isLoopback(cidr);
  if (!ipaddr.isValidCIDR(cidr)) return false;
  const [network, bits] = ipaddr.parseCIDR(cidr);
  return network.range() === "loopback" && bits >= (network.kind() === "ipv4" ? 8 : 128);
}

/** What a realm has where neither it nor its prototype says which methods it takes. */
const takesAnonymousByDefault = true;

/**
 * URIs of the realms that anonymous clients of other machines may join: security is off there, or the method `anonymous` has a
 * source beyond loopback. What is not in the shape of a realm is passed over: others say so.
 */
export function realmsOpenToStrangers(realms: readonly unknown[]): readonly string[] {
  const known = realms.filter(isDict);
  const byUri = new Map(known.map((realm) => [nameOf(realm.uri), realm]));
  return known.flatMap((realm) => {
    const prototype = byUri.get(nameOf(realm.prototype_uri)) ?? {};
    return realm.is_prototype !== true && isOpen(realm, prototype) ? [String(realm.uri)] : [];
  });
}

function isOpen(realm: Dict, prototype: Dict): boolean {
  if ((realm.allow_connections ?? prototype.allow_connections) === false) return false;
  if (isDisabled(realm) ?? isDisabled(prototype) ?? false) return true;
  const methods = realm.authmethods ?? prototype.authmethods;
  const takesAnonymous = Array.isArray(methods) ? methods.includes("anonymous") : takesAnonymousByDefault;
  if (!takesAnonymous) return false;
  const inherited = listOf(prototype.sources).filter(({ usernames }) => names(usernames).includes("all"));
  return [...listOf(realm.sources), ...inherited].some(
    ({ authmethod, usernames, cidr }) =>
      authmethod === "anonymous" && namesAnonymous(usernames) && !isLoopbackRange(String(cidr)),
  );
}

/** Undefined: the realm does not say. */
function isDisabled(realm: Dict): boolean | undefined {
  if (typeof realm.security_enabled === "boolean") return !realm.security_enabled;
  if (typeof realm.security_status === "string") return realm.security_status === "disabled";
  return undefined;
}

const namesAnonymous = (usernames: unknown): boolean =>
  names(usernames).some((name) => name === "anonymous" || name === "all");

/** As the security model reads them: one or a list, in whatever case. */
const names = (usernames: unknown): readonly unknown[] =>
  (Array.isArray(usernames) ? usernames : [usernames]).map(nameOf);

const isDict = (value: unknown): value is Dict =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Dict[] => (Array.isArray(value) ? value.filter(isDict) : []);
const nameOf = (uri: unknown): string | undefined =>
  typeof uri === "string" ? uri.toLowerCase() : undefined;
