/** HELLO and its answer. */
import type { SessionId } from "../base/ids.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { dictAt, idAt, textAt, textOf } from "./message.ts";
import type { ClientTransport } from "./transport.ts";

/** How long the router may take to answer, where nobody says otherwise. */
const answer_ms = 10_000;

export interface WelcomeMessage {
  readonly id: SessionId;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Says HELLO. `accept` is called at once with the WELCOME, before what follows in the same packet is read, and takes the transport
 * over; what it returns is the result. Rejects with a WampError: the URI of the router's ABORT, or `wamp.error.network_failure` when
 * there is no answer. The transport is closed then.
 */
export function sayHello<T>(
  transport: ClientTransport,
  hello: readonly unknown[],
  accept: (welcome: WelcomeMessage) => T,
  timeout_ms: number = answer_ms,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error);
      transport.close();
    };
    const timer = setTimeout(
      () => fail(new WampError(errors.networkFailure.uri, "the router did not answer HELLO")),
      timeout_ms,
    );
    transport.onClose = ({ reason }) =>
      fail(new WampError(errors.networkFailure.uri, `the connection was lost before WELCOME: ${reason}`));
    transport.onFrame = (bytes) => {
      try {
        const welcome = readWelcome(transport, decodeMessage(transport.serializer, bytes));
        clearTimeout(timer);
        resolve(accept(welcome));
      } catch (error) {
        fail(error);
      }
    };
    try {
      transport.send(encodeMessage(transport.serializer, hello));
    } catch (error) {
      fail(error);
    }
  });
}

function readWelcome(transport: ClientTransport, message: readonly unknown[]): WelcomeMessage {
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
