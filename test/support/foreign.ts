/**
 * WAMP clients that others wrote, and ours, behind one small interface, so that every pair of them can be tested with the
 * same sentences. Each driver translates and does nothing else; what a client cannot do is data (`lacks`).
 */

export const serializerNames = ["json", "msgpack", "cbor"] as const;
export type SerializerName = (typeof serializerNames)[number];

export interface Payload {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

export const payload = (
  args: readonly unknown[] = [],
  kwargs: Readonly<Record<string, unknown>> = {},
): Payload => ({
  args,
  kwargs,
});

/** Thrown by procedures, and what a rejected request throws, in any client. */
export class ForeignError extends Error {
  readonly uri: string;
  readonly payload: Payload;
  constructor(uri: string, given: Payload = payload()) {
    super(uri);
    this.uri = uri;
    this.payload = given;
  }
}

export interface ForeignCall {
  readonly result: Promise<Payload>;
  cancel(mode: "skip" | "kill" | "killnowait"): void;
}

export type ForeignProcedure = (
  given: Payload,
  call: { progress(given: Payload): void; readonly interrupted: Promise<void>; readonly procedure: string },
) => Payload | Promise<Payload>;

export interface ForeignClient {
  readonly name: string;
  readonly sessionId: number;
  call(uri: string, given?: Payload, onProgress?: (given: Payload) => void): ForeignCall;
  /** Resolves with the function that unregisters. */
  register(
    uri: string,
    procedure: ForeignProcedure,
    options?: { readonly match?: string; readonly invoke?: string },
  ): Promise<() => Promise<void>>;
  /** Resolves with the function that unsubscribes. */
  subscribe(
    topic: string,
    handler: (given: Payload, topic: string) => void,
    options?: { readonly match?: string },
  ): Promise<() => Promise<void>>;
  /** Acknowledged. */
  publish(topic: string, given?: Payload, options?: { readonly exclude_me?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** What a client cannot do, each with the reason; the suite skips the sentence and says why. */
export interface Lacks {
  /** Publishing with `exclude_me: false`. */
  readonly excludeMeFalse?: string;
  /** Unsubscribing from a prefix or wildcard. */
  readonly unsubscribePattern?: string;
  /** A callee that learns that a call was canceled. */
  readonly interrupts?: string;
  /** Canceling with `skip` or `killnowait`. */
  readonly softCancel?: string;
}

export interface ForeignKind {
  readonly name: string;
  /** Over WebSocket. */
  readonly serializers: readonly SerializerName[];
  /** Over RawSocket. */
  readonly rawsocketSerializers: readonly SerializerName[];
  readonly lacks: Lacks;
  connect(options: {
    /** ws://… or, where the client has RawSocket, tcp://… */
    readonly url: string;
    readonly realm: string;
    readonly serializer: SerializerName;
  }): Promise<ForeignClient>;
}

// Under Bun the native helpers of cbor-x and msgpackr abort the process; their JavaScript does the same.
process.env.CBOR_NATIVE_ACCELERATION_DISABLED = "true";
process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED = "true";
