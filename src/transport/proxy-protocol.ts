/**
 * The PROXY protocol, versions 1 and 2 (haproxy.org, "The PROXY protocol"): what a proxy writes before a connection's own first byte to
 * tell whom it speaks for. Pure.
 */
import { fixedLimits } from "../base/limits.ts";
import { addressIn } from "./proxies.ts";

export type ProxyResult =
  /** The header is not complete. */
  | { readonly kind: "more" }
  /** The connection begins with something else. */
  | { readonly kind: "none" }
  /** `peer` is null where the proxy speaks for itself, or does not say for whom. `headerBytes` come before the connection's own. */
  | { readonly kind: "found"; readonly peer: string | null; readonly headerBytes: number }
  | { readonly kind: "malformed" };

const more: ProxyResult = { kind: "more" };
const none: ProxyResult = { kind: "none" };
const malformed: ProxyResult = { kind: "malformed" };

const textSignature = Buffer.from("PROXY ", "latin1");
const binarySignature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** With its end of line. */
const textBytes_max = 107;

/** Reads the beginning of a connection; all of it that has come. */
export function readProxyHeader(bytes: Uint8Array): ProxyResult {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (begins(start, binarySignature)) return start.length < 16 ? more : readBinary(start);
  if (begins(start, textSignature)) return start.length < textSignature.length ? more : readText(start);
  return none;
}

/** As far as both go. */
function begins(start: Buffer, signature: Buffer): boolean {
  const length = Math.min(start.length, signature.length);
  return start.subarray(0, length).equals(signature.subarray(0, length));
}

function readText(start: Buffer): ProxyResult {
  const end = start.subarray(0, textBytes_max).indexOf("\r\n");
  if (end < 0) return start.length >= textBytes_max ? malformed : more;
  const headerBytes = end + 2;
  const line = start.toString("latin1", 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: "found", peer: null, headerBytes };
  const [, family, source = "", target = "", ...ports] =
    /^PROXY (TCP[46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (\d{1,5}) (\d{1,5})$/.exec(line) ?? [];
  if (family === undefined || ports.some((port) => Number(port) > 0xffff)) return malformed;
  const isWanted = (address: string): boolean => address.includes(":") === (family === "TCP6");
  const peer = addressIn(source);
  if (peer === null || addressIn(target) === null || !isWanted(source) || !isWanted(target)) return malformed;
  return { kind: "found", peer, headerBytes };
}

const Command = { local: 0x20, proxy: 0x21 } as const;
/** Family and protocol, and the bytes of both addresses and ports. */
const streams: ReadonlyMap<number, { readonly addressBytes: number; readonly bytes: number }> = new Map([
  [0x11, { addressBytes: 4, bytes: 12 }],
  [0x21, { addressBytes: 16, bytes: 36 }],
]);

function readBinary(start: Buffer): ProxyResult {
  const [command, family] = [start[12]!, start[13]!];
  const length = start.readUInt16BE(14);
  const headerBytes = 16 + length;
  if (command !== Command.local && command !== Command.proxy) return malformed;
  if (headerBytes > fixedLimits.proxyHeaderBytes_max) return malformed;
  if (start.length < headerBytes) return more;
  // A health check of the proxy's own, or somebody whom it cannot name.
  if (command === Command.local || family === 0) return { kind: "found", peer: null, headerBytes };
  const stream = streams.get(family);
  if (stream === undefined || length < stream.bytes) return malformed;
  const peer = addressIn(addressText(start.subarray(16, 16 + stream.addressBytes)));
  return peer === null ? malformed : { kind: "found", peer, headerBytes };
}

function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join(".");
  const groups: string[] = [];
  for (let at = 0; at < octets.length; at += 2) groups.push(octets.readUInt16BE(at).toString(16));
  return groups.join(":");
}
