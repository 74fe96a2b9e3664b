/**
 * Remote addresses in one spelling, whichever server reported them: IPv4 dotted, IPv6 as RFC 5952 writes it,
 * an IPv4 address that arrived on an IPv6 socket as the IPv4 address that it is. Pure.
 */
export function peerAddress(reported: string): string {
  if (!reported.includes(":")) return reported;
  const short = shortened(reported);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped === null) return short;
  const high = Number.parseInt(mapped[1]!, 16);
  const low = Number.parseInt(mapped[2]!, 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The URL parser shortens IPv6 addresses by the standard; a zone or anything else that it does not know stays as it is. */
function shortened(address: string): string {
  if (!URL.canParse(`http://[${address}]`)) return address;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
