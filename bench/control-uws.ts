/** The control row on Node: `control.ts` over uWebSockets.js. Run: `node build/bench/control-uws.js PORT [native]`. */
import { createRequire } from "node:module";
import {
  announce,
  ControlRouter,
  controlLimits,
  isNative,
  type NativeTopics,
  type Peer,
  portArgument,
} from "./control.ts";

interface Socket {
  getUserData(): UserData;
  send(bytes: Uint8Array, binary: boolean): number;
  cork(task: () => void): void;
  subscribe(topic: string): void;
}

interface UserData {
  peer: Peer<Socket> | undefined;
}

interface Response {
  upgrade(data: UserData, key: string, protocol: string, extensions: string, context: unknown): void;
}

interface Request {
  getHeader(name: string): string;
}

interface Behaviour {
  readonly maxBackpressure: number;
  readonly maxPayloadLength: number;
  readonly idleTimeout: number;
  upgrade(response: Response, request: Request, context: unknown): void;
  open(socket: Socket): void;
  message(socket: Socket, bytes: ArrayBuffer): void;
  close(socket: Socket): void;
}

interface App {
  ws(pattern: string, behaviour: Behaviour): App;
  publish(topic: string, bytes: Uint8Array, binary: boolean): boolean;
  listen(host: string, port: number, options: number, done: (token: unknown) => void): App;
}

interface Uws {
  App(): App;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
}

const uws = createRequire(import.meta.url)("uWebSockets.js") as Uws;
const app = uws.App();

const topics: NativeTopics<Socket> = {
  subscribe: (socket, topic) => socket.subscribe(topic),
  publish: (topic, frame) => void app.publish(topic, frame, true),
};

const router = new ControlRouter<Socket>({
  sendAll: (socket, frames) => {
    socket.cork(() => {
      for (let i = 0; i < frames.length; i++) socket.send(frames[i]!, true);
    });
  },
  native: isNative() ? topics : undefined,
});

const behaviour: Behaviour = {
  maxBackpressure: controlLimits.backpressureBytes_max,
  maxPayloadLength: controlLimits.frameBytes_max,
  idleTimeout: 0,
  upgrade(response, request, context) {
    const key = request.getHeader("sec-websocket-key");
    response.upgrade({ peer: undefined }, key, "wamp.2.msgpack", "", context);
  },
  open(socket) {
    socket.getUserData().peer = router.open(socket);
  },
  message(socket, bytes) {
    router.receive(socket.getUserData().peer!, new Uint8Array(bytes));
  },
  close(socket) {
    router.close(socket.getUserData().peer!);
  },
};

const port = portArgument();
app.ws("/*", behaviour).listen("127.0.0.1", port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (token) => {
  if (token) return announce(port);
  process.stderr.write(`port ${port} is taken\n`);
  process.exit(1);
});
