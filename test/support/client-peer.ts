/** The router's end of a client session, played by the test: what the client sent, and what it is sent. */
import { joinOver } from "../../src/client/join.ts";
import type { ClientSession } from "../../src/client/session.ts";
import type { ClientTransport, TransportClose } from "../../src/client/transport.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

/** The other end of a session: keeps what the session says, and says what the test tells it to. */
export class Peer implements ClientTransport {
  readonly serializer = Serializer.json;
  onFrame: ((bytes: Uint8Array) => void) | null = null;
  onClose: ((close: TransportClose) => void) | null = null;
  readonly heard: string[] = [];
  closed = false;
  sendError: Error | null = null;

  send(bytes: Uint8Array): void {
    if (this.sendError !== null) throw this.sendError;
    this.heard.push(new TextDecoder().decode(bytes));
  }
  close(): void {
    this.closed = true;
  }
  say(...messages: string[]): void {
    for (const text of messages) this.onFrame?.(new TextEncoder().encode(text));
  }
  /** What was heard since the last time. */
  take(): string[] {
    return this.heard.splice(0);
  }
}

export async function joined(): Promise<{ peer: Peer; session: ClientSession }> {
  const peer = new Peer();
  const joining = joinOver(peer, { realm: "realm1" });
  peer.take();
  peer.say('[2,9129137332,{"roles":{"broker":{},"dealer":{}},"authid":"a1"}]');
  return { peer, session: await joining };
}

export const wampError = (uri: string, message?: string) => (error: unknown) =>
  error instanceof WampError && error.uri === uri && (message === undefined || error.message === message);
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
