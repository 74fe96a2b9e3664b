/** A WebSocket client that joins, subscribes, and then never reads again: its socket's buffers fill, and stay full. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { isBinary, type Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { joinModel, terminatorFor } from "./batch-model.ts";

/** Resolves when the router has answered the upgrade and SUBSCRIBE is on its way. */
export async function stallWebSocket(
  url: string,
  { serializer, batched = false }: { readonly serializer: Serializer; readonly batched?: boolean },
  topic: string,
): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const request = [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    `Sec-WebSocket-Protocol: wamp.2.${serializerName(serializer)}${batched ? ".batched" : ""}`,
  ];
  socket.write(`${request.join("\r\n")}\r\n\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.once("data", () => resolve());
    socket.once("error", reject);
  });
  socket.pause();
  const hello = [Message.hello, "realm1", { roles: { subscriber: {} } }];
  for (const message of [hello, [Message.subscribe, 1, {}, topic]]) {
    const bytes = encodeMessage(serializer, message);
    socket.write(frameOf(serializer, batched ? joinModel([bytes], terminatorFor(serializer)) : bytes));
  }
  return socket;
}

/** One masked frame; messages here are shorter than 126 bytes. */
function frameOf(serializer: Serializer, payload: Uint8Array): Uint8Array {
  const mask = randomBytes(4);
  const masked = Uint8Array.from(payload, (byte, i) => byte ^ mask[i % 4]!);
  return Uint8Array.from([isBinary(serializer) ? 0x82 : 0x81, 0x80 | payload.length, ...mask, ...masked]);
}
