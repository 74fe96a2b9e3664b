/** WAMP messages for tests: the names of their elements, and values read out of raw spans by the cold decoders. */

import { decodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

export const serializers: readonly Serializer[] = [Serializer.json, Serializer.msgpack, Serializer.cbor];

/** What a message element holds. A payload may be missing from the end of a message. */
export type Element = "request" | "id" | "id2" | "requestType" | "dict" | "uri" | "text" | "args" | "kwargs";

const payload = ["args", "kwargs"] as const;

/** The elements behind the message code, as wamp_latest lays them out. */
export const layouts: Readonly<Record<keyof typeof Message | "eventReceived", readonly Element[]>> = {
  hello: ["uri", "dict"],
  welcome: ["id", "dict"],
  abort: ["dict", "uri", ...payload],
  challenge: ["text", "dict"],
  authenticate: ["text", "dict"],
  goodbye: ["dict", "uri"],
  error: ["requestType", "request", "dict", "uri", ...payload],
  publish: ["request", "dict", "uri", ...payload],
  published: ["request", "id"],
  subscribe: ["request", "dict", "uri"],
  subscribed: ["request", "id"],
  unsubscribe: ["request", "id"],
  unsubscribed: ["request"],
  event: ["id", "id2", "dict", ...payload],
  call: ["request", "dict", "uri", ...payload],
  cancel: ["request", "dict"],
  result: ["request", "dict", ...payload],
  register: ["request", "dict", "uri"],
  registered: ["request", "id"],
  unregister: ["request", "id"],
  unregistered: ["request"],
  invocation: ["request", "id2", "dict", ...payload],
  interrupt: ["request", "dict"],
  yield: ["request", "dict", ...payload],
  eventReceived: ["id"],
};

export const codes: Readonly<Record<keyof typeof layouts, number>> = { ...Message, eventReceived: 337 };
export type MessageName = keyof typeof layouts;
export const messageNames = Object.keys(layouts) as readonly MessageName[];

export const nameOf = (code: number): MessageName => {
  const name = messageNames.find((candidate) => codes[candidate] === code);
  if (name === undefined) throw new Error(`no message has the code ${code}`);
  return name;
};

const brackets = {
  [Serializer.json]: [[0x5b], [0x5d]],
  [Serializer.msgpack]: [[0x91], []],
  [Serializer.cbor]: [[0x81], []],
} as const satisfies Record<Serializer, readonly [readonly number[], readonly number[]]>;

/** The one value that a raw span holds. */
export function decodeSpan(serializer: Serializer, span: Uint8Array): unknown {
  const [before, behind] = brackets[serializer];
  return decodeMessage(serializer, Uint8Array.from([...before, ...span, ...behind]))[0];
}
