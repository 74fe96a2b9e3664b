/**
 * The pattern index, typed: inserts, removes and looks up URI patterns in linear memory. The data plane's own look-ups happen
 * inside `visit` (codec.ts); what is here is for subscribing, registering and for URIs that TypeScript holds as text.
 *
 * A scope is a number of the caller's choosing; patterns of different scopes never meet. A handle is a small dense number that
 * is given again after its pattern is removed.
 */
import type { PatternHandle } from "../base/ids.ts";
import type { Match } from "../protocol/messages.ts";
import { Address, type IndexProblem, MatchStatus, Slot } from "./abi.ts";
import type { Core } from "./core.ts";

/** What the index needs of the module's instance. */
export type IndexCore = Pick<Core, "bytes" | "exports" | "matches" | "refresh" | "u32">;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class PatternIndex {
  readonly #core: IndexCore;

  constructor(core: IndexCore) {
    this.#core = core;
  }

  /**
   * Adds the pattern whose UTF-8 lies at `uri` in linear memory, or finds it if it is there already. Returns 0 when memory is
   * exhausted, for a URI of more than 4,096 bytes, for a wildcard pattern of more than 64 components, and for one with a shape
   * beyond `fixedLimits.wildcardShapes_max`; `problem` says which.
   */
  insert(scope: number, match: Match, uri: number, uriLength: number): PatternHandle | 0 {
    const handle = this.#core.exports.indexInsert(scope, match, uri, uriLength) >>> 0;
    this.#core.refresh();
    return handle as PatternHandle;
  }

  /** Like `insert`, for a URI held as text. */
  insertText(scope: number, match: Match, uri: string): PatternHandle | 0 {
    const length = this.put(uri);
    return length < 0 ? 0 : this.insert(scope, match, Address.text, length);
  }

  /** Why the last `insert` returned 0. */
  get problem(): IndexProblem {
    return this.#core.exports.indexProblem() as IndexProblem;
  }

  /** False if there is no such pattern. */
  remove(handle: PatternHandle): boolean {
    return this.#core.exports.indexRemove(handle) === 1;
  }

  /** The handle of exactly the pattern whose UTF-8 lies at `uri` in linear memory, or 0. */
  findAt(scope: number, match: Match, uri: number, uriLength: number): PatternHandle | 0 {
    return (this.#core.exports.indexFind(scope, match, uri, uriLength) >>> 0) as PatternHandle;
  }

  /**
   * Looks for all patterns that match the text at `uri`, while a visit's own matches stay as they are: writes at most `room`
   * handles, 32 bits each, to `out` in linear memory. Returns how many, or `room` + 1 when there are more.
   */
  matchInto(scope: number, uri: number, uriLength: number, out: number, room: number): number {
    return this.#core.exports.indexMatchInto(scope, uri, uriLength, out, room) >>> 0;
  }

  /** The handle of exactly this pattern, or 0. */
  find(scope: number, match: Match, uri: string): PatternHandle | 0 {
    const length = this.put(uri);
    if (length < 0) return 0;
    return (this.#core.exports.indexFind(scope, match, Address.text, length) >>> 0) as PatternHandle;
  }

  /**
   * Looks for all patterns that match: the exact one, then prefixes from the shortest to the longest, then wildcard patterns by
   * precedence. Returns how many; `matched` gives them until the next look-up. `overflowed` says that there were more.
   */
  match(scope: number, uri: string): number {
    const length = this.put(uri);
    return length < 0 ? 0 : this.#core.exports.indexMatch(scope, Address.text, length) >>> 0;
  }

  /** Match number `position` of the last `match`, counted from 0. */
  matched(position: number): PatternHandle {
    return this.#core.matches[position] as PatternHandle;
  }

  /** Whether the last `match` found more patterns than fit into the region for matches. */
  get overflowed(): boolean {
    return this.#core.u32[Slot.matchStatus] === MatchStatus.overflow;
  }

  /** The pattern that takes a call of `uri`: exact, else the longest prefix, else the most specific wildcard pattern; or 0. */
  best(scope: number, uri: string): PatternHandle | 0 {
    const length = this.put(uri);
    return length < 0
      ? 0
      : ((this.#core.exports.indexBest(scope, Address.text, length) >>> 0) as PatternHandle);
  }

  /** The pattern's URI; "" for an unknown handle. */
  uri(handle: PatternHandle): string {
    return this.textAt(this.uriAt(handle), this.uriLength(handle));
  }

  /** Where the pattern's URI lies in linear memory until it is removed, and its length in bytes. */
  uriAt(handle: PatternHandle): number {
    return this.#core.exports.indexUri(handle) >>> 0;
  }
  uriLength(handle: PatternHandle): number {
    return this.#core.exports.indexUriLen(handle);
  }

  /** Text in linear memory. Control path: it makes a string. */
  textAt(address: number, length: number): string {
    this.#core.refresh();
    return decoder.decode(this.#core.bytes.subarray(address, address + length));
  }

  policy(handle: PatternHandle): Match {
    return this.#core.exports.indexPolicy(handle) as Match;
  }

  scope(handle: PatternHandle): number {
    return this.#core.exports.indexScope(handle) >>> 0;
  }

  /** Number of patterns in all scopes. */
  get count(): number {
    return this.#core.exports.indexCount() >>> 0;
  }

  /** Bytes of memory that hold patterns. */
  get bytes(): number {
    return this.#core.exports.indexBytes();
  }

  /** Buckets of the index's table looked at so far, modulo 2^32: the difference of two is the work done in between. */
  get work(): number {
    return this.#core.exports.indexWork() >>> 0;
  }

  /** Writes the text to `Address.text`; its length in bytes, or -1 when it does not fit. Longer than TEXT is longer than any URI. */
  put(uri: string): number {
    this.#core.refresh();
    const room = this.#core.bytes.subarray(Address.text, Address.text + Address.textBytes);
    const { read, written } = encoder.encodeInto(uri, room);
    return read === uri.length ? written : -1;
  }
}
