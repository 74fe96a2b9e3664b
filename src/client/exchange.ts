/** HELLO and its answer. */
import type { SessionId } from "../base/ids.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import type { Authenticate } from "./auth-method.ts";
import { dictAt, idAt, textAt, textOf } from "./message.ts";
import type { Kwargs } from "./options.ts";
import type { ClientTransport } from "./transport.ts";

/** What takes part in the exchange where the client says who it is. */
export interface Challenged {
  answer(method: string, challenge: Kwargs): Promise<Authenticate>;
  checkWelcome(details: Kwargs): void;
}

/** How long the router may take to answer, where nobody says otherwise. */
const answer_ms = 10_000;
/** ABORT of a client that cannot answer a CHALLENGE (autobahn's). */
const cannotAuthenticate = "wamp.error.cannot_authenticate";

export interface WelcomeMessage {
  readonly id: SessionId;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Says HELLO, and answers CHALLENGE where there is a `login`. `accept` is called at once with the WELCOME, before what follows in the
 * same packet is read, and takes the transport over; what it returns is the result. Rejects with a WampError: the URI of the router's
 * ABORT, or `wamp.error.network_failure` when there is no answer. The transport is closed then.
 */
export function sayHello<T>(
  transport: ClientTransport,
  hello: readonly unknown[],
  accept: (welcome: WelcomeMessage) => T,
  timeout_ms: number = answer_ms,
  login: Challenged | null = null,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const finish = (): void => {
      isOver = true;
      clearTimeout(timer);
    };
    const fail = (error: unknown): void => {
      if (isOver) return;
      finish();
      reject(error);
      transport.close();
    };
    const authenticate = async (message: readonly unknown[]): Promise<void> => {
      try {
        if (login === null) throw unexpected(message);
        const { signature, extra = {} } = await login.answer(textAt(message, 1), dictAt(message, 2));
        if (!isOver)
          transport.send(encodeMessage(transport.serializer, [Message.authenticate, signature, extra]));
      } catch (error) {
        if (!isOver) sendAbort(transport, error);
        fail(error);
      }
    };
    const timer = setTimeout(
      () => fail(new WampError(errors.networkFailure.uri, "the router did not answer HELLO")),
      timeout_ms,
    );
    transport.onClose = ({ reason }) =>
      fail(new WampError(errors.networkFailure.uri, `the connection was lost before WELCOME: ${reason}`));
    transport.onFrame = (bytes) => {
      if (isOver) return;
      try {
        const message = decodeMessage(transport.serializer, bytes);
        if (message[0] === Message.challenge) return void authenticate(message);
        const welcome = readWelcome(transport, message, login);
        finish();
        resolve(accept(welcome));
      } catch (error) {
        finish();
        reject(error);
        transport.close();
      }
    };
    try {
      transport.send(encodeMessage(transport.serializer, hello));
    } catch (error) {
      fail(error);
    }
  });
}

function readWelcome(
  transport: ClientTransport,
  message: readonly unknown[],
  login: Challenged | null,
): WelcomeMessage {
  switch (message[0]) {
    case Message.welcome: {
      const welcome = { id: idAt(message, 1) as SessionId, details: dictAt(message, 2) };
      try {
        login?.checkWelcome(welcome.details);
      } catch (error) {
        sendAbort(transport, error);
        throw error;
      }
      return welcome;
    }
    case Message.abort:
    case Message.goodbye: {
      const uri = textAt(message, 2);
      throw new WampError(uri, textOf(dictAt(message, 1)) ?? uri);
    }
    default: {
      const error = unexpected(message);
      sendAbort(transport, error);
      throw error;
    }
  }
}

const unexpected = (message: readonly unknown[]): WampError =>
  new WampError(errors.protocolViolation.uri, `message ${String(message[0])} instead of WELCOME`);

/** Says why the client goes. What is not its answer to the router – a missing key – is for its own side only. */
function sendAbort(transport: ClientTransport, error: unknown): void {
  const isRouters = error instanceof WampError && error.uri === errors.protocolViolation.uri;
  const message = isRouters ? error.message : "the client cannot authenticate";
  const uri = isRouters ? error.uri : cannotAuthenticate;
  transport.send(encodeMessage(transport.serializer, [Message.abort, { message }, uri]));
}
