/**
 * Slow readers, for tests: CBOR after the pseudocode of RFC 8949 appendix C, JSON with every number kept exactly. They throw
 * Malformed where the kernel must refuse.
 */
import { float, int, nil, type Pair, type Value } from "./value-model.ts";
import { fromHalf } from "./value-write.ts";

export class Malformed extends Error {}

const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function decodeText(bytes: Uint8Array): string {
  try {
    return strictText.decode(bytes);
  } catch (cause) {
    throw new Malformed("text is not UTF-8", { cause });
  }
}

/** One CBOR value from the front of `bytes`, and how many bytes it took. `depth` levels of arrays, maps and tags may nest. */
export function readCbor(bytes: Uint8Array, depth: number): { value: Value; length: number } {
  const reader = new CborReader(bytes);
  const value = reader.item(depth);
  return { value, length: reader.at };
}

class CborReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  item(depth: number): Value {
    const start = this.at;
    const initial = this.#take(1)[0]!;
    const major = initial >> 5;
    const info = initial & 31;
    if (info === 31) return this.#indefinite(major, depth);
    const argument = this.#argument(info);
    switch (major) {
      case 0:
        return int(argument);
      case 1:
        return int(-1n - argument);
      case 2:
        return { kind: "binary", value: Buffer.from(this.#take(argument)).toString("hex") };
      case 3:
        return { kind: "text", value: decodeText(this.#take(argument)) };
      case 4:
        return { kind: "array", items: this.#items(argument, depth) };
      case 5:
        return { kind: "map", pairs: pairsOf(this.#items(argument * 2n, depth)) };
      case 6:
        return { kind: "tag", tag: argument, content: this.#items(1n, depth)[0]! };
      default:
        return this.#simple(info, argument, this.#bytes.subarray(start + 1, this.at));
    }
  }

  #take(count: bigint | number): Uint8Array {
    if (BigInt(this.at) + BigInt(count) > BigInt(this.#bytes.length)) throw new Malformed("cut short");
    const taken = this.#bytes.subarray(this.at, this.at + Number(count));
    this.at += Number(count);
    return taken;
  }

  #argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    if (info > 27) throw new Malformed("reserved additional information");
    return this.#take(1 << (info - 24)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }

  #items(count: bigint, depth: number): Value[] {
    if (depth === 0) throw new Malformed("too deep");
    const items: Value[] = [];
    for (let i = 0n; i < count; ++i) items.push(this.item(depth - 1));
    return items;
  }

  #simple(info: number, argument: bigint, bytes: Uint8Array): Value {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (info === 20 || info === 21) return { kind: "bool", value: info === 21 };
    if (info === 22) return nil;
    if (info === 23) return { kind: "undefined" };
    if (info === 25) return float(fromHalf(Number(argument)));
    if (info === 26) return float(view.getFloat32(0));
    if (info === 27) return float(view.getFloat64(0));
    if (info === 24 && argument < 32n) throw new Malformed("simple value in two bytes");
    return { kind: "simple", value: Number(argument) };
  }

  #atBreak(): boolean {
    if (this.#bytes[this.at] !== 0xff) return false;
    ++this.at;
    return true;
  }

  #indefinite(major: number, depth: number): Value {
    if (major === 2 || major === 3) return this.#chunked(major);
    if (major !== 4 && major !== 5) throw new Malformed("no indefinite length here");
    if (depth === 0) throw new Malformed("too deep");
    const items: Value[] = [];
    while (!this.#atBreak()) items.push(this.item(depth - 1));
    if (major === 4) return { kind: "array", items };
    if (items.length % 2 !== 0) throw new Malformed("key without value");
    return { kind: "map", pairs: pairsOf(items) };
  }

  #chunked(major: number): Value {
    let whole = "";
    while (!this.#atBreak()) {
      const initial = this.#take(1)[0]!;
      if (initial >> 5 !== major || (initial & 31) === 31) throw new Malformed("chunk of another kind");
      const chunk = this.#take(this.#argument(initial & 31));
      whole += major === 3 ? decodeText(chunk) : Buffer.from(chunk).toString("hex");
    }
    return major === 3 ? { kind: "text", value: whole } : { kind: "binary", value: whole };
  }
}

function pairsOf(items: readonly Value[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < items.length; i += 2) pairs.push([items[i]!, items[i + 1]!]);
  return pairs;
}

/**
 * JSON text that JSON.parse accepts, read again so that integers stay exact, floats stay floats and repeated keys are seen. The
 * grammar is JSON.parse's business; here it is only cut into tokens.
 */
export function readJson(source: string): Value {
  JSON.parse(source);
  const tokens = source.match(/"(?:[^"\\]|\\.)*"|[-+.\w]+|[[\]{}]/g) ?? [];
  let at = 0;
  const next = (): Value => {
    const token = tokens[at++]!;
    if (token === "[" || token === "{") {
      const items: Value[] = [];
      while (tokens[at] !== "]" && tokens[at] !== "}") items.push(next());
      ++at;
      return token === "[" ? { kind: "array", items } : { kind: "map", pairs: pairsOf(items) };
    }
    return scalar(token);
  };
  return next();
}

function scalar(token: string): Value {
  if (token === "null") return nil;
  if (token === "true" || token === "false") return { kind: "bool", value: token === "true" };
  if (token.startsWith('"')) return { kind: "text", value: JSON.parse(token) as string };
  if (/[.eE]/.test(token) || token === "-0") return float(Number(token));
  return int(BigInt(token));
}
