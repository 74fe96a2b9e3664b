/**
 * The error catalogue: every WAMP URI that the router itself answers with. URIs are stable, texts are not.
 * `retry` says if the same request may succeed later without a change by the caller.
 */
export interface ErrorEntry {
  readonly uri: string;
  readonly retry: boolean;
}

export const errors = {
  invalidUri: { uri: "wamp.error.invalid_uri", retry: false },
  noSuchProcedure: { uri: "wamp.error.no_such_procedure", retry: true },
  procedureAlreadyExists: { uri: "wamp.error.procedure_already_exists", retry: false },
  noSuchRegistration: { uri: "wamp.error.no_such_registration", retry: false },
  noSuchSubscription: { uri: "wamp.error.no_such_subscription", retry: false },
  noSuchSession: { uri: "wamp.error.no_such_session", retry: false },
  invalidArgument: { uri: "wamp.error.invalid_argument", retry: false },
  protocolViolation: { uri: "wamp.error.protocol_violation", retry: false },
  notAuthorized: { uri: "wamp.error.not_authorized", retry: false },
  noSuchRealm: { uri: "wamp.error.no_such_realm", retry: false },
  noSuchRole: { uri: "wamp.error.no_such_role", retry: false },
  noMatchingAuthMethod: { uri: "wamp.error.no_matching_auth_method", retry: false },
  authenticationFailed: { uri: "wamp.error.authentication_failed", retry: false },
  canceled: { uri: "wamp.error.canceled", retry: true },
  timeout: { uri: "wamp.error.timeout", retry: true },
  noAvailableCallee: { uri: "wamp.error.no_available_callee", retry: true },
  unregistered: { uri: "wamp.error.unregistered", retry: false },
  unavailable: { uri: "wamp.error.unavailable", retry: true },
  networkFailure: { uri: "wamp.error.network_failure", retry: true },
  featureNotSupported: { uri: "wamp.error.feature_not_supported", retry: false },
  optionNotAllowed: { uri: "wamp.error.option_not_allowed", retry: false },
  discloseMeDisallowed: { uri: "wamp.error.option_disallowed.disclose_me", retry: false },
  payloadSizeExceeded: { uri: "wamp.error.payload_size_exceeded", retry: false },
  invalidPayload: { uri: "wamp.error.invalid_payload", retry: false },
} as const satisfies Record<string, ErrorEntry>;

export const closeReasons = {
  normal: "wamp.close.normal",
  goodbyeAndOut: "wamp.close.goodbye_and_out",
  closeRealm: "wamp.close.close_realm",
  systemShutdown: "wamp.close.system_shutdown",
  killed: "wamp.close.killed",
} as const;

export interface WampErrorOptions {
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error with a WAMP URI: thrown on the control path, by clients and by in-process procedures. */
export class WampError extends Error {
  readonly uri: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  constructor(uri: string, message: string, options: WampErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WampError";
    this.uri = uri;
    this.args = options.args ?? [];
    this.kwargs = options.kwargs ?? {};
  }
}
