/** What perf says of a process, and which part of a server each line is about. */

/** One line of perf's report. `share` is of all samples, 0 to 1. */
export interface Share {
  readonly share: number;
  /** The file that the code is in, or "[JIT] …". */
  readonly object: string;
  readonly symbol: string;
  readonly isKernel: boolean;
}
/** The largest first. */
export type Shares = readonly Share[];

/** In the order in which they are shown. */
export const groups = [
  "operating system",
  "uWebSockets.js",
  "runtime",
  "garbage collection",
  "C library",
  "JavaScript",
  "WASM",
  "compiled code without names",
] as const;
export type Group = (typeof groups)[number];

const collector = /Scaveng|Sweep|MarkCompact|Marking|Evacuat|GarbageCollect|::Heap::|ConcurrentMark/;
const library = /^(libc|libstdc|libm|libgcc|ld-|\[vdso)/;

export const groupOf = ({ object, symbol, isKernel }: Share): Group => {
  if (isKernel) return "operating system";
  if (/^JS:.?wasm-function/.test(symbol)) return "WASM";
  if (symbol.startsWith("JS:") || symbol.startsWith("Builtins_")) return "JavaScript";
  if (object.startsWith("uws")) return "uWebSockets.js";
  if (library.test(object)) return "C library";
  if (
    object.startsWith("[JIT]") ||
    object.startsWith("perf-") ||
    object === "[unknown]" ||
    object.startsWith("//anon")
  )
    return "compiled code without names";
  return collector.test(symbol) ? "garbage collection" : "runtime";
};

/** `perf report --stdio -t "|" --sort dso,symbol`: share|object|[k] symbol. Threads that have the same symbol stand in one line. */
export const parsePerf = (text: string): Shares => {
  const merged = new Map<string, Share>();
  for (const line of text.split("\n")) {
    const match = /^\s*([\d.]+)%\s*\|([^|]*)\|\s*\[(.)\]\s*(.*?)\s*(\|.*)?$/.exec(line);
    if (match === null) continue;
    const [, percent, object = "", kind, name = ""] = match;
    // Compiled anew, a function stands there once more.
    const symbol = name.replace(/^JS:[*~^]/, "JS:").replace(/file:\/\/\S*\/build\/src/, "");
    const before = merged.get(symbol);
    const share = Number(percent) / 100 + (before?.share ?? 0);
    merged.set(symbol, { share, object: object.trim(), symbol, isKernel: kind === "k" });
  }
  return [...merged.values()].sort((a, b) => b.share - a.share);
};
