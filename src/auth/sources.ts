/**
 * From where who may come. Rules only ever allow, so that it is enough that one of them matches; in which order they are
 * asked changes nothing. Where no rule names a method, nobody may use it. Pure.
 */
import ipaddr from "ipaddr.js";
import type { Security } from "../security/model.ts";
import type { AuthMethod, SourceRecord } from "../security/records.ts";

type SourceModel = Pick<Security, "sources" | "onChange">;

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [address: Address, bits: number];

/** A client of a Unix socket is on this machine: it counts as this address. */
const localAddress = "127.0.0.1";

/**
 * IPv4 where it is IPv4, also in its IPv6 spelling; undefined: no address, which nothing matches. A client that was gone before anybody
 * asked where it is has none: that it was on this machine nobody knows.
 */
function parseAddress(text: string): Address | undefined {
  if (text !== lastText) {
    lastAddress = readAddress(text);
    lastText = text;
  }
  return lastAddress;
}

/** One login asks several times where its client is. */
let lastText = "";
let lastAddress: Address | undefined;

function readAddress(text: string): Address | undefined {
  const address = text.startsWith("/") ? localAddress : text;
  // Shortened and octal IPv4 is none: others read it differently.
  const valid = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  return valid ? ipaddr.process(address) : undefined;
}

function parseNetwork(cidr: string): Network | undefined {
  if (!ipaddr.isValidCIDR(cidr)) return undefined;
  const [address, bits] = ipaddr.parseCIDR(cidr);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96) {
    return [address.toIPv4Address(), bits - 96];
  }
  return [address, bits];
}

const within = (address: Address, [network, bits]: Network): boolean =>
  address.kind() === network.kind() && address.match(network, bits);

interface MethodRules {
  /** By user name, `all` and `anonymous` among them. */
  readonly named: Map<string, Network[]>;
  /** Each network once, whoever it is for. */
  readonly networks: Map<string, Network>;
}

/** The source rules of one realm, ready to be asked. */
export class Sources {
  readonly #methods = new Map<AuthMethod, MethodRules>();

  constructor(records: readonly SourceRecord[]) {
    for (const { username, authmethod, cidr } of records) {
      const network = parseNetwork(cidr);
      if (network === undefined) continue;
      let rules = this.#methods.get(authmethod);
      if (rules === undefined) {
        rules = { named: new Map(), networks: new Map() };
        this.#methods.set(authmethod, rules);
      }
      const own = rules.named.get(username);
      if (own === undefined) rules.named.set(username, [network]);
      else own.push(network);
      rules.networks.set(cidr, network);
    }
  }

  /** Whether one of these names may come from there by this method. */
  allows(names: readonly string[], method: AuthMethod, from: string): boolean {
    const address = parseAddress(from);
    const rules = this.#methods.get(method);
    if (address === undefined || rules === undefined) return false;
    return names.some((name) => rules.named.get(name)?.some((network) => within(address, network)) ?? false);
  }

  /** Whether anybody at all may come from there by this method. */
  allowsSomebody(method: AuthMethod, from: string): boolean {
    const address = parseAddress(from);
    const rules = this.#methods.get(method);
    if (address === undefined || rules === undefined) return false;
    for (const network of rules.networks.values()) if (within(address, network)) return true;
    return false;
  }

  /** Whether any rule names this method. */
  govern(method: AuthMethod): boolean {
    return this.#methods.has(method);
  }
}

/** The rules of each realm, made when first asked for, and anew after a change. */
export class SourceRules {
  readonly #model: SourceModel;
  readonly #made = new Map<string, Sources>();

  constructor(model: SourceModel) {
    this.#model = model;
    // Of a prototype or a user, which may be several realms': changes are rare enough to forget all. Logins change credentials.
    model.onChange(({ kind, action }) => {
      if (kind !== "ticket" && action !== "credentials") this.#made.clear();
    });
  }

  /** Of a realm that is there. */
  of(realm: string): Sources {
    let sources = this.#made.get(realm);
    if (sources === undefined) {
      sources = new Sources(this.#model.sources(realm));
      this.#made.set(realm, sources);
    }
    return sources;
  }
}

/** What counts as one source of attempts: an IPv4 address, a /64 of IPv6 (one customer has at least as much), the Unix sockets. */
export function sourceKey(from: string): string {
  const address = parseAddress(from);
  if (address === undefined) return "";
  if (address instanceof ipaddr.IPv4) return address.toString();
  return address
    .toByteArray()
    .slice(0, 8)
    .map((byte) => byte.toString(16))
    .join(":");
}
