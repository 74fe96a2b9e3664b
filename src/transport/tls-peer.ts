/** What a connection over node:tls tells of its client. */
import { createHash } from "node:crypto";
import type { PeerCertificate, TLSSocket } from "node:tls";
import type { ClientCertificate, TlsPeer } from "../ports.ts";

/** To be called once the handshake is through. */
export function tlsPeerOf(socket: TLSSocket): TlsPeer {
  const certificate = socket.authorized ? certificateOf(socket.getPeerCertificate()) : null;
  return {
    ...(certificate === null ? {} : { certificate }),
    channelId: (type) => {
      if (socket.destroyed) return null;
      return type === "tls-exporter" ? exporter(socket) : unique(socket);
    },
  };
}

/** Below TLS 1.3 an exporter names one connection only with an extension that Node does not tell of (RFC 9266 section 3). */
function exporter(socket: TLSSocket): Uint8Array | null {
  if (socket.getProtocol() !== "TLSv1.3") return null;
  return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}

/** The first Finished of the handshake (RFC 5929 section 3), hashed to the 32 bytes of WAMP: the client's, or ours where it resumed. */
function unique(socket: TLSSocket): Uint8Array | null {
  if (socket.getProtocol() === "TLSv1.3") return null;
  const first = socket.isSessionReused() ? socket.getFinished() : socket.getPeerFinished();
  return first === undefined ? null : createHash("sha256").update(first).digest();
}

/** Null where there is none. */
function certificateOf(peer: PeerCertificate): ClientCertificate | null {
  if (peer.fingerprint256 === undefined) return null;
  const commonName: unknown = peer.subject?.CN;
  return {
    // Several are a list; which of them was meant cannot be told.
    commonName: typeof commonName === "string" ? commonName : "",
    fingerprint: peer.fingerprint256.replaceAll(":", "").toLowerCase(),
    names: alternativeNames(peer.subjectaltname ?? ""),
    validTo_ms: Date.parse(peer.valid_to),
  };
}

const kinds = /^(?:DNS|IP Address|URI|email):(.*)$/s;

/** Reads Node's text of a subjectAltName, in which values that could be misread are JSON strings. */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  for (const [entry] of text.matchAll(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g)) {
    const value = kinds.exec(entry.trimStart())?.[1];
    if (value === undefined) continue;
    try {
      names.push(value.startsWith('"') ? String(JSON.parse(value)) : value);
    } catch {
      // Not as Node writes it: no name of anybody.
    }
  }
  return names;
}
