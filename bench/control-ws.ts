/** The control row on the `ws` package: what its sockets cost at best on Node. Run: `node build/bench/control-ws.js PORT`. */
import type { Socket as NetSocket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { announce, ControlRouter, controlLimits, portArgument } from "./control.ts";

interface Connection {
  readonly webSocket: WebSocket;
  readonly net: NetSocket;
}

/** Not compressed: neither is what it is compared with. */
const asBinary = { binary: true, compress: false };

const router = new ControlRouter<Connection>({
  sendAll: ({ webSocket, net }, frames) => {
    net.cork();
    for (let i = 0; i < frames.length; i++) webSocket.send(frames[i]!, asBinary);
    net.uncork();
  },
  keepsFrames: true,
});

const port = portArgument();
const server = new WebSocketServer({
  host: "127.0.0.1",
  port,
  maxPayload: controlLimits.frameBytes_max,
  perMessageDeflate: false,
  handleProtocols: () => "wamp.2.msgpack",
});
server.on("connection", (webSocket, request) => {
  const peer = router.open({ webSocket, net: request.socket });
  webSocket.on("message", (bytes: Buffer) => router.receive(peer, bytes));
  webSocket.on("close", () => router.close(peer));
  webSocket.on("error", () => webSocket.terminate());
});
server.on("listening", () => announce(port));
