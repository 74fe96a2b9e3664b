/** How uWebSockets.js listens: plainly, or with TLS whose certificates change while it runs. Control path. */
import type { WebSocketListenOptions } from "../ports.ts";
import { listenError } from "./listen-error.ts";
import { freePort, portToShare } from "./shared-port.ts";
import type { Certificates } from "./tls.ts";
import type { CertificatePair, TlsMaterial } from "./tls-files.ts";
import type { NativeApp, NativeListenSocket, NativeModule, NativeTlsOptions } from "./uws-types.ts";

type Where = Pick<WebSocketListenOptions, "host" | "port">;
type SharedWhere = Pick<WebSocketListenOptions, "host" | "port" | "shared">;
type AddRoutes = (app: NativeApp) => void;

export class PlainServer {
  readonly #native: NativeModule;
  readonly #app: NativeApp;

  constructor(native: NativeModule, addRoutes: AddRoutes) {
    this.#native = native;
    this.#app = native.App();
    addRoutes(this.#app);
  }

  /** Without the exclusive flag a taken port would be shared silently, and half the clients stolen. Resolves to the port. */
  async listen({ host, port, shared }: SharedWhere): Promise<number> {
    const native = this.#native;
    const flags = shared === undefined ? native.LIBUS_LISTEN_EXCLUSIVE_PORT : 0;
    try {
      const open = shared === undefined ? port : await portToShare({ host, port, shared });
      const socket = listenOn(this.#app, { host, port: open }, flags);
      if (socket !== null) return native.us_socket_local_port(socket);
      throw await refusalOf({ host, port });
    } catch (cause) {
      this.#app.close();
      throw cause;
    }
  }

  close(): void {
    this.#app.close();
  }
}

/**
 * The native server keeps the certificate that it began with. For new ones a new app listens on the same port, and the one before stops
 * listening and keeps its connections. For that the port must be shared, which other programs of the same user could join; but it was
 * free when this one came.
 */
export class TlsServer {
  readonly #native: NativeModule;
  readonly #addRoutes: AddRoutes;
  readonly #certificates: Certificates;
  /** All that there were: an app cannot tell when its last connection is gone, and gives back no memory. */
  readonly #apps: NativeApp[] = [];

  constructor(native: NativeModule, addRoutes: AddRoutes, certificates: Certificates) {
    this.#native = native;
    this.#addRoutes = addRoutes;
    this.#certificates = certificates;
  }

  async listen({ host, port: wanted, shared }: SharedWhere): Promise<number> {
    const port = await portToShare({ host, port: wanted, shared });
    let listening = this.#open({ host, port }, this.#certificates.material);
    this.#certificates.follow((material) => {
      const before = listening;
      listening = this.#open({ host, port }, material);
      this.#native.us_listen_socket_close(before);
    });
    return port;
  }

  close(): void {
    this.#certificates.stop();
    for (const app of this.#apps) app.close();
  }

  #open(where: Where, { standard, servers }: TlsMaterial): NativeListenSocket {
    const app = this.#native.SSLApp(nativeOptions(standard));
    this.#addRoutes(app);
    for (const [name, pair] of servers) {
      app.addServerName(name, nativeOptions(pair)).domain(name);
      this.#addRoutes(app);
    }
    const socket = listenOn(app, where, 0);
    if (socket === null) {
      app.close();
      throw new Error(`uWebSockets.js cannot listen on port ${where.port} of ${where.host}`);
    }
    this.#apps.push(app);
    return socket;
  }
}

const nativeOptions = ({ certFile, keyFile }: CertificatePair): NativeTlsOptions => ({
  cert_file_name: certFile,
  key_file_name: keyFile,
});

function listenOn(app: NativeApp, { host, port }: Where, flags: number): NativeListenSocket | null {
  let socket: NativeListenSocket | false = false;
  app.listen(host, port, flags, (result) => {
    socket = result;
  });
  return socket === false ? null : socket;
}

/** The native server says only that it could not listen; node:net, asked for the same, says why. If it can by now, the advice is the same. */
async function refusalOf(where: Where): Promise<Error> {
  const taken = Object.assign(new Error("address in use"), { code: "EADDRINUSE" });
  const cause = await freePort(where).then(
    () => taken,
    (why: unknown) => why,
  );
  return listenError(cause, { ...where, portFlag: "--port" });
}
