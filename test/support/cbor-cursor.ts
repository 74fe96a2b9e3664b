/** Reads a whole value through the exported CBOR cursor, function by function, the way the router's kernels do. */
import { type CodecKernels, countUnknown, slot } from "./codec-kernels.ts";
import { array, binary, float, int, map, nil, type Pair, tag, text, type Value } from "./value-model.ts";

/** The kinds of assembly/cursor.ts. */
export const kind = {
  invalid: 0,
  nil: 1,
  bool: 2,
  int: 3,
  float: 4,
  text: 5,
  binary: 6,
  array: 7,
  map: 8,
  ext: 9,
  tag: 10,
} as const;
const numberClass = { u64: 1, i64: 2, f64: 3 } as const;

export interface Read {
  readonly value: Value;
  readonly behind: number;
}

/** The value at `p`. `undefined` and null are both nil here, and an integer below -2^63 is not readable: -2^64 stands for it. */
export function readThroughCursor(kernels: CodecKernels, p: number, end: number): Read {
  const { exports } = kernels;
  const moved = (behind: number): number => {
    if (behind === 0) throw new Error(`refused at ${p - kernels.frame}`);
    return behind >>> 0;
  };
  switch (exports.cborKind(p, end)) {
    case kind.nil:
      return { value: nil, behind: moved(exports.cborSkip(p, end, 0)) };
    case kind.ext:
      return {
        value: { kind: "simple", value: simpleAt(kernels, p) },
        behind: moved(exports.cborSkip(p, end, 0)),
      };
    case kind.bool: {
      const behind = moved(exports.cborBool(p, end));
      return { value: { kind: "bool", value: kernels.u32(slot.count) === 1 }, behind };
    }
    case kind.int:
    case kind.float: {
      const behind = exports.cborNumber(p, end) >>> 0;
      return behind === 0
        ? { value: int(-1n << 64n), behind: p + 9 }
        : { value: numberRead(kernels), behind };
    }
    case kind.text: {
      const behind = moved(exports.cborString(p, end));
      return {
        value: text(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(kernels.span())),
        behind,
      };
    }
    case kind.binary: {
      const behind = moved(exports.cborBinary(p, end));
      return { value: binary(kernels.span()), behind };
    }
    case kind.tag: {
      const behind = moved(exports.cborTag(p, end));
      const number = kernels.u64(slot.value);
      const content = readThroughCursor(kernels, behind, end);
      return { value: tag(number, content.value), behind: content.behind };
    }
    case kind.array:
      return readContainer(kernels, moved(exports.cborEnterArray(p, end)), end, false);
    case kind.map:
      return readContainer(kernels, moved(exports.cborEnterMap(p, end)), end, true);
    default:
      throw new Error(`no kind at ${p - kernels.frame}`);
  }
}

function simpleAt(kernels: CodecKernels, p: number): number {
  const [initial, argument] = kernels.bytes().subarray(p, p + 2);
  return initial === 0xf8 ? argument! : initial! & 31;
}

function numberRead(kernels: CodecKernels): Value {
  const what = kernels.u32(slot.count);
  if (what === numberClass.f64) return float(kernels.f64(slot.value));
  const bits = kernels.u64(slot.value);
  return int(what === numberClass.u64 ? bits : BigInt.asIntN(64, bits));
}

function readContainer(kernels: CodecKernels, p: number, end: number, isMap: boolean): Read {
  const { exports } = kernels;
  const count = kernels.u32(slot.count);
  const items: Value[] = [];
  const pairs: Pair[] = [];
  let at = p;
  for (let index = 0; ; ++index) {
    at = exports.cborMore(at, end, index, count, Number(isMap)) >>> 0;
    if (at === 0) throw new Error("refused between elements");
    if (kernels.u32(slot.count) === 0) break;
    const first = readThroughCursor(kernels, at, end);
    at = first.behind;
    if (!isMap) {
      items.push(first.value);
      continue;
    }
    const second = readThroughCursor(kernels, exports.cborColon(at, end) >>> 0, end);
    at = second.behind;
    pairs.push([first.value, second.value]);
  }
  if (count !== countUnknown && count !== (isMap ? pairs : items).length)
    throw new Error("count is not what came");
  return { value: isMap ? map(...pairs) : array(...items), behind: at };
}
