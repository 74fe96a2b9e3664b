/** A TCP proxy in front of a router, for one client, whose connections can be cut at any moment: what is on its way is lost then. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export class CutProxy {
  /** The router's address with the proxy's port: for the client. */
  readonly url: string;
  readonly #sockets: Socket[];

  private constructor(url: string, sockets: Socket[]) {
    this.url = url;
    this.#sockets = sockets;
  }

  /** `target` is the URL of a listener: ws://…, tcp://… or unix:… */
  static async open(target: string): Promise<CutProxy> {
    const sockets: Socket[] = [];
    const server = createServer((client) => {
      // It has its one client.
      server.close();
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
    const { port } = server.address() as AddressInfo;
    const url = target.startsWith("unix:")
      ? `tcp://127.0.0.1:${port}`
      : target.replace(/:\d+(?=\/|$)/, `:${port}`);
    return new CutProxy(url, sockets);
  }

  /** Drops everything at once, on both sides. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
