/** What the transport suite drives: how to listen and connect, what a transport can, and how cases become tests. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { HttpService, Listener, TransportOptions } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Probe, type ProbeSession } from "./transport-probe.ts";

/** A client of the transport that does what it is told and nothing by itself. */
export interface TestClient {
  readonly socket: Socket;
  send(payload: Uint8Array): void;
  /** The next message. */
  message(): Promise<Buffer>;
  /** Says goodbye as the transport does and waits for the end. */
  close(): Promise<unknown>;
  /** Settles when the connection is gone. */
  readonly closed: Promise<unknown>;
  answersPings: boolean;
}

export interface ListenSettings extends Partial<TransportOptions> {
  readonly host?: string;
  readonly port?: number;
  /** WebSocket only. */
  readonly path?: string;
  readonly deflate?: boolean;
  readonly http?: HttpService;
}

export interface Capabilities {
  readonly pause: boolean;
  /** The shortest idle time that it keeps. */
  readonly idle_ms: number;
  /** Whether it listens on ports; a Unix socket does not. */
  readonly ports: boolean;
}

export interface Subject {
  readonly name: string;
  readonly caps: Capabilities;
  listen(options: TransportOptions & { readonly host: string; readonly port: number }): Promise<Listener>;
  /** `first` is sent in one piece with the handshake. */
  connect(listener: Listener, serializer: Serializer, first?: readonly Uint8Array[]): Promise<TestClient>;
  /** Tries to connect and says how it was refused. */
  refusal(listener: Listener): Promise<string>;
  /** What `refusal` says where the router takes no more. */
  readonly fullRefusal: string;
}

export interface Skip {
  readonly test: string;
  readonly reason: string;
}

export interface Running {
  readonly subject: Subject;
  readonly listener: Listener;
  readonly probe: Probe;
  /** Connects and gives both ends. */
  open(serializer?: Serializer): Promise<{ client: TestClient; session: ProbeSession }>;
}

export type Case = readonly [name: string, run: (subject: Subject) => Promise<void>];

export const frameBytes_max = 1 << 20;

/** Listens for the time of `task`. */
export async function running(
  subject: Subject,
  settings: ListenSettings,
  task: (running: Running) => Promise<void>,
): Promise<void> {
  const probe = new Probe();
  const defaults = { host: "127.0.0.1", port: 0, frameBytes_max, idle_ms: 60_000, handshake_ms: 10_000 };
  const listener = await subject.listen({ ...defaults, accept: probe.accept, ...settings });
  const open = async (serializer: Serializer = Serializer.msgpack) => {
    const client = await subject.connect(listener, serializer);
    return { client, session: await probe.sessions.next() };
  };
  try {
    await task({ subject, listener, probe, open });
  } finally {
    await listener.close();
  }
}

/** Runs cases as tests. A skip that names no case is a mistake. */
export function runCases(subject: Subject, cases: readonly Case[], skip: readonly Skip[]): void {
  for (const { test: name, reason } of skip) {
    if (!cases.some(([known]) => known === name)) throw new Error(`no such case to skip: ${name}`);
    test(`${subject.name}: ${name}`, { skip: reason }, () => {});
  }
  for (const [name, run] of cases) {
    if (skip.some((entry) => entry.test === name)) continue;
    test(`${subject.name}: ${name}`, { timeout: 60_000 }, () => run(subject));
  }
}

/** Bytes that tell where they belong: a number and a pattern that follows from it. */
export function numbered(index: number, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  // Below 0x80, so that it may also travel as text.
  bytes.fill(index % 127);
  for (let i = 0; i < Math.min(8, byteLength); i++) bytes[i] = (index >>> (4 * (7 - i))) & 15;
  return bytes;
}

export const assertNumbered = (message: Buffer, index: number, byteLength: number): void =>
  assert.ok(
    Buffer.from(numbered(index, byteLength)).equals(message),
    `message ${index} is not what was sent`,
  );

/** A round trip on a connection of its own: what was under way when it began has had its turn when it is over. */
export async function aTurn({ open }: Running): Promise<void> {
  const { client, session } = await open();
  client.send(numbered(1, 4));
  await session.frames.next();
  session.post(numbered(2, 4));
  await client.message();
  await client.close();
  await session.closed;
}
