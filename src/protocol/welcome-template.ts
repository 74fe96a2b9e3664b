/**
 * WELCOME for many sessions: what differs from one to the next is the session's id, which comes first, and the authid, which is written
 * last; all between them is encoded once. The result is what `encodeMessage` makes of the same details, with authid behind the others.
 */
import { type Binary, putInteger } from "./binary-integer.ts";
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

/** What stands before and behind the details, with the authid's own head. */
const framingBytes_max = 64;

export class WelcomeTemplate {
  readonly #serializer: Serializer;
  readonly #fixed: Uint8Array;

  /** `details` of WELCOME, all but its authid. */
  constructor(serializer: Serializer, details: Dict) {
    this.#serializer = serializer;
    const list = encodeMessage(serializer, [{ ...details, authid: "" }]);
    this.#fixed = list.slice(listBytes, list.length - emptyTextBytes[serializer]);
  }

  /** Room in bytes that WELCOME needs at most, for an authid of this length in characters: JSON escapes one sixfold. */
  room(authidLength: number): number {
    return this.#fixed.length + framingBytes_max + 6 * authidLength;
  }

  /** Writes the message for one session. An authid has at most 65,535 bytes. Returns the message's length in bytes. */
  write(to: Uint8Array, session: number, authid: string): number {
    const serializer = this.#serializer;
    const isJson = serializer === Serializer.json;
    let at = isJson
      ? textAt(to, 0, `[${Message.welcome},${session},`)
      : this.#binaryHead(to, serializer, session);
    to.set(this.#fixed, at);
    at += this.#fixed.length;
    return isJson ? textAt(to, at, `${jsonText(authid)}}]`) : this.#binaryText(to, at, authid);
  }

  /** A list of three, and a session's id as an integer of 64 bits. */
  #binaryHead(to: Uint8Array, serializer: Binary, session: number): number {
    to[0] = serializer === Serializer.msgpack ? 0x93 : 0x83;
    to[1] = Message.welcome;
    putInteger(to, 2, 11, serializer, session);
    return 11;
  }

  #binaryText(to: Uint8Array, at: number, text: string): number {
    // How long its head is, its length in bytes says: that is known when it is written.
    const from = at + 3;
    const length = textAt(to, from, text) - from;
    const isMsgpack = this.#serializer === Serializer.msgpack;
    if (length < (isMsgpack ? 32 : 24)) {
      to[at++] = (isMsgpack ? 0xa0 : 0x60) | length;
    } else if (length < 256) {
      to[at++] = isMsgpack ? 0xd9 : 0x78;
      to[at++] = length;
    } else {
      to[at++] = isMsgpack ? 0xda : 0x79;
      to[at++] = length >>> 8;
      to[at++] = length & 0xff;
    }
    to.copyWithin(at, from, from + length);
    return at + length;
  }
}

/** Returns where the text ends. */
const textAt = (to: Uint8Array, at: number, text: string): number =>
  at + utf8.encodeInto(text, to.subarray(at)).written;
