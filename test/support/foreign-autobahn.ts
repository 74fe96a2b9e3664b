/** autobahn-js 22.11.1 behind the common interface. */
import type {
  AutobahnConnection,
  AutobahnError,
  AutobahnInvocation,
  AutobahnModule,
  AutobahnSession,
} from "./autobahn-types.ts";
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
import { XmlHttpRequest } from "./xml-http-request.ts";

/** It is made for browsers, and takes their XMLHttpRequest from where they have it. */
declare global {
  var XMLHttpRequest: unknown;
}

export const autobahnKind: ForeignKind = {
  name: "autobahn",
  serializers: ["json", "msgpack", "cbor"],
  rawsocketSerializers: ["json"],
  lacks: {
    interrupts: "autobahn-js has no INTERRUPT and does not announce call_canceling as a callee",
    softCancel:
      "autobahn-js forgets a call that it cancels with another mode than kill and then breaks on its ERROR",
  },
  async connect({ url, realm, serializer }) {
    const autobahn = await loadAutobahn();
    const connection = new autobahn.Connection({
      ...transportOf(autobahn, url, serializer),
      realm,
      max_retries: 0,
      retry_if_unreachable: false,
      on_user_error: () => {},
    });
    const session = await new Promise<AutobahnSession>((resolve, reject) => {
      connection.onopen = resolve;
      connection.onclose = (reason, details) => {
        reject(new Error(`autobahn: ${reason} ${details.reason ?? ""} ${details.message ?? ""}`));
        return true;
      };
      connection.open();
    });
    return new Autobahn(autobahn, connection, session, `autobahn ${serializer}`);
  },
};

/** Its RawSocket speaks JSON only, and so does its long-poll, whose URL is http://… */
function transportOf(autobahn: AutobahnModule, url: string, serializer: SerializerName): object {
  if (url.startsWith("http:")) {
    globalThis.XMLHttpRequest ??= XmlHttpRequest;
    return { transports: [{ type: "longpoll", url }] };
  }
  if (url.startsWith("ws:")) {
    return { url, serializers: [new autobahn.serializer[serializerClass[serializer]]()] };
  }
  const { hostname, port } = new URL(url);
  return { transports: [{ type: "rawsocket", url, host: hostname, port: Number(port) }] };
}

const serializerClass = {
  json: "JSONSerializer",
  msgpack: "MsgpackSerializer",
  cbor: "CBORSerializer",
} as const;

/** Silences what it prints on every closed connection. */
export async function loadAutobahn(): Promise<AutobahnModule> {
  const { default: autobahn } = (await import("autobahn" as string)) as { default: AutobahnModule };
  (autobahn.log as { warn: unknown }).warn = () => {};
  return autobahn;
}

class Autobahn implements ForeignClient {
  readonly name: string;
  readonly #autobahn: AutobahnModule;
  readonly #connection: AutobahnConnection;
  readonly #session: AutobahnSession;

  constructor(
    autobahn: AutobahnModule,
    connection: AutobahnConnection,
    session: AutobahnSession,
    name: string,
  ) {
    this.#autobahn = autobahn;
    this.#connection = connection;
    this.#session = session;
    this.name = name;
  }

  get sessionId(): number {
    return this.#session.id;
  }

  /** autobahn gives a single positional result as it is, none as null, and only others as a Result. */
  #payloadFrom(result: unknown): Payload {
    if (result instanceof this.#autobahn.Result) return payload(result.args, result.kwargs);
    return payload(result === null || result === undefined ? [] : [result]);
  }

  call(uri: string, given = payload(), onProgress?: (given: Payload) => void): ForeignCall {
    const options = onProgress === undefined ? {} : { receive_progress: true };
    const call = this.#session.call(uri, given.args, given.kwargs, options);
    const result = new Promise<Payload>((resolve, reject) => {
      call.then(
        (value) => resolve(this.#payloadFrom(value)),
        (error) => reject(foreignError(error)),
        (value) => onProgress?.(this.#payloadFrom(value)),
      );
    });
    return { result, cancel: (mode) => call.cancel({ mode }) };
  }

  async register(uri: string, procedure: ForeignProcedure, options = {}): Promise<() => Promise<void>> {
    const endpoint = async (
      args: unknown[],
      kwargs: Record<string, unknown>,
      details: AutobahnInvocation,
    ) => {
      const progress = (more: Payload): void => details.progress?.(more.args, more.kwargs);
      const call = { progress, interrupted: new Promise<void>(() => {}), procedure: details.procedure };
      try {
        const result = await procedure(payload(args, kwargs), call);
        return new this.#autobahn.Result(result.args, result.kwargs);
      } catch (error) {
        if (!(error instanceof ForeignError)) throw error;
        throw new this.#autobahn.Error(error.uri, error.payload.args, error.payload.kwargs);
      }
    };
    const registration = await settle(this.#session.register(uri, endpoint, { ...options }));
    return () => settle(registration.unregister());
  }

  async subscribe(
    topic: string,
    handler: (given: Payload, topic: string) => void,
    options = {},
  ): Promise<() => Promise<void>> {
    const subscription = await settle(
      this.#session.subscribe(
        topic,
        (args, kwargs, details) => handler(payload(args, kwargs), details.topic),
        {
          ...options,
        },
      ),
    );
    return () => settle(subscription.unsubscribe());
  }

  async publish(topic: string, given = payload(), options = {}): Promise<void> {
    await settle(this.#session.publish(topic, given.args, given.kwargs, { acknowledge: true, ...options }));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#connection.onclose = () => {
        resolve();
        return true;
      };
      this.#connection.close();
    });
  }
}

/** A promise of the platform from one of `when`, with our error class. */
function settle<T>(promise: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, (error: AutobahnError) => reject(foreignError(error)));
  });
}

function foreignError(error: AutobahnError): unknown {
  if (error === null || typeof error !== "object" || typeof error.error !== "string") return error;
  return new ForeignError(error.error, payload(error.args ?? [], error.kwargs ?? {}));
}
