/**
 * WELCOME for many sessions: what differs from one to the next is the session's id, which comes first, and the authid, which is written
 * last; all between them is encoded once. The result is what `encodeMessage` makes of the same details, with authid behind the others.
 */
import { encodeMessage } from "./encoding.ts";
import { jsonText } from "./json.ts";
import { Message } from "./messages.ts";
import { Serializer } from "./serializers.ts";

type Dict = Readonly<Record<string, unknown>>;

const utf8 = new TextEncoder();

/** In each serializer: of what the list [details] has before the details, and of what they have where an empty authid begins. */
const listBytes = 1;
const emptyTextBytes: Readonly<Record<Serializer, number>> = {
  [Serializer.json]: '""}]'.length,
  [Serializer.msgpack]: 1,
  [Serializer.cbor]: 1,
};

export class WelcomeTemplate {
  readonly #serializer: Serializer;
  readonly #fixed: Uint8Array;
  #head: Uint8Array = new Uint8Array(0);
  #tail: Uint8Array = new Uint8Array(0);

  /** `details` of WELCOME, all but its authid. */
  constructor(serializer: Serializer, details: Dict) {
    this.#serializer = serializer;
    const list = encodeMessage(serializer, [{ ...details, authid: "" }]);
    this.#fixed = list.slice(listBytes, list.length - emptyTextBytes[serializer]);
  }

  /** Makes ready the message for one session, which `write` writes. An authid has at most 65,535 bytes. Returns the message's length in bytes. */
  prepare(session: number, authid: string): number {
    const isJson = this.#serializer === Serializer.json;
    this.#head = isJson ? utf8.encode(`[${Message.welcome},${session},`) : this.#binaryHead(session);
    this.#tail = isJson ? utf8.encode(`${jsonText(authid)}}]`) : this.#binaryTail(utf8.encode(authid));
    return this.#head.length + this.#fixed.length + this.#tail.length;
  }

  /** Into as many bytes as `prepare` said. */
  write(to: Uint8Array): void {
    to.set(this.#head, 0);
    to.set(this.#fixed, this.#head.length);
    to.set(this.#tail, this.#head.length + this.#fixed.length);
  }

  /** A list of three, and a session's id as an integer of 64 bits. */
  #binaryHead(session: number): Uint8Array {
    const [list, integer] = this.#serializer === Serializer.msgpack ? [0x93, 0xcf] : [0x83, 0x1b];
    const bytes = new Uint8Array(11);
    bytes[0] = list;
    bytes[1] = Message.welcome;
    bytes[2] = integer;
    for (let at = 10, left = session; at > 2; at--, left = Math.floor(left / 256)) bytes[at] = left % 256;
    return bytes;
  }

  #binaryTail(text: Uint8Array): Uint8Array {
    const { length } = text;
    const isMsgpack = this.#serializer === Serializer.msgpack;
    const [shorts, short, one, two] = isMsgpack ? [32, 0xa0, 0xd9, 0xda] : [24, 0x60, 0x78, 0x79];
    const head =
      length < shorts ? [short | length] : length < 256 ? [one, length] : [two, length >>> 8, length & 0xff];
    const bytes = new Uint8Array(head.length + length);
    bytes.set(head, 0);
    bytes.set(text, head.length);
    return bytes;
  }
}
