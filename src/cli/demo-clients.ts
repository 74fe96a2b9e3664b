/** The two foreign clients of the demo, loaded from npm, and the little of each that the demo uses. */

export interface DemoClient {
  readonly name: string;
  call(procedure: string, args: readonly unknown[]): Promise<unknown>;
  /** The procedure's result is the call's one positional result; what it throws is the error's URI. */
  register(procedure: string, run: (args: readonly unknown[]) => unknown, options?: object): Promise<void>;
  subscribe(
    topic: string,
    onEvent: (topic: string, args: readonly unknown[]) => void,
    options?: object,
  ): Promise<void>;
  /** Resolves when the router has acknowledged it. */
  publish(topic: string, args: readonly unknown[]): Promise<void>;
  close(): Promise<void>;
}

export interface DemoClients {
  readonly autobahnVersion: string;
  readonly wampyVersion: string;
  /** autobahn, speaking JSON. */
  autobahn(url: string, realm: string): Promise<DemoClient>;
  /** wampy, speaking CBOR. */
  wampy(url: string, realm: string): Promise<DemoClient>;
}

/** Rejects where one of the packages is not installed. */
export async function loadDemoClients(): Promise<DemoClients> {
  // The native helpers of wampy's encoders abort Bun; their JavaScript does the same work.
  process.env.CBOR_NATIVE_ACCELERATION_DISABLED = "true";
  // Neither package is a dependency of the router, and one has no types: hence the casts.
  const { default: autobahn } = (await import("autobahn" as string)) as { default: AutobahnModule };
  const { Wampy } = (await import("wampy" as string)) as { Wampy: WampyConstructor };
  const { CborSerializer } = (await import("wampy/CborSerializer.js" as string)) as {
    CborSerializer: new () => object;
  };
  const { WebSocket } = await import("ws");
  // It reports every closed connection, also those that are meant to close.
  autobahn.log.warn = () => {};
  return {
    autobahnVersion: autobahn.version,
    wampyVersion: new Wampy("ws://127.0.0.1", {}).version.replace(/^v/, ""),
    autobahn: (url, realm) => connectAutobahn(autobahn, url, realm),
    wampy: async (url, realm) => {
      const serializer = new CborSerializer();
      const wampy = new Wampy(url, { realm, ws: WebSocket, serializer, autoReconnect: false });
      await wampy.connect();
      return wampyClient(wampy);
    },
  };
}

interface AutobahnSession {
  call(uri: string, args: readonly unknown[]): Promise<unknown>;
  register(uri: string, endpoint: (args: readonly unknown[]) => unknown, options: object): Promise<unknown>;
  subscribe(
    topic: string,
    handler: (args: readonly unknown[], kwargs: object, details: { readonly topic: string }) => void,
    options: object,
  ): Promise<unknown>;
  publish(topic: string, args: readonly unknown[], kwargs: object, options: object): Promise<unknown>;
}

interface AutobahnConnection {
  onopen: (session: AutobahnSession) => void;
  onclose: (reason: string) => boolean;
  open(): void;
  close(): void;
}

interface AutobahnModule {
  readonly version: string;
  readonly log: { warn: (...text: unknown[]) => void };
  readonly Connection: new (options: object) => AutobahnConnection;
  readonly Error: new (uri: string) => object;
  readonly serializer: { readonly JSONSerializer: new () => object };
}

async function connectAutobahn(autobahn: AutobahnModule, url: string, realm: string): Promise<DemoClient> {
  const serializers = [new autobahn.serializer.JSONSerializer()];
  const connection = new autobahn.Connection({
    url,
    realm,
    serializers,
    max_retries: 0,
    on_user_error: () => {},
  });
  const session = await new Promise<AutobahnSession>((resolve, reject) => {
    connection.onopen = resolve;
    connection.onclose = (reason) => {
      reject(new Error(`autobahn: ${reason}`));
      return true;
    };
    connection.open();
  });
  return {
    name: "autobahn (JSON)",
    call: (procedure, args) =>
      new Promise((resolve, reject) => {
        session
          .call(procedure, args)
          .then(resolve, (error: { readonly error: string }) => reject(new Error(error.error)));
      }),
    register: async (procedure, run, options = {}) => {
      const endpoint = (args: readonly unknown[]): unknown => {
        try {
          return run(args);
        } catch (error) {
          throw new autobahn.Error((error as Error).message);
        }
      };
      await session.register(procedure, endpoint, options);
    },
    subscribe: async (topic, onEvent, options = {}) => {
      await session.subscribe(topic, (args, _kwargs, details) => onEvent(details.topic, args), options);
    },
    publish: async (topic, args) => {
      await session.publish(topic, args, {}, { acknowledge: true });
    },
    close: () =>
      new Promise((resolve) => {
        connection.onclose = () => {
          resolve();
          return true;
        };
        connection.close();
      }),
  };
}

interface WampyMessage {
  readonly details: { readonly topic?: string };
  readonly argsList?: readonly unknown[];
}

interface Wampy {
  readonly version: string;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  call(uri: string, args: readonly unknown[]): Promise<WampyMessage>;
  register(uri: string, procedure: (call: WampyMessage) => unknown, options: object): Promise<unknown>;
  subscribe(topic: string, handler: (event: WampyMessage) => void, options: object): Promise<unknown>;
  publish(topic: string, args: readonly unknown[]): Promise<unknown>;
}

type WampyConstructor = new (url: string, options: object) => Wampy;

function wampyClient(wampy: Wampy): DemoClient {
  return {
    name: "wampy (CBOR)",
    call: async (procedure, args) => {
      try {
        return (await wampy.call(procedure, args)).argsList?.[0];
      } catch (error) {
        throw new Error((error as { readonly errorUri?: string }).errorUri ?? String(error));
      }
    },
    register: async (procedure, run, options = {}) => {
      const endpoint = ({ argsList = [] }: WampyMessage): unknown => {
        try {
          return { argsList: [run(argsList)] };
        } catch (error) {
          throw { error: (error as Error).message };
        }
      };
      await wampy.register(procedure, endpoint, options);
    },
    subscribe: async (topic, onEvent, options = {}) => {
      const handler = ({ details, argsList = [] }: WampyMessage): void =>
        onEvent(details.topic ?? topic, argsList);
      await wampy.subscribe(topic, handler, options);
    },
    publish: async (topic, args) => {
      await wampy.publish(topic, args);
    },
    close: async () => {
      await wampy.disconnect();
    },
  };
}
