/** The part of autobahn-js 22.11 that is used here; the package has no types of its own. */
export interface AutobahnResult {
  readonly args: unknown[];
  readonly kwargs: Record<string, unknown>;
}

export interface AutobahnError {
  readonly error: string;
  readonly args?: unknown[];
  readonly kwargs?: Record<string, unknown>;
}

/** A promise of `when`, with progress and the client's own `cancel`. */
export interface AutobahnCall {
  then(
    onResult: (result: unknown) => void,
    onError: (error: AutobahnError) => void,
    onProgress?: (result: unknown) => void,
  ): void;
  cancel(options: { mode: string }): void;
}

export interface AutobahnInvocation {
  readonly procedure: string;
  readonly progress: ((args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>) => void) | null;
}

export interface AutobahnSession {
  readonly id: number;
  call(uri: string, args: readonly unknown[], kwargs: object, options: object): AutobahnCall;
  register(
    uri: string,
    endpoint: (args: unknown[], kwargs: Record<string, unknown>, details: AutobahnInvocation) => unknown,
    options: object,
  ): Promise<{ unregister(): Promise<void> }>;
  subscribe(
    topic: string,
    handler: (args: unknown[], kwargs: Record<string, unknown>, details: { readonly topic: string }) => void,
    options: object,
  ): Promise<{ unsubscribe(): Promise<void> }>;
  publish(topic: string, args: readonly unknown[], kwargs: object, options: object): Promise<unknown>;
}

export interface AutobahnConnection {
  onopen: (session: AutobahnSession) => void;
  onclose: (
    reason: string,
    details: { readonly reason: string | null; readonly message: string | null },
  ) => boolean;
  open(): void;
  close(): void;
}

export interface AutobahnModule {
  readonly version: string;
  readonly Connection: new (options: object) => AutobahnConnection;
  readonly Result: new (args: readonly unknown[], kwargs: object) => AutobahnResult;
  readonly Error: new (error: string, args: readonly unknown[], kwargs: object) => AutobahnError;
  readonly log: { warn: (...text: unknown[]) => void };
  readonly serializer: {
    readonly JSONSerializer: new () => object;
    readonly MsgpackSerializer: new () => object;
    readonly CBORSerializer: new () => object;
  };
}
