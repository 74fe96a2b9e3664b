/** Networks as a source names them, brought into one normal form. */
import ipaddr from "ipaddr.js";

/**
 * `network address/bits` of IPv4 or IPv6; undefined: it is none. Host bits are cleared; a network of IPv4-mapped IPv6 addresses is
 * the IPv4 network; an address alone is the network of just it. Octal and shortened IPv4 is refused: people and libraries read
 * it differently.
 */
export function normalCidr(text: string): string | undefined {
  const [, host = "", bitsText] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const isFour = ipaddr.IPv4.isValidFourPartDecimal(host);
  if (!isFour && !ipaddr.IPv6.isValid(host)) return undefined;
  const address = isFour ? ipaddr.IPv4.parse(host) : ipaddr.IPv6.parse(host);
  const width = isFour ? 32 : 128;
  const bits = bitsText === undefined ? width : Number(bitsText);
  if (bits > width) return undefined;
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96)
    return network(address.toIPv4Address(), bits - 96);
  return network(address, bits);
}

function network(address: ipaddr.IPv4 | ipaddr.IPv6, bits: number): string {
  const bytes = address.toByteArray();
  for (let index = 0; index < bytes.length; index++) {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    bytes[index] = bytes[index]! & (0xff << (8 - kept));
  }
  return `${ipaddr.fromByteArray(bytes.map((byte) => byte & 0xff)).toString()}/${bits}`;
}
