/** Our own client behind the common interface: always paired with a foreign one. */
import {
  type ClientSession,
  connect,
  type InvokePolicy,
  type MatchPolicy,
  Result,
  WampError,
} from "../../src/client/index.ts";
import {
  type ForeignCall,
  type ForeignClient,
  ForeignError,
  type ForeignKind,
  type ForeignProcedure,
  type Payload,
  payload,
} from "./foreign.ts";

export const spanwireKind: ForeignKind = {
  name: "spanwire",
  serializers: ["json", "msgpack", "cbor"],
  rawsocketSerializers: ["json", "msgpack", "cbor"],
  lacks: {},
  async connect(options) {
    return new Spanwire(await connect(options), `spanwire ${options.serializer}`);
  },
};

class Spanwire implements ForeignClient {
  readonly name: string;
  readonly #session: ClientSession;

  constructor(session: ClientSession, name: string) {
    this.#session = session;
    this.name = name;
  }

  get sessionId(): number {
    return this.#session.id;
  }

  call(uri: string, given = payload(), onProgress?: (given: Payload) => void): ForeignCall {
    const controller = new AbortController();
    const options = {
      signal: controller.signal,
      ...(onProgress === undefined ? {} : { onProgress }),
      // Read when the signal aborts, so that the driver can choose the mode late.
      cancelMode: "killnowait" as "skip" | "kill" | "killnowait",
    };
    const result = translated(this.#session.call(uri, given.args, given.kwargs, options));
    return {
      result,
      cancel: (mode) => {
        options.cancelMode = mode;
        controller.abort();
      },
    };
  }

  async register(uri: string, procedure: ForeignProcedure, options = {}): Promise<() => Promise<void>> {
    const registration = await translated(
      this.#session.register(
        uri,
        async (invocation) => {
          const call = {
            progress: (more: Payload) => void invocation.progress(more.args, more.kwargs),
            interrupted: new Promise<void>((resolve) =>
              invocation.signal.addEventListener("abort", () => resolve()),
            ),
            procedure: invocation.procedure,
          };
          try {
            const { args, kwargs } = await procedure(payload(invocation.args, invocation.kwargs), call);
            return new Result(args, kwargs);
          } catch (error) {
            if (!(error instanceof ForeignError)) throw error;
            throw new WampError(error.uri, "", { ...error.payload });
          }
        },
        options as { match?: MatchPolicy; invoke?: InvokePolicy },
      ),
    );
    return () => translated(registration.unregister());
  }

  async subscribe(
    topic: string,
    handler: (given: Payload, topic: string) => void,
    options = {},
  ): Promise<() => Promise<void>> {
    const subscription = await translated(
      this.#session.subscribe(
        topic,
        (event) => handler(payload(event.args, event.kwargs), event.topic),
        options as { match?: MatchPolicy },
      ),
    );
    return () => translated(subscription.unsubscribe());
  }

  async publish(
    topic: string,
    given = payload(),
    options: { readonly exclude_me?: boolean } = {},
  ): Promise<void> {
    const { exclude_me } = options;
    const excludeMe = exclude_me === undefined ? {} : { excludeMe: exclude_me };
    await translated(
      this.#session.publish(topic, given.args, given.kwargs, { acknowledge: true, ...excludeMe }),
    );
  }

  close(): Promise<void> {
    return this.#session.leave();
  }
}

const translated = <T>(promise: Promise<T>): Promise<T> =>
  promise.catch((error: unknown) => {
    if (!(error instanceof WampError)) throw error;
    throw new ForeignError(error.uri, payload(error.args, error.kwargs));
  });
