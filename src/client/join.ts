/** HELLO and WELCOME over any transport. */
import type { SessionId } from "../base/ids.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { dictAt, idAt, textAt, textOf } from "./message.ts";
import type { Kwargs } from "./options.ts";
import { ClientSession } from "./session.ts";
import type { ClientTransport } from "./transport.ts";

export interface JoinOptions {
  readonly realm: string;
  readonly authid?: string;
  /** HELLO.Details.roles; by default all four with all features that this client has. */
  readonly roles?: Kwargs;
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

/** HELLO as `joinOver` sends it. */
export const hello = (options: JoinOptions): unknown[] => [
  Message.hello,
  options.realm,
  {
    agent: "spanwire",
    roles: options.roles ?? clientRoles,
    authmethods: ["anonymous"],
    authid: options.authid,
    ...options.details,
  },
];

/**
 * Joins a realm. Rejects with a WampError: the URI of the router's ABORT, or `wamp.error.network_failure` when there is no
 * answer. The transport is closed then.
 */
export function joinOver(transport: ClientTransport, options: JoinOptions): Promise<ClientSession> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error);
      transport.close();
    };
    const timer = setTimeout(
      () => fail(new WampError(errors.networkFailure.uri, "the router did not answer HELLO")),
      options.timeout_ms ?? 10_000,
    );
    transport.onClose = ({ reason }) =>
      fail(new WampError(errors.networkFailure.uri, `the connection was lost before WELCOME: ${reason}`));
    transport.onFrame = (bytes) => {
      try {
        const welcome = readWelcome(transport, decodeMessage(transport.serializer, bytes));
        clearTimeout(timer);
        resolve(new ClientSession(transport, { ...welcome, realm: options.realm }));
      } catch (error) {
        fail(error);
      }
    };
    try {
      transport.send(encodeMessage(transport.serializer, hello(options)));
    } catch (error) {
      fail(error);
    }
  });
}

function readWelcome(
  transport: ClientTransport,
  message: readonly unknown[],
): { id: SessionId; details: Record<string, unknown> } {
  switch (message[0]) {
    case Message.welcome:
      return { id: idAt(message, 1) as SessionId, details: dictAt(message, 2) };
    case Message.abort:
    case Message.goodbye: {
      const uri = textAt(message, 2);
      throw new WampError(uri, textOf(dictAt(message, 1)) ?? uri);
    }
    default: {
      // A CHALLENGE too: nothing but anonymous was offered.
      const text = `message ${String(message[0])} instead of WELCOME`;
      const abort = [Message.abort, { message: text }, errors.protocolViolation.uri];
      transport.send(encodeMessage(transport.serializer, abort));
      throw new WampError(errors.protocolViolation.uri, text);
    }
  }
}
