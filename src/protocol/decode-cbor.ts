/**
 * CBOR (RFC 8949) to JavaScript values, strictly: well-formed, valid UTF-8, nothing behind the value. A tag is dropped and
 * its content kept, except bignums; `undefined` and the unassigned simple values are null. Cold path; assembly/cbor.ts is
 * the hot one.
 */
import { ByteReader } from "./byte-reader.ts";
import { integerFrom, malformed } from "./values.ts";

const indefinite = -1;
const bignumBytes_max = 128;

export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes);
  const value = readValue(reader);
  reader.end();
  return value;
}

function readValue(reader: ByteReader): unknown {
  const head = reader.u8();
  const info = head & 0x1f;
  switch (head >> 5) {
    case 0:
      return readUnsigned(reader, info);
    case 1:
      return readNegative(reader, info);
    case 2:
      return readBytes(reader, info);
    case 3:
      return readText(reader, info);
    case 4: {
      const count = readLength(reader, info);
      return count === indefinite ? reader.arrayUntilBreak(readValue) : reader.array(count, readValue);
    }
    case 5: {
      const count = readLength(reader, info);
      return count === indefinite ? reader.mapUntilBreak(readValue) : reader.map(count, readValue);
    }
    case 6:
      return readTagged(reader, info);
    default:
      return readSimple(reader, info);
  }
}

function readUnsigned(reader: ByteReader, info: number): number | bigint {
  if (info < 24) return info;
  switch (info) {
    case 24:
      return reader.u8();
    case 25:
      return reader.u16();
    case 26:
      return reader.u32();
    case 27:
      return integerFrom(reader.u64());
    default:
      throw malformed("a CBOR head is reserved");
  }
}

const readNegative = (reader: ByteReader, info: number): number | bigint =>
  integerFrom(-1n - BigInt(readUnsigned(reader, info)));

function readLength(reader: ByteReader, info: number): number {
  if (info === 31) return indefinite;
  // A length that needs 64 bits is more than there is, so the exact value does not matter.
  return Number(readUnsigned(reader, info));
}

function readBytes(reader: ByteReader, info: number): Uint8Array {
  const length = readLength(reader, info);
  if (length !== indefinite) return reader.bytes(length);
  const chunks: Uint8Array[] = [];
  while (!reader.skipIf(0xff)) chunks.push(reader.bytes(readChunkLength(reader, 2)));
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

function readText(reader: ByteReader, info: number): string {
  const length = readLength(reader, info);
  if (length !== indefinite) return reader.text(length);
  const chunks: string[] = [];
  while (!reader.skipIf(0xff)) chunks.push(reader.text(readChunkLength(reader, 3)));
  return chunks.join("");
}

/** Chunks of an indefinite string are definite strings of the same major type. */
function readChunkLength(reader: ByteReader, major: number): number {
  const head = reader.u8();
  const length = readLength(reader, head & 0x1f);
  if (head >> 5 !== major || length === indefinite) throw malformed("a chunk of a CBOR string is not one");
  return length;
}

function readTagged(reader: ByteReader, info: number): unknown {
  const tag = readUnsigned(reader, info);
  const content = reader.nested(readValue);
  if ((tag !== 2 && tag !== 3) || !(content instanceof Uint8Array)) return content;
  // Converting takes quadratic time, so a giant one stays bytes.
  if (content.length > bignumBytes_max) return content;
  const magnitude = content.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return integerFrom(tag === 2 ? magnitude : -1n - magnitude);
}

function readSimple(reader: ByteReader, info: number): unknown {
  switch (info) {
    case 20:
      return false;
    case 21:
      return true;
    case 24:
      // RFC 8949 section 3.3: the values below 32 have one form only, the short one.
      if (reader.u8() < 32) throw malformed("a CBOR simple value has the wrong form");
      return null;
    case 25:
      return halfFloat(reader.u16());
    case 26:
      return reader.f32();
    case 27:
      return reader.f64();
    default:
      if (info > 27) throw malformed("a CBOR break or head stands where a value should");
      return null;
  }
}

/** IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
