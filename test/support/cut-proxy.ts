/** A TCP proxy in front of a router whose connections can be cut at any moment: what is on its way is lost then. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class CutProxy {
  /** The router's address with the proxy's port: for the client. */
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Socket[];

  private constructor(url: string, server: Server, sockets: Socket[]) {
    this.url = url;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** `target` is the URL of a listener: ws://…, tcp://… or unix:… */
  static async open(target: string): Promise<CutProxy> {
    const sockets: Socket[] = [];
    const server = createServer((client) => {
      const router = target.startsWith("unix:")
        ? connect({ path: target.slice("unix:".length) })
        : connect({ host: new URL(target).hostname, port: Number(new URL(target).port) });
      for (const [from, to] of [
        [client, router],
        [router, client],
      ] as const) {
        sockets.push(from);
        from.setNoDelay(true);
        from.on("data", (bytes) => void to.write(bytes));
        from.on("error", () => {});
        from.on("close", () => to.end());
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // One that is never cut keeps no process alive.
    server.unref();
    const { port } = server.address() as AddressInfo;
    const url = target.startsWith("unix:")
      ? `tcp://127.0.0.1:${port}`
      : target.replace(/:\d+(?=\/|$)/, `:${port}`);
    return new CutProxy(url, server, sockets);
  }

  /** Drops everything at once, on both sides. */
  cut(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
