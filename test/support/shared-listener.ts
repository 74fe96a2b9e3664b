/**
 * One thread of several that serve one place: listens as it is told, answers every message with its own index, and tells how many
 * connections it has. Runs in the test's own thread, and as the module of the others.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Listener, SharedPlace, TlsOptions, TransportOptions } from "../../src/ports.ts";
import { listenRawSocket } from "../../src/transport/rawsocket.ts";
import { type AdapterName, selectWebSocketAdapter } from "../../src/transport/select.ts";

/** Can be sent to a thread. */
export interface SharedWay {
  readonly name: string;
  /** Absent: RawSocket. */
  readonly adapter?: AdapterName;
  readonly universal?: true;
  readonly unixPath?: string;
  readonly tls?: TlsOptions;
}

export interface ThreadTold {
  readonly way: SharedWay;
  readonly index: number;
  readonly place: SharedPlace;
}

export interface SharedListener {
  readonly listener: Listener;
  /** Connections that are open. */
  count(): number;
}

export async function serveShared(
  way: SharedWay,
  shared: "first" | SharedPlace | undefined,
  { index = 0, port = 0 } = {},
): Promise<SharedListener> {
  let open = 0;
  const answer = Uint8Array.of(index);
  const common: TransportOptions & { readonly host: string; readonly port: number } = {
    host: "127.0.0.1",
    port: shared === undefined || shared === "first" ? port : shared.port,
    frameBytes_max: 1 << 16,
    idle_ms: 60_000,
    handshake_ms: 20_000,
    ...(way.tls === undefined ? {} : { tls: way.tls }),
    ...(shared === undefined ? {} : { shared }),
    accept(connection) {
      open++;
      return {
        onFrame: () => void connection.send([{ bytes: answer }], 0, 1),
        onViolation: () => connection.terminate(),
        onDrain() {},
        onClose() {
          open--;
        },
      };
    },
  };
  return { listener: await listen(way, common), count: () => open };
}

async function listen(
  { adapter, universal, unixPath }: SharedWay,
  common: TransportOptions & { readonly host: string; readonly port: number },
): Promise<Listener> {
  const { host: _host, port: _port, ...bare } = common;
  if (adapter === undefined) return listenRawSocket(unixPath === undefined ? common : { ...bare, unixPath });
  const selected = await selectWebSocketAdapter(adapter);
  return selected.adapter.listen({ ...common, path: "/ws", deflate: false, rawsocket: universal === true });
}

/** What a thread is asked. */
export type Asked = "count" | "close";
export type Said =
  | { readonly kind: "listening" | "closed" }
  | { readonly kind: "count"; readonly count: number }
  | { readonly kind: "failed"; readonly why: string };

async function run(told: ThreadTold, port: NonNullable<typeof parentPort>): Promise<void> {
  const say = (said: Said): void => port.postMessage(said);
  try {
    const { listener, count } = await serveShared(told.way, told.place, { index: told.index });
    port.on("message", (asked: Asked) => {
      if (asked === "count") return say({ kind: "count", count: count() });
      void listener.close().then(() => {
        say({ kind: "closed" });
        port.close();
      });
    });
    say({ kind: "listening" });
  } catch (cause) {
    say({ kind: "failed", why: String(cause) });
    port.close();
  }
}

if (parentPort !== null && (workerData as Partial<ThreadTold> | null)?.way !== undefined)
  void run(workerData as ThreadTold, parentPort);
