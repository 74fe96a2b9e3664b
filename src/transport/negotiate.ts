/**
 * The opening of a WebSocket connection as every adapter sees it: which subprotocol is taken, and what is answered where none is.
 * Pure; each adapter carries the answers out in its own words.
 */
import { framingBytes } from "../protocol/batches.ts";
import { batchedSubprotocol, Serializer, serializerName, subprotocols } from "../protocol/serializers.ts";

export interface Negotiated {
  /** As the client wrote it, for the answer's Sec-WebSocket-Protocol header. */
  readonly subprotocol: string;
  readonly serializer: Serializer;
  readonly batched: boolean;
}

const known: ReadonlyMap<string, Negotiated> = new Map(
  [false, true].flatMap((batched) =>
    [...subprotocols].map(([name, serializer]) => {
      const subprotocol = batched ? batchedSubprotocol(name) : name;
      return [subprotocol, Object.freeze({ subprotocol, serializer, batched })];
    }),
  ),
);
const offered = [...known.keys()].join(", ");

/**
 * Takes the first name of the client's list that is known here: the client's order decides.
 * `header` is the value of Sec-WebSocket-Protocol, "" where it was missing. Null where none fits or none was offered.
 */
export function negotiate(header: string): Negotiated | null {
  for (const name of header.split(",")) {
    const found = known.get(name.trim());
    if (found !== undefined) return found;
  }
  return null;
}

/** An HTTP answer to a request that does not become a WebSocket. */
export interface Refusal {
  readonly status: number;
  readonly statusText: string;
  readonly body: string;
}

const refusal = (status: number, statusText: string, body: string): Refusal =>
  Object.freeze({ status, statusText, body: `${body}\n` });

export const refusals = Object.freeze({
  noSubprotocol: refusal(
    400,
    "Bad Request",
    `This is a WAMP router: offer one of the WebSocket subprotocols ${offered}.`,
  ),
  notFound: refusal(404, "Not Found", "There is nothing at this path."),
  upgradeRequired: refusal(
    426,
    "Upgrade Required",
    `This is a WAMP router: connect by WebSocket with one of the subprotocols ${offered}.`,
  ),
  full: refusal(
    503,
    "Service Unavailable",
    "This router takes no more connections at present; try again later.",
  ),
});

/** The largest WebSocket message that is taken: a message of WAMP, or a batch that holds one of the largest. */
export const messageBytes_max = ({ serializer, batched }: Negotiated, frameBytes_max: number): number =>
  batched ? frameBytes_max + framingBytes(serializer) : frameBytes_max;

/** Close codes (RFC 6455 section 7.4.1) that the transports themselves use. */
export const CloseCode = { wrongFrameType: 1003, frameTooLarge: 1009, tryLater: 1013 } as const;

/** The reason given with close code 1003. */
export function wrongFrameReason(serializer: Serializer): string {
  const wanted = serializer === Serializer.json ? "text" : "binary";
  return `wamp.2.${serializerName(serializer)} travels in ${wanted} frames`;
}

/** The reason given with close code 1009. */
export const frameTooLargeReason = (messageBytes_max: number): string =>
  `a message may have ${messageBytes_max} bytes`;

const reasonBytes_max = 123;

/** A close frame holds at most 123 bytes of reason (RFC 6455 section 5.5): cuts between two characters where there are more. */
export function closeReason(text: string): string {
  let cut = "";
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0)!;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (bytes > reasonBytes_max) return cut;
    cut += character;
  }
  return text;
}

/**
 * Rounds an idle time to what uWebSockets can keep, inside Node or inside Bun: whole multiples of four seconds from 8 to 960.
 * 0 stays 0, which is off.
 */
export function idleTimeoutSeconds(idle_ms: number): number {
  if (idle_ms === 0) return 0;
  return Math.min(960, Math.max(8, Math.ceil(idle_ms / 4_000) * 4));
}

/** What a client connects to. An IPv6 address stands in brackets. */
export const webSocketUrl = (host: string, port: number, path: string, secure = false): string =>
  `${secure ? "wss" : "ws"}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;

/** The path is matched literally, so it may not contain what one of the servers reads as a pattern. */
export function checkPath(path: string): void {
  if (!/^\/[A-Za-z0-9._~/-]*$/.test(path)) {
    throw new Error(
      `the WebSocket path ${JSON.stringify(path)} must start with "/" and hold letters, digits and ._~/- only`,
    );
  }
}

/** Messages below this size are not worth compressing, where compression was agreed at all. */
export const deflateFromBytes = 512;
