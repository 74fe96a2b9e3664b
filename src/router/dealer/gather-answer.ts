/**
 * What the caller of a group call is sent: its callees' answers as entries of one list, and the messages made of them. Payloads
 * stay bytes in the caller's serializer, as the kernels wrote them; nobody decodes them. Control path.
 *
 * An entry is a dictionary: `args` (an empty list where the callee sent none), `kwargs` if there were any, `details` if an opaque
 * payload says there how it is to be read, and for an ERROR `error`, its URI.
 */
import { encodeMessage } from "../../protocol/encoding.ts";
import { Message } from "../../protocol/messages.ts";
import { type Raw, rawDict, rawList, rawValue } from "../../protocol/raw-message.ts";
import { Serializer } from "../../protocol/serializers.ts";
import { Slot, Status } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Group } from "./gather-group.ts";

/**
 * The entry of the RESULT or ERROR just written for the caller; `length` is the frame's, `uri` the ERROR's. It visits that frame, so
 * nobody can look at the message before. Null when the frame is larger than the kernels read.
 */
export function writtenEntry(
  codec: Codec,
  serializer: Serializer,
  length: number,
  uri: string | null,
): Raw | null {
  const frame = codec.outFrame(length).slice();
  if (codec.visit(serializer, frame, 0, 0) !== Status.ok) return null;
  const entry: [string, Raw][] = uri === null ? [] : [["error", rawValue(serializer, uri)]];
  const args = spanAt(codec, Slot.args);
  entry.push(["args", args.length > 0 ? args : rawList(serializer, [])]);
  const kwargs = spanAt(codec, Slot.kwargs);
  if (kwargs.length > 0) entry.push(["kwargs", kwargs]);
  const details = spanAt(codec, Slot.options);
  const emptyLength = serializer === Serializer.json ? 2 : 1;
  if (details.length > emptyLength) entry.push(["details", details]);
  return rawDict(serializer, entry);
}

/** A span whose address stands in `slot` and whose length in the next one. */
const spanAt = (codec: Codec, slot: number): Raw => codec.span(codec.u(slot), codec.u(slot + 1));

/** The entry of an ERROR that the router makes up for a callee. */
export const madeEntry = (serializer: Serializer, uri: string, message: string): Raw =>
  rawValue(serializer, { error: uri, args: [message] });

/** The whole ERROR that the router makes up for a callee. */
export const madeError = (group: Group, uri: string, message: string): Uint8Array =>
  encodeMessage(group.caller.serializer, [Message.error, Message.call, group.request, {}, uri, [message]]);

/** The one final reply to the caller when all callees have answered. */
export function finalReply(group: Group): Uint8Array {
  const { answers, caller, request, yields, results, errors, errorPlace, errorUri } = group;
  const { serializer } = caller;
  // `first` kept the whole ERROR.
  if (yields === "first") return answers[errorPlace]!;
  const value = (item: unknown): Raw => rawValue(serializer, item);
  const entries = rawList(
    serializer,
    answers.filter((answer) => answer !== undefined),
  );
  if (results === 0)
    return rawList(serializer, [...[Message.error, Message.call, request, {}, errorUri].map(value), entries]);
  const head = [Message.result, request, {}].map(value);
  if (yields === "gather") return rawList(serializer, [...head, entries]);
  const counts = value([results, errors]);
  if (errors === 0) return rawList(serializer, [...head, counts]);
  return rawList(serializer, [...head, counts, rawDict(serializer, [["errors", entries]])]);
}
