/**
 * Who a client is behind proxies: the headers X-Forwarded-For, Forwarded (RFC 7239) and X-Real-IP. They are believed of proxies
 * that the operator names, and of nobody else: anyone can write them. Pure.
 */
import ipaddr from "ipaddr.js";
import { peerAddress } from "./address.ts";

type Address = ReturnType<typeof ipaddr.parse>;

type OriginHeader = "x-forwarded-for" | "forwarded" | "x-real-ip";

/** One header of a request, all its lines joined by commas; undefined where there is none. */
export type HeaderOf = (name: OriginHeader) => string | undefined;

export const isOriginHeader = (lowerCaseName: string): lowerCaseName is OriginHeader =>
  lowerCaseName === "x-forwarded-for" || lowerCaseName === "forwarded" || lowerCaseName === "x-real-ip";

export class TrustedProxies {
  readonly #networks: readonly [Address, number][];

  /** Throws where an entry is neither an address nor a network in CIDR notation. */
  constructor(networks: readonly string[] = []) {
    this.#networks = networks.map(networkOf);
  }

  /** Whether `peer`, as peerAddress() writes it, is a proxy that is believed. */
  trusts(peer: string): boolean {
    if (this.#networks.length === 0) return false;
    const address = parsed(peer);
    if (address === null) return false;
    return this.#networks.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    );
  }

  /**
   * The client of a request that came from `peer`: from hop to hop backwards, as long as the hop that names the one before it is
   * believed. The first of the three headers that is there counts. Through a proxy nobody comes from this machine: where that would be
   * the outcome – a proxy here that is not named as one, or that hands on what its client wrote – it is `somewhere`.
   */
  clientOf(peer: string, header: HeaderOf): string {
    if (!this.trusts(peer) && !isLoopback(peer)) return peer;
    const hops = hopsIn(header);
    let client = peer;
    for (let i = hops.length - 1; i >= 0 && this.trusts(client); i--) {
      const hop = addressIn(hops[i]!);
      // "unknown" and names that a proxy made up: what is before them cannot be told.
      if (hop === null || !mayName(client, hop)) break;
      client = hop;
    }
    return hops.length > 0 && isLoopback(client) ? somewhere : client;
  }
}

/** Nobody knows where: in networks that are all addresses, and in no other. */
export const somewhere = "0.0.0.0";

/**
 * Whether a proxy at `proxy` can say this of its client. Loopback is every machine's own: what another machine calls so is not this one,
 * and must not be let in as if it were.
 */
export const mayName = (proxy: string, client: string): boolean => !isLoopback(client) || isLoopback(proxy);

function isLoopback(address: string): boolean {
  if (address === "127.0.0.1") return true;
  // Most addresses need no closer look; it costs as much as all else about them.
  const mayBe = address.startsWith("127.") || address.includes(":");
  return mayBe && parsed(address)?.range() === "loopback";
}

function networkOf(text: string): [Address, number] {
  const [address = "", bits, ...more] = text.trim().split("/");
  const parsedAddress = parsed(peerAddress(address));
  const bits_max = parsedAddress?.kind() === "ipv4" ? 32 : 128;
  // An IPv4 network may be written as IPv6 sees it.
  const mapped = parsedAddress?.kind() === "ipv4" && address.includes(":") ? 96 : 0;
  const length = bits === undefined ? bits_max : /^\d{1,3}$/.test(bits) ? Number(bits) - mapped : -1;
  if (parsedAddress === null || more.length > 0 || length < 0 || length > bits_max)
    throw new Error(
      `${JSON.stringify(text)} is no network of trusted proxies; write it like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32`,
    );
  return [parsedAddress, length];
}

/** Dotted IPv4 with four parts, or IPv6; null for anything else. */
function parsed(text: string): Address | null {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !(text.includes(":") && ipaddr.IPv6.isValid(text)))
    return null;
  return ipaddr.parse(text);
}

/** From the client to the last proxy. */
function hopsIn(header: HeaderOf): string[] {
  const list = header("x-forwarded-for");
  if (list !== undefined) return list.split(",");
  const forwarded = header("forwarded");
  if (forwarded !== undefined) return forwardedHops(forwarded);
  const real = header("x-real-ip");
  return real === undefined ? [] : [real];
}

/** The `for` of each element; "" where an element has none, so that its place is kept. */
export function forwardedHops(value: string): string[] {
  return parts(value, ",").map((element) => {
    for (const pair of parts(element, ";")) {
      const found = /^\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^\s"]*)\s*$/i.exec(pair)?.[1];
      if (found !== undefined)
        return found.startsWith('"') ? found.slice(1, -1).replace(/\\(.)/g, "$1") : found;
    }
    return "";
  });
}

/** Splits outside of quotes. */
function parts(text: string, separator: string): string[] {
  const found: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted && character === "\\") i++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      found.push(text.slice(from, i));
      from = i + 1;
    }
  }
  found.push(text.slice(from));
  return found;
}

/** An address as proxies write it: bare, in brackets, with a port. Null for anything else. */
export function addressIn(hop: string): string | null {
  const text = hop.trim();
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1];
  const bare = bracketed ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1] ?? text;
  if (bracketed !== undefined && !bracketed.includes(":")) return null;
  return parsed(bare) === null ? null : peerAddress(bare);
}
