/** The router's own messages – WELCOME, ABORT, GOODBYE, ERROR – as frames for one connection. Control path. */
import type { Connection } from "../ports.ts";
import { encodeMessage } from "../protocol/encoding.ts";
import { Message } from "../protocol/messages.ts";
import { OutboxFrame } from "./outbox.ts";

/** A peer that takes only small frames gets the message without the sentence for people. */
export function controlFrame(connection: Connection, message: readonly unknown[]): OutboxFrame {
  const { serializer, peerFrameBytes_max } = connection;
  const bytes = encodeMessage(serializer, message);
  const fits = bytes.length <= peerFrameBytes_max;
  return new OutboxFrame(fits ? bytes : encodeMessage(serializer, withoutText(message)), false, 0);
}

function withoutText(message: readonly unknown[]): readonly unknown[] {
  const [type, , reason] = message;
  if (type === Message.error) return message.slice(0, 5);
  return type === Message.abort || type === Message.goodbye ? [type, {}, reason] : message;
}
