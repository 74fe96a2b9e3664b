/**
 * The part of uWebSockets.js that the adapter uses, as the builds since v20.31 have it.
 * Our own words, because the declarations that ship with a package describe other builds than its binaries.
 */
import type { CorkableSocket, CorkedConnection } from "./corked.ts";

export type UwsConnection = CorkedConnection<NativeSocket>;

/** A WebSocket of uWebSockets.js. Every method throws once the `close` event has begun. */
export interface NativeSocket extends CorkableSocket {
  /** What `upgrade` was given; the builds of 2023 copy its own properties to the socket and return the socket. */
  getUserData(): { readonly connection: UwsConnection };
  /** Ours: set in `open`, so that an event costs no native call. */
  connection: UwsConnection;
  /** 1 sent, 0 taken but buffered, 2 dropped because of maxBackpressure. */
  send(bytes: Uint8Array, binary: boolean, compress: boolean): number;
  /** Sends a close frame and calls the `close` handler before it returns. */
  end(code: number, reason: string): void;
  /** Drops the socket and calls the `close` handler before it returns. */
  close(): void;
}

/** Lives until the handler returns. */
export interface NativeRequest {
  getHeader(lowerCaseName: string): string;
  getMethod(): string;
  getUrl(): string;
  /** Without the "?"; undefined where there is none. */
  getQuery(): string | undefined;
  forEach(visit: (lowerCaseName: string, value: string) => void): void;
}

/** Every method throws once the answer is ended or aborted. */
export interface NativeResponse {
  writeStatus(status: string): NativeResponse;
  writeHeader(name: string, value: string): NativeResponse;
  end(body: string | Uint8Array, closeConnection?: boolean): void;
  /** Ends without a body; a length given is announced all the same, as for HEAD. */
  endWithoutBody(reportedLength?: number): void;
  /** Sends a chunk; false where it is taken, but the socket is full behind it. */
  write(chunk: Uint8Array): boolean;
  onAborted(aborted: () => void): void;
  /** `chunk` is taken back when the handler returns. A body without this handler is skipped. */
  onData(received: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  onWritable(writable: (offset: number) => boolean): void;
  /** Calls `task` before it returns. */
  cork(task: () => void): void;
  getRemoteAddressAsText(): ArrayBuffer;
  /** Calls the `open` handler before it returns. */
  upgrade(
    userData: { readonly connection: UwsConnection },
    key: string,
    subprotocol: string,
    extensions: string,
    context: NativeUpgradeContext,
  ): void;
}

declare const opaque: unique symbol;
export interface NativeUpgradeContext {
  readonly [opaque]: "context";
}
export interface NativeListenSocket {
  readonly [opaque]: "listen socket";
}

export interface NativeBehavior {
  readonly maxPayloadLength: number;
  readonly maxBackpressure: number;
  readonly closeOnBackpressureLimit: boolean;
  readonly idleTimeout: number;
  readonly sendPingsAutomatically: boolean;
  readonly compression: number;
  upgrade(response: NativeResponse, request: NativeRequest, context: NativeUpgradeContext): void;
  open(socket: NativeSocket): void;
  /** `message` is taken back when the handler returns. */
  message(socket: NativeSocket, message: ArrayBuffer, binary: boolean): void;
  drain(socket: NativeSocket): void;
  close(socket: NativeSocket): void;
}

export interface NativeApp {
  ws(path: string, behavior: NativeBehavior): NativeApp;
  any(path: string, handler: (response: NativeResponse, request: NativeRequest) => void): NativeApp;
  /** Calls back before it returns, with false where it could not listen. */
  listen(
    host: string,
    port: number,
    flags: number,
    done: (socket: NativeListenSocket | false) => void,
  ): NativeApp;
  /** Closes the listen socket and drops every connection. */
  close(): void;
  /** Of an SSLApp: another certificate for clients that ask for this name. What is wrong with its files is not told. */
  addServerName(name: string, options: NativeTlsOptions): NativeApp;
  /** Routes that follow are those of this name, which has none of the others. */
  domain(name: string): NativeApp;
}

export interface NativeTlsOptions {
  readonly cert_file_name: string;
  readonly key_file_name: string;
}

export interface NativeModule {
  App(): NativeApp;
  /** Throws without saying why where the files are not good. TLS 1.2 is its lowest version. */
  SSLApp(options: NativeTlsOptions): NativeApp;
  /** Stops accepting; connections go on. */
  us_listen_socket_close(socket: NativeListenSocket): void;
  us_socket_local_port(socket: NativeListenSocket): number;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  readonly DISABLED: number;
  readonly SHARED_COMPRESSOR: number;
  readonly SHARED_DECOMPRESSOR?: number;
}
