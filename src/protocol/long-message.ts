/**
 * Messages with much in them, encoded piece by piece: a list of a hundred thousand ids takes tens of milliseconds to encode, and nobody
 * is to wait so long. The bytes are those that `encodeMessage` gives, but for how CBOR and MessagePack say the length of a long list or
 * dictionary, which has several ways. Control path.
 */
import { encodeMessage, isDict } from "./encoding.ts";
import { Serializer } from "./serializers.ts";

/** Weight of what is encoded together, unless it is one value without parts. */
export const pieceWeight_max = 1_024;
/** What so much costs, in steps of which a look at an entry of a table is one. */
const weightCost = 4;
/** Characters and bytes that weigh as much as a number. */
const charactersPerWeight = 32;

/** About how much work it is to encode a value: 1 for each value in it, and more for long texts. Beyond `pieceWeight_max` it may be anything above. */
export function weightOf(value: unknown): number {
  if (typeof value === "string" || value instanceof Uint8Array)
    return 1 + Math.floor(value.length / charactersPerWeight);
  if (typeof value !== "object" || value === null) return 1;
  let weight = 1;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && weight <= pieceWeight_max; i++) weight += weightOf(value[i]);
    return weight;
  }
  for (const key in value) {
    if (weight > pieceWeight_max) break;
    weight += 1 + weightOf((value as Readonly<Record<string, unknown>>)[key]);
  }
  return weight;
}

/** The steps that encode a message; each says what it has cost. No bytes at all: they would be more than `bytes_max`. */
export function* encodeInSteps(
  serializer: Serializer,
  message: readonly unknown[],
  bytes_max = Number.POSITIVE_INFINITY,
): Generator<number, Uint8Array, void> {
  const pieces = new Pieces(bytes_max);
  for (const cost of write(serializer, message, pieces)) {
    if (pieces.length > bytes_max) return new Uint8Array(0);
    yield cost;
  }
  return pieces.joined();
}

class Pieces {
  readonly #pieces: Uint8Array[] = [];
  readonly #bytes_max: number;
  length = 0;

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max;
  }

  push(piece: Uint8Array): void {
    this.length += piece.length;
    this.#pieces.push(piece);
  }

  joined(): Uint8Array {
    if (this.length > this.#bytes_max) return new Uint8Array(0);
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const each of this.#pieces) {
      bytes.set(each, at);
      at += each.length;
    }
    return bytes;
  }
}

type Writing = Generator<number, void, void>;

function* write(serializer: Serializer, value: unknown, out: Pieces): Writing {
  const hasParts = typeof value === "object" && value !== null && !(value instanceof Uint8Array);
  if (hasParts && weightOf(value) > pieceWeight_max) {
    if (Array.isArray(value)) return yield* writeList(serializer, value, out);
    if (isDict(value)) return yield* writeDict(serializer, value, out);
  }
  out.push(elements(serializer, [value]));
  yield weightCost * weightOf(value);
}

/** Elements that weigh little go together. */
function* writeList(serializer: Serializer, list: readonly unknown[], out: Pieces): Writing {
  const isJson = serializer === Serializer.json;
  out.push(head(serializer, Kind.list, list.length));
  let from = 0;
  let weight = 0;
  for (let at = 0; at < list.length; at++) {
    const own = weightOf(list[at]);
    if (weight + own <= pieceWeight_max) {
      weight += own;
      continue;
    }
    if (at > from) {
      if (isJson && from > 0) out.push(comma);
      out.push(elements(serializer, list.slice(from, at)));
      yield weightCost * weight;
    }
    [from, weight] = [at, own];
    if (own <= pieceWeight_max) continue;
    if (isJson && at > 0) out.push(comma);
    yield* write(serializer, list[at], out);
    [from, weight] = [at + 1, 0];
  }
  if (from < list.length) {
    if (isJson && from > 0) out.push(comma);
    out.push(elements(serializer, list.slice(from)));
    yield weightCost * weight;
  }
  if (isJson) out.push(listEnd);
}

function* writeDict(serializer: Serializer, dict: Readonly<Record<string, unknown>>, out: Pieces): Writing {
  const isJson = serializer === Serializer.json;
  const entries = Object.entries(dict).filter(([, each]) => each !== undefined);
  out.push(head(serializer, Kind.dict, entries.length));
  for (const [i, [key, each]] of entries.entries()) {
    if (isJson && i > 0) out.push(comma);
    out.push(elements(serializer, [key]));
    if (isJson) out.push(colon);
    yield* write(serializer, each, out);
  }
  if (isJson) out.push(dictEnd);
}

const Kind = { list: 0, dict: 1 } as const;
type Kind = (typeof Kind)[keyof typeof Kind];

const [comma, colon, listEnd, dictEnd] = [",", ":", "]", "}"].map((sign) =>
  Uint8Array.of(sign.charCodeAt(0)),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** What stands before the elements: a bracket, or how many there are. */
function head(serializer: Serializer, kind: Kind, count: number): Uint8Array {
  const isList = kind === Kind.list;
  if (serializer === Serializer.json) return Uint8Array.of(isList ? 0x5b : 0x7b);
  const isCbor = serializer === Serializer.cbor;
  if (count < 16) return Uint8Array.of((isCbor ? (isList ? 0x80 : 0xa0) : isList ? 0x90 : 0x80) | count);
  const first = isCbor ? (isList ? 0x9a : 0xba) : isList ? 0xdd : 0xdf;
  return Uint8Array.of(first, count >>> 24, count >>> 16, count >>> 8, count);
}

/** The elements of a short list, without what is before and behind them. */
function elements(serializer: Serializer, list: readonly unknown[]): Uint8Array {
  const bytes = encodeMessage(serializer, list);
  if (serializer === Serializer.json) return bytes.subarray(1, -1);
  return bytes.subarray(serializer === Serializer.cbor ? cborHead(list.length) : list.length < 16 ? 1 : 3);
}

const cborHead = (count: number): number => (count < 24 ? 1 : count < 256 ? 2 : 3);
