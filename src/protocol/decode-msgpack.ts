/**
 * MessagePack to JavaScript values, strictly: valid UTF-8, nothing behind the value. An extension is given as its bytes,
 * without its type number. Cold path; assembly/msgpack.ts is the hot one.
 */
import { ByteReader } from "./byte-reader.ts";
import { integerFrom, malformed } from "./values.ts";

export function decodeMsgpack(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes);
  const value = readValue(reader);
  reader.end();
  return value;
}

function readValue(reader: ByteReader): unknown {
  const head = reader.u8();
  if (head < 0x80) return head;
  if (head < 0x90) return reader.map(head & 0x0f, readValue);
  if (head < 0xa0) return reader.array(head & 0x0f, readValue);
  if (head < 0xc0) return reader.text(head & 0x1f);
  if (head >= 0xe0) return head - 0x100;
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return reader.bytes(reader.u8());
    case 0xc5:
      return reader.bytes(reader.u16());
    case 0xc6:
      return reader.bytes(reader.u32());
    case 0xc7:
      return readExtension(reader, reader.u8());
    case 0xc8:
      return readExtension(reader, reader.u16());
    case 0xc9:
      return readExtension(reader, reader.u32());
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readExtension(reader, 1 << (head - 0xd4));
    case 0xd9:
      return reader.text(reader.u8());
    case 0xda:
      return reader.text(reader.u16());
    case 0xdb:
      return reader.text(reader.u32());
    case 0xdc:
      return reader.array(reader.u16(), readValue);
    case 0xdd:
      return reader.array(reader.u32(), readValue);
    case 0xde:
      return reader.map(reader.u16(), readValue);
    case 0xdf:
      return reader.map(reader.u32(), readValue);
    default:
      return readNumber(reader, head);
  }
}

function readNumber(reader: ByteReader, head: number): number | bigint {
  switch (head) {
    case 0xca:
      return reader.f32();
    case 0xcb:
      return reader.f64();
    case 0xcc:
      return reader.u8();
    case 0xcd:
      return reader.u16();
    case 0xce:
      return reader.u32();
    case 0xcf:
      return integerFrom(reader.u64());
    case 0xd0:
      return reader.i8();
    case 0xd1:
      return reader.i16();
    case 0xd2:
      return reader.i32();
    case 0xd3:
      return integerFrom(reader.i64());
    default:
      throw malformed("0xc1 is no MessagePack type");
  }
}

function readExtension(reader: ByteReader, length: number): Uint8Array | null {
  const type = reader.i8();
  const bytes = reader.bytes(length);
  // One zero byte of type 0 is how msgpackr and others write `undefined`.
  return type === 0 && length === 1 && bytes[0] === 0 ? null : bytes;
}
