/** Batches in a few lines, for tests: the slow twin of the codec, and what a client of the tests speaks. */
import { Serializer } from "../../src/protocol/serializers.ts";

/** 0x1E and 0x18 in JSON; 0 stands for a length in front of each message. */
export type Terminator = 0 | 0x1e | 0x18;
export const terminators: readonly Terminator[] = [0, 0x1e, 0x18];

export const terminatorFor = (serializer: Serializer): Terminator =>
  serializer === Serializer.json ? 0x1e : 0;

function lengthOf(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return length;
}

export const joinModel = (messages: readonly Uint8Array[], terminator: Terminator): Buffer =>
  Buffer.concat(
    messages.flatMap((message) =>
      terminator === 0 ? [lengthOf(message), message] : [message, Buffer.of(terminator)],
    ),
  );

export interface Split {
  readonly messages: readonly Buffer[];
  /** All of the batch was messages, and there was one. */
  readonly whole: boolean;
}

/** The messages of a batch up to where it is wrong. A batch whose last byte is not the terminator has none. */
export function splitModel(batch: Uint8Array, terminator: Terminator): Split {
  const bytes = Buffer.from(batch);
  const messages: Buffer[] = [];
  if (terminator !== 0) {
    const parts = bytes.toString("latin1").split(String.fromCharCode(terminator));
    if (parts.length === 1 || parts.pop() !== "") return { messages, whole: false };
    const until = parts.indexOf("");
    const sound = until < 0 ? parts : parts.slice(0, until);
    return { messages: sound.map((part) => Buffer.from(part, "latin1")), whole: until < 0 };
  }
  let at = 0;
  while (bytes.length - at >= 4) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end === at + 4 || end > bytes.length) break;
    messages.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return { messages, whole: at === bytes.length && at > 0 };
}
