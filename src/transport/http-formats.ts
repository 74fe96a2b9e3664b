/**
 * What WAMP looks like inside HTTP bodies: which protocols a client may ask for, and how messages stand in the answer to a poll and
 * in an event stream. Pure.
 */
import { Batch, type Framing, framingBytes } from "../protocol/batches.ts";
import { Serializer } from "../protocol/serializers.ts";

export type HttpKind = "longpoll" | "sse";

export interface HttpProtocol {
  /** As the client wrote it. */
  readonly name: string;
  readonly serializer: Serializer;
  /** One or more messages in each body, as in one message of a batched WebSocket. */
  readonly batched: boolean;
}

const protocol = (name: string, serializer: Serializer, batched = false): [string, HttpProtocol] => [
  name,
  { name, serializer, batched },
];

/** An event stream is text, so JSON is what it can carry; its own name for that is Bondy's. */
const protocols: Readonly<Record<HttpKind, ReadonlyMap<string, HttpProtocol>>> = {
  longpoll: new Map([
    protocol("wamp.2.json", Serializer.json),
    protocol("wamp.2.msgpack", Serializer.msgpack),
    protocol("wamp.2.cbor", Serializer.cbor),
    protocol("wamp.2.json.batched", Serializer.json, true),
    protocol("wamp.2.msgpack.batched", Serializer.msgpack, true),
    protocol("wamp.2.cbor.batched", Serializer.cbor, true),
  ]),
  sse: new Map([protocol("wamp.2.json.sse", Serializer.json), protocol("wamp.2.json", Serializer.json)]),
};

export const protocolNames = (kind: HttpKind): readonly string[] => [...protocols[kind].keys()];

/** What stands in the body of an open request, or what is wrong with it: not JSON, or no protocol that is known here. */
export function readOpen(
  kind: HttpKind,
  body: Uint8Array,
): HttpProtocol | "invalid_json" | "no_supported_protocol" {
  let wanted: unknown;
  try {
    wanted = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return "invalid_json";
  }
  const names: unknown =
    typeof wanted === "object" && wanted !== null ? (wanted as { protocols?: unknown }).protocols : undefined;
  if (!Array.isArray(names)) return "no_supported_protocol";
  for (const name of names as unknown[]) {
    const found = typeof name === "string" ? protocols[kind].get(name) : undefined;
    if (found !== undefined) return found;
  }
  return "no_supported_protocol";
}

const contentTypes: Readonly<Record<Serializer, string>> = {
  [Serializer.json]: "application/json",
  [Serializer.msgpack]: "application/x-msgpack",
  [Serializer.cbor]: "application/cbor",
};

export const contentType = ({ serializer }: HttpProtocol): string => contentTypes[serializer];

/** The largest body of a send: one of the largest messages, with its framing in a batch. */
export const bodyBytes_max = ({ serializer, batched }: HttpProtocol, frameBytes_max: number): number =>
  batched ? frameBytes_max + framingBytes(serializer) : frameBytes_max;

export function joinBatch(messages: readonly Uint8Array[], framing: Framing): Uint8Array {
  const batch = new Batch(framing);
  for (const message of messages) batch.add(message);
  return batch.bytes();
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

// ---- event streams (HTML standard, "Server-sent events")

/** What a stream begins with, so that the client learns at once that it is open. */
export const sseOpened = bytesOf(": open\n\n");
export const sseKeepAlive = bytesOf(": keepalive\n\n");
/** The last event of a stream whose transport has ended. */
export const sseTerminated = bytesOf("event: transport_error\ndata: session_terminated\n\n");

const eventHead = bytesOf("event: wamp\ndata: ");
const dataHead = bytesOf("data: ");
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const isLineEnd = (byte: number): boolean => byte === lineFeed || byte === carriageReturn;

/**
 * JSON messages as events, one each. A payload is forwarded as its sender wrote it, which may be over several lines; a line of it is
 * a line of data, which the client joins again.
 */
export function sseEvents(messages: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const message of messages) length += eventBytes(message);
  const events = new Uint8Array(length);
  let at = 0;
  for (const message of messages) at = writeEvent(events, at, message);
  return events;
}

function eventBytes(message: Uint8Array): number {
  let lineEnds = 0;
  for (let i = 0; i < message.length; i++) if (isLineEnd(message[i]!)) lineEnds++;
  return eventHead.length + message.length + lineEnds * dataHead.length + 2;
}

function writeEvent(events: Uint8Array, from: number, message: Uint8Array): number {
  let at = from;
  events.set(eventHead, at);
  at += eventHead.length;
  for (let i = 0; i < message.length; i++) {
    const byte = message[i]!;
    if (isLineEnd(byte)) {
      events[at++] = lineFeed;
      events.set(dataHead, at);
      at += dataHead.length;
    } else {
      events[at++] = byte;
    }
  }
  events[at++] = lineFeed;
  events[at++] = lineFeed;
  return at;
}
