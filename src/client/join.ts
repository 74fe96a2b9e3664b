/** HELLO and WELCOME over any transport. */
import { Message } from "../protocol/messages.ts";
import { Authentication } from "./authentication.ts";
import { sayHello } from "./exchange.ts";
import type { AuthOptions, Kwargs } from "./options.ts";
import { ClientSession } from "./session.ts";
import type { ClientTransport } from "./transport.ts";

export interface JoinOptions {
  readonly realm: string;
  readonly authid?: string;
  /** Who the client is; absent: `anonymous`. */
  readonly auth?: AuthOptions;
  /** HELLO.Details.roles; by default all four with all features that this client has. */
  readonly roles?: Kwargs;
  /** Asks for a session that outlives its transport; see ClientSession.onAway. */
  readonly resumable?: boolean;
  /** Further HELLO details, sent as they are. */
  readonly details?: Kwargs;
  /** How long the router may take to answer; 10,000 where absent. */
  readonly timeout_ms?: number;
}

/** What this client announces in HELLO. */
export const clientRoles: Kwargs = Object.freeze({
  caller: {
    features: {
      call_canceling: true,
      call_timeout: true,
      caller_identification: true,
      progressive_call_results: true,
    },
  },
  callee: {
    features: {
      call_canceling: true,
      caller_identification: true,
      pattern_based_registration: true,
      progressive_call_results: true,
      registration_revocation: true,
      shared_registration: true,
    },
  },
  publisher: {
    features: {
      publisher_exclusion: true,
      publisher_identification: true,
      subscriber_blackwhite_listing: true,
    },
  },
  subscriber: {
    features: {
      pattern_based_subscription: true,
      publisher_identification: true,
      subscription_revocation: true,
    },
  },
});

/** HELLO as `joinOver` sends it; `who` is what a login adds. */
export const hello = (options: Omit<JoinOptions, "auth">, who: Kwargs = {}): unknown[] => [
  Message.hello,
  options.realm,
  {
    agent: "spanwire",
    roles: options.roles ?? clientRoles,
    authmethods: ["anonymous"],
    authid: options.authid,
    resumable: options.resumable,
    ...who,
    ...options.details,
  },
];

/**
 * Joins a realm. Rejects with a WampError: the URI of the router's ABORT, `wamp.error.protocol_violation` where the router does not
 * keep to the rules of a login, `wamp.error.invalid_argument` where `auth` lacks something, or `wamp.error.network_failure` when there
 * is no answer. The transport is closed then.
 */
export async function joinOver(transport: ClientTransport, options: JoinOptions): Promise<ClientSession> {
  const { auth, realm, timeout_ms } = options;
  const login = auth === undefined ? null : await authenticationOver(transport, { ...options, auth });
  return sayHello(
    transport,
    hello(options, login?.hello),
    (welcome) => new ClientSession(transport, { ...welcome, realm }),
    timeout_ms,
    login,
  );
}

async function authenticationOver(
  transport: ClientTransport,
  { auth, authid }: JoinOptions & { readonly auth: AuthOptions },
): Promise<Authentication> {
  try {
    return await Authentication.create(authid === undefined ? auth : { authid, ...auth }, transport);
  } catch (cause) {
    transport.close();
    throw cause;
  }
}
