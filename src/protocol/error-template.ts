/**
 * ERROR of the router's own for many requests: only the request's id differs from one to the next, all else is encoded once. A router
 * that has more calls than it can take answers most of them so, and must not spend more on refusing them than on routing them. The
 * result is what `encodeMessage` makes.
 */
import { integerBytes, putInteger } from "./binary-integer.ts";
import { encodeMessage } from "./encoding.ts";
import { Message } from "./messages.ts";
import { Serializer } from "./serializers.ts";

/** The id 0, as which the request is encoded in the template. */
const zeroBytes = 1;
const utf8 = new TextEncoder();

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
    const { serializer } = this;
    const from = this.#head.length;
    if (serializer === Serializer.json) {
      const digits = String(request);
      const bytes = this.#around(digits.length);
      utf8.encodeInto(digits, bytes.subarray(from));
      return bytes;
    }
    const idBytes = integerBytes(serializer, request);
    const bytes = this.#around(idBytes);
    putInteger(bytes, from, from + idBytes, serializer, request);
    return bytes;
  }

  /** All but the id, which has so many bytes. */
  #around(idBytes: number): Uint8Array {
    const head = this.#head;
    const tail = this.#tail;
    const bytes = new Uint8Array(head.length + idBytes + tail.length);
    bytes.set(head);
    bytes.set(tail, head.length + idBytes);
    return bytes;
  }
}
