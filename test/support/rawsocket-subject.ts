/** RawSocket as a subject of the transport suite. */
import { mkdtempSync } from "node:fs";
import type { NetConnectOpts } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import type { Listener, TlsOptions } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { listenRawSocket } from "../../src/transport/rawsocket.ts";
import { clientHandshake, RawSocketClient, rawFrame } from "./rawsocket-raw.ts";
import type { Subject } from "./transport-subject.ts";

/** Where a client connects to. */
export function addressOf({ url, port }: Listener): NetConnectOpts {
  if (url.startsWith("unix:")) return { path: url.slice("unix:".length) };
  return { port, host: new URL(url).hostname.replace(/^\[|\]$/g, "") };
}

/** A path in a new folder; short, because a Unix socket's path has about a hundred bytes. */
export const freshUnixPath = (): string => join(mkdtempSync(join(tmpdir(), "sw-")), "s");

const sharedOver = (tls?: ConnectionOptions): Pick<Subject, "connect" | "refusal" | "fullRefusal"> => ({
  fullRefusal: "7f400000",
  async connect(listener, serializer, first = []) {
    const client = new RawSocketClient(addressOf(listener), tls);
    client.sendBytes(
      Buffer.concat([clientHandshake(serializer), ...first.map((payload) => rawFrame(payload))]),
    );
    const answer = await client.answer;
    if (answer.length < 4 || (answer[1]! & 15) !== serializer)
      throw new Error(`answered ${answer.toString("hex")}`);
    return client;
  },
  async refusal(listener) {
    const client = new RawSocketClient(addressOf(listener), tls);
    client.sendBytes(clientHandshake(Serializer.json));
    const answer = await client.answer;
    await client.close();
    return answer.toString("hex");
  },
});
const shared = sharedOver();

export const tcpSubject = (): Subject => ({
  ...shared,
  name: "rawsocket",
  caps: { pause: true, idle_ms: 600, ports: true },
  listen: (options) => listenRawSocket(options),
});

export const tlsSubject = (server: TlsOptions, client: ConnectionOptions): Subject => ({
  ...sharedOver(client),
  name: "rawsocket over TLS",
  caps: { pause: true, idle_ms: 600, ports: true },
  listen: (options) => listenRawSocket({ ...options, tls: server }),
});

export const unixSubject = (): Subject => ({
  ...shared,
  name: "rawsocket on a Unix socket",
  caps: { pause: true, idle_ms: 600, ports: false },
  listen: ({ host: _host, port: _port, ...options }) =>
    listenRawSocket({ ...options, unixPath: freshUnixPath() }),
});
