/**
 * ERROR of the router's own for many requests: only the request's id differs from one to the next, all else is encoded once. A router
 * that has more calls than it can take answers most of them so, and must not spend more on refusing them than on routing them. The
 * result is what `encodeMessage` makes.
 */
import { encodeMessage } from "./encoding.ts";
import { Message } from "./messages.ts";
import { Serializer } from "./serializers.ts";

/** The id 0, as which the request is encoded in the template. */
const zeroBytes = 1;

export class ErrorTemplate {
  readonly serializer: Serializer;
  readonly type: Message;
  readonly uri: string;
  readonly message: string;
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;

  /** `type` is the request's. */
  constructor(serializer: Serializer, type: Message, uri: string, message: string) {
    this.serializer = serializer;
    this.type = type;
    this.uri = uri;
    this.message = message;
    const whole = encodeMessage(serializer, [Message.error, type, 0, {}, uri, [message]]);
    // What [ERROR, type] has before the bracket that ends it in JSON stands there as many bytes long.
    const head = encodeMessage(serializer, [Message.error, type]).length;
    this.#head = whole.slice(0, head);
    this.#tail = whole.slice(head + zeroBytes);
  }

  /** Whether it is the template of these. */
  isOf(serializer: Serializer, type: Message, uri: string, message: string): boolean {
    return (
      this.type === type && this.serializer === serializer && this.uri === uri && this.message === message
    );
  }

  /** The message for a request, whose id is an integer from 0 to 2^53. */
  bytes(request: number): Uint8Array {
    const head = this.#head;
    const tail = this.#tail;
    const isJson = this.serializer === Serializer.json;
    const idBytes = isJson ? digitsOf(request) : integerBytes(request, this.serializer);
    const bytes = new Uint8Array(head.length + idBytes + tail.length);
    bytes.set(head);
    if (isJson) putDigits(bytes, head.length + idBytes, request);
    else putInteger(bytes, head.length, idBytes, request, this.serializer);
    bytes.set(tail, head.length + idBytes);
    return bytes;
  }
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  return digits;
}

/** Up to `end`. */
function putDigits(to: Uint8Array, end: number, value: number): void {
  let at = end;
  let left = value;
  do {
    const rest = Math.floor(left / 10);
    to[--at] = 0x30 + (left - rest * 10);
    left = rest;
  } while (left > 0);
}

/** The largest integer that is its own head. */
const small = (serializer: Serializer): number => (serializer === Serializer.cbor ? 23 : 127);

/** With its head: the shortest form. */
function integerBytes(value: number, serializer: Serializer): number {
  if (value <= small(serializer)) return 1;
  return value < 2 ** 8 ? 2 : value < 2 ** 16 ? 3 : value < 2 ** 32 ? 5 : 9;
}

const msgpackHead: Readonly<Record<number, number>> = { 2: 0xcc, 3: 0xcd, 5: 0xce, 9: 0xcf };
const cborHead: Readonly<Record<number, number>> = { 2: 0x18, 3: 0x19, 5: 0x1a, 9: 0x1b };

function putInteger(
  to: Uint8Array,
  from: number,
  bytes: number,
  value: number,
  serializer: Serializer,
): void {
  let left = value;
  for (let at = from + bytes - 1; at > from; at--, left = Math.floor(left / 256)) to[at] = left % 256;
  to[from] = bytes === 1 ? value : (serializer === Serializer.cbor ? cborHead : msgpackHead)[bytes]!;
}
