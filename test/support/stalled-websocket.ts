/** A WebSocket client that joins, subscribes, and then never reads again: its socket's buffers fill, and stay full. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { isBinary, type Serializer, serializerName } from "../../src/protocol/serializers.ts";

/** Resolves when the router has answered the upgrade and SUBSCRIBE is on its way. */
export async function stallWebSocket(url: string, serializer: Serializer, topic: string): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const request = [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    `Sec-WebSocket-Protocol: wamp.2.${serializerName(serializer)}`,
  ];
  socket.write(`${request.join("\r\n")}\r\n\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.once("data", () => resolve());
    socket.once("error", reject);
  });
  socket.pause();
  const hello = [Message.hello, "realm1", { roles: { subscriber: {} } }];
  for (const message of [hello, [Message.subscribe, 1, {}, topic]])
    socket.write(frameOf(serializer, message));
  return socket;
}

/** One masked frame; messages here are shorter than 126 bytes. */
function frameOf(serializer: Serializer, message: readonly unknown[]): Uint8Array {
  const payload = encodeMessage(serializer, message);
  const mask = randomBytes(4);
  const masked = payload.map((byte, i) => byte ^ mask[i % 4]!);
  return Uint8Array.from([isBinary(serializer) ? 0x82 : 0x81, 0x80 | payload.length, ...mask, ...masked]);
}
