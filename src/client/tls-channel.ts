/** What a client's TLS socket knows for channel binding. For Node; on other runtimes the socket may not tell. */
import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";

const exporterLabel = "EXPORTER-Channel-Binding";

/**
 * `tls-exporter` is RFC 9266's, of TLS 1.3; `tls-unique` the SHA-256 of RFC 5929's, the first Finished message of the handshake, of
 * TLS 1.2. Null where this connection has none of that kind.
 */
export function channelIdOf(socket: TLSSocket, type: "tls-exporter" | "tls-unique"): Uint8Array | null {
  const version = socket.getProtocol?.();
  if (type === "tls-exporter") {
    if (version !== "TLSv1.3" || typeof socket.exportKeyingMaterial !== "function") return null;
    return socket.exportKeyingMaterial(32, exporterLabel, Buffer.alloc(0));
  }
  // A client that resumes nothing speaks the first Finished itself.
  if (version !== "TLSv1.2" || socket.isSessionReused()) return null;
  const finished = socket.getFinished();
  return finished === undefined ? null : createHash("sha256").update(finished).digest();
}
