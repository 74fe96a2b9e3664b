/** The part of Bun's server that the adapter uses, in our own words: the package of Bun's types would replace Node's. */
import type { CorkableSocket, CorkedConnection } from "./corked.ts";

export type BunConnection = CorkedConnection<BunSocket>;

export interface BunSocket extends CorkableSocket {
  readonly data: BunConnection;
  binaryType: "uint8array";
  /** Bytes sent; -1 taken but buffered; 0 dropped, or the connection is closed. */
  sendBinary(bytes: Uint8Array, compress: boolean): number;
  sendText(text: string, compress: boolean): number;
  /** Sends a close frame and calls the `close` handler before it returns. */
  close(code: number, reason: string): void;
  /** Drops the socket and calls the `close` handler before it returns. */
  terminate(): void;
  /** Missing before Bun 1.4.3. The idle timeout rests meanwhile. */
  pause?(): void;
  resume?(): void;
}

export interface BunServer {
  readonly port: number;
  /** Calls the `open` handler before it returns. False where the request is not a WebSocket handshake. */
  upgrade(request: Request, options: { data: BunConnection; headers: Record<string, string> }): boolean;
  /** Seconds of silence after which the request's connection is dropped, in place of `idleTimeout`; 0 is never. */
  timeout(request: Request, seconds: number): void;
  requestIP(request: Request): { readonly address: string } | null;
  /** False: stops accepting, and what is open goes on. */
  stop(dropConnections: boolean): Promise<void>;
}

export interface BunTls {
  readonly cert: string;
  readonly key: string;
  /** Absent: for all names that no other has. */
  readonly serverName?: string;
  /** As OpenSSL counts: 0x0303 is TLS 1.2. */
  readonly minVersion: number;
}

export interface BunServeOptions {
  /** The first is the default one. */
  readonly tls?: readonly BunTls[];
  readonly hostname: string;
  readonly port: number;
  /** Others may listen on the same port too. */
  readonly reusePort: boolean;
  /** Seconds for a request that is not yet answered. */
  readonly idleTimeout: number;
  fetch(request: Request, server: BunServer): Response | Promise<Response> | undefined;
  readonly websocket: {
    readonly maxPayloadLength: number;
    readonly backpressureLimit: number;
    readonly closeOnBackpressureLimit: boolean;
    readonly idleTimeout: number;
    readonly sendPings: boolean;
    readonly perMessageDeflate: boolean;
    open(socket: BunSocket): void;
    message(socket: BunSocket, message: string | Uint8Array): void;
    drain(socket: BunSocket): void;
    close(socket: BunSocket): void;
  };
}

export interface BunGlobal {
  readonly version: string;
  /** Throws with `code` EADDRINUSE and its like. */
  serve(options: BunServeOptions): BunServer;
}

/** Undefined on every other runtime. */
export const bunGlobal = (): BunGlobal | undefined => (globalThis as { readonly Bun?: BunGlobal }).Bun;
