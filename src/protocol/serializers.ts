/** Serializer numbers as RawSocket has them, and the WebSocket subprotocols that go with them. */
export const Serializer = { json: 1, msgpack: 2, cbor: 3 } as const;
export type Serializer = (typeof Serializer)[keyof typeof Serializer];

/** In the order in which they are offered; a client's own order decides. */
export const subprotocols: ReadonlyMap<string, Serializer> = new Map([
  ["wamp.2.msgpack", Serializer.msgpack],
  ["wamp.2.cbor", Serializer.cbor],
  ["wamp.2.json", Serializer.json],
]);

export const serializerName = (serializer: Serializer): "json" | "msgpack" | "cbor" =>
  serializer === Serializer.json ? "json" : serializer === Serializer.msgpack ? "msgpack" : "cbor";

/** The same with one or more messages in each WebSocket message. */
export const batchedSubprotocol = (subprotocol: string): string => `${subprotocol}.batched`;

/** JSON travels in text frames, the others in binary frames. */
export const isBinary = (serializer: Serializer): boolean => serializer !== Serializer.json;
