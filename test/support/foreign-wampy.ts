/** wampy 8 behind the common interface. */
import {
  type ForeignCall,
  type ForeignClient,
  ForeignError,
  type ForeignKind,
  type ForeignProcedure,
  type Payload,
  payload,
  type SerializerName,
} from "./foreign.ts";

interface WampyPayload {
  readonly argsList?: readonly unknown[];
  readonly argsDict?: Readonly<Record<string, unknown>>;
}

interface WampyEvent extends WampyPayload {
  readonly details: Readonly<Record<string, unknown>>;
}

interface WampyInvocation extends WampyEvent {
  result_handler(result: WampyPayload & { readonly options: { readonly progress: boolean } }): void;
}

interface WampyError {
  readonly errorUri?: string;
  readonly message?: string;
  readonly argsList?: readonly unknown[];
  readonly argsDict?: Readonly<Record<string, unknown>>;
}

export interface WampyClient {
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  getSessionId(): number;
  getOpStatus(): { readonly reqId: number };
  call(uri: string, given: WampyPayload, options?: object): Promise<WampyPayload>;
  cancel(request: number, options: { readonly mode: string }): boolean;
  register(uri: string, procedure: (given: WampyInvocation) => unknown, options?: object): Promise<unknown>;
  unregister(uri: string): Promise<unknown>;
  subscribe(
    topic: string,
    handler: (event: WampyEvent) => void,
    options?: object,
  ): Promise<{ readonly subscriptionId: number }>;
  unsubscribe(subscription: number): Promise<unknown>;
  publish(topic: string, given: WampyPayload, options?: object): Promise<unknown>;
}

type WampyConstructor = new (url: string, options: object) => WampyClient;

export const wampyKind: ForeignKind = {
  name: "wampy",
  serializers: ["json", "msgpack", "cbor"],
  rawsocketSerializers: [],
  lacks: {
    excludeMeFalse: "wampy sends exclude_me only when it is true",
    unsubscribePattern:
      "wampy forgets the match policy and fails inside when the answer to UNSUBSCRIBE arrives",
    interrupts: "wampy has no INTERRUPT and does not announce call_canceling as a callee",
  },
  async connect({ url, realm, serializer }) {
    const client = await createWampy({ url, realm, serializer });
    await client.connect();
    return new WampyDriver(client, `wampy ${serializer}`);
  },
};

export async function createWampy(options: {
  readonly url: string;
  readonly realm: string;
  readonly serializer: SerializerName;
  /** For wss. */
  readonly tls?: { readonly ca: string; readonly servername: string };
  /** Its own options beside. */
  readonly more?: object;
}): Promise<WampyClient> {
  const { Wampy } = (await import("wampy" as string)) as { Wampy: WampyConstructor };
  const { WebSocket } = await import("ws");
  const serializer = await serializerOf(options.serializer);
  const { tls } = options;
  // Bun has its own `ws`, which takes these options in a place of their own.
  class Trusting extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ...tls, ...({ tls } as object) });
    }
  }
  const ws = tls === undefined ? WebSocket : Trusting;
  return new Wampy(options.url, {
    realm: options.realm,
    ws,
    serializer,
    autoReconnect: false,
    ...options.more,
  });
}

async function serializerOf(name: SerializerName): Promise<object> {
  const className = { json: "JsonSerializer", msgpack: "MsgpackSerializer", cbor: "CborSerializer" }[name];
  const module = (await import(`wampy/${className}.js`)) as Record<string, new () => object>;
  return new module[className]!();
}

const fromWampy = ({ argsList, argsDict }: WampyPayload): Payload => payload(argsList ?? [], argsDict ?? {});
const toWampy = ({ args, kwargs }: Payload): WampyPayload => ({ argsList: args, argsDict: kwargs });

class WampyDriver implements ForeignClient {
  readonly name: string;
  readonly #wampy: WampyClient;

  constructor(wampy: WampyClient, name: string) {
    this.#wampy = wampy;
    this.name = name;
  }

  get sessionId(): number {
    return this.#wampy.getSessionId();
  }

  call(uri: string, given = payload(), onProgress?: (given: Payload) => void): ForeignCall {
    const progress_callback = (event: WampyPayload): void => onProgress?.(fromWampy(event));
    const call = this.#wampy.call(uri, toWampy(given), onProgress === undefined ? {} : { progress_callback });
    const request = this.#wampy.getOpStatus().reqId;
    return {
      result: translated(call).then(fromWampy),
      cancel: (mode) => void this.#wampy.cancel(request, { mode }),
    };
  }

  async register(uri: string, procedure: ForeignProcedure, options = {}): Promise<() => Promise<void>> {
    const handler = async (invocation: WampyInvocation): Promise<WampyPayload> => {
      const progress = (more: Payload): void =>
        invocation.result_handler({ ...toWampy(more), options: { progress: true } });
      const called = invocation.details.procedure;
      const call = {
        progress,
        interrupted: new Promise<void>(() => {}),
        procedure: typeof called === "string" ? called : uri,
      };
      try {
        return toWampy(await procedure(fromWampy(invocation), call));
      } catch (error) {
        if (!(error instanceof ForeignError)) throw error;
        throw { error: error.uri, ...toWampy(error.payload) };
      }
    };
    await translated(this.#wampy.register(uri, handler, options));
    return async () => void (await translated(this.#wampy.unregister(uri)));
  }

  async subscribe(
    topic: string,
    handler: (given: Payload, topic: string) => void,
    options?: { readonly match?: string },
  ): Promise<() => Promise<void>> {
    const onEvent = (event: WampyEvent): void => {
      const published = event.details.topic;
      handler(fromWampy(event), typeof published === "string" ? published : topic);
    };
    const { subscriptionId } = await translated(this.#wampy.subscribe(topic, onEvent, options));
    return async () => void (await translated(this.#wampy.unsubscribe(subscriptionId)));
  }

  async publish(topic: string, given = payload(), options = {}): Promise<void> {
    await translated(this.#wampy.publish(topic, toWampy(given), options));
  }

  async close(): Promise<void> {
    await this.#wampy.disconnect();
  }
}

function translated<T>(promise: Promise<T>): Promise<T> {
  return promise.catch((error: WampyError) => {
    if (typeof error.errorUri !== "string") throw error;
    throw new ForeignError(error.errorUri, payload(error.argsList ?? [], error.argsDict ?? {}));
  });
}
