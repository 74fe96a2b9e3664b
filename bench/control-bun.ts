/** The control row on Bun: `control.ts` over Bun.serve. Run: `bun build/bench/control-bun.js PORT [native]`. */
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
  data: UserData;
  sendBinary(bytes: Uint8Array): number;
  cork(task: () => void): void;
  subscribe(topic: string): void;
}

interface UserData {
  peer: Peer<Socket> | undefined;
}

interface Server {
  upgrade(request: unknown, options: { headers: Record<string, string>; data: UserData }): boolean;
}

interface BunRuntime {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    fetch(request: unknown, server: Server): unknown;
    readonly websocket: {
      readonly idleTimeout: number;
      readonly maxPayloadLength: number;
      readonly backpressureLimit: number;
      open(socket: Socket): void;
      message(socket: Socket, message: string | Uint8Array): void;
      close(socket: Socket): void;
    };
  }): { readonly port: number; publish(topic: string, bytes: Uint8Array): number };
}

const bun = (globalThis as unknown as { Bun: BunRuntime }).Bun;

const topics: NativeTopics<Socket> = {
  subscribe: (socket, topic) => socket.subscribe(topic),
  publish: (topic, frame) => void server.publish(topic, frame),
};

const router = new ControlRouter<Socket>({
  sendAll: (socket, frames) => {
    socket.cork(() => {
      for (let i = 0; i < frames.length; i++) socket.sendBinary(frames[i]!);
    });
  },
  native: isNative() ? topics : undefined,
});

const server = bun.serve({
  hostname: "127.0.0.1",
  port: portArgument(),
  fetch(request, host) {
    const headers = { "sec-websocket-protocol": "wamp.2.msgpack" };
    return host.upgrade(request, { headers, data: { peer: undefined } })
      ? undefined
      : new Response("a WebSocket is wanted here", { status: 426 });
  },
  websocket: {
    idleTimeout: 0,
    maxPayloadLength: controlLimits.frameBytes_max,
    backpressureLimit: controlLimits.backpressureBytes_max,
    open(socket) {
      socket.data.peer = router.open(socket);
    },
    message(socket, message) {
      if (typeof message !== "string") router.receive(socket.data.peer!, message);
    },
    close(socket) {
      router.close(socket.data.peer!);
    },
  },
});
announce(server.port);
