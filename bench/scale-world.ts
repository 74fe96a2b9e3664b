/**
 * One router's routing tables at scale, without sessions and sockets: what a SUBSCRIBE, an UNSUBSCRIBE and a PUBLISH do to the
 * pattern index, to `Patterns` and to `Memberships`, by the classes that the router has. For the scale bench.
 */
import type { PatternHandle, RealmHandle, SessionId, Target } from "../src/base/ids.ts";
import { loadWasm } from "../src/host.ts";
import { Match, Message } from "../src/protocol/messages.ts";
import { Serializer } from "../src/protocol/serializers.ts";
import { Memberships } from "../src/router/memberships.ts";
import { PatternKind, Patterns } from "../src/router/patterns.ts";
import type { Realm } from "../src/router/realm.ts";
import { RoutingState } from "../src/router/routing-state.ts";
import type { RouterSession } from "../src/router/types.ts";
import { Status } from "../src/wasm/abi.ts";
import { Codec } from "../src/wasm/codec.ts";
import { Core } from "../src/wasm/core.ts";
import { PatternIndex } from "../src/wasm/index.ts";

/** Of a session, what the tables need. */
class Member extends RoutingState {
  readonly target: Target;
  readonly id: SessionId;
  constructor(target: number) {
    super();
    this.target = target as Target;
    this.id = target as unknown as SessionId;
  }
}

const encoder = new TextEncoder();
const ascii = (text: string): Uint8Array => encoder.encode(text);
const heads = [Match.exact, Match.prefix, Match.wildcard].map((match) => {
  const name = ascii(["exact", "prefix", "wildcard"][match]!);
  const options = [0x81, 0xa5, ...ascii("match"), 0xa0 + name.length, ...name];
  return Uint8Array.from([0x94, Message.subscribe, 1, ...options]);
});
const publishHead = Uint8Array.from([0x95, Message.publish, 1, 0x80]);
const part = {
  com: ascii("com."),
  plant: ascii("plant"),
  line: ascii(".line"),
  machine: ascii(".m"),
  temperature: ascii("temperature"),
  dot: ascii("."),
  added: ascii(".x"),
};

/** Which URI is written: those of `patternAt` and `uriFor` by policy, and wildcard patterns that hang under one node, with theirs. */
export type UriKind = Match | "uri" | "one node" | "uri of one node";

/**
 * Frames written one behind the other into linear memory, so that neither making them nor a view of each is part of what is
 * measured: the engines would have to collect these.
 */
export class Frames {
  readonly #core: Core;
  readonly #from: number;
  readonly #ends: number[];
  constructor(core: Core, bytes_max: number) {
    this.#core = core;
    this.#from = core.reserve(bytes_max);
    if (this.#from === 0) throw new Error("no memory for frames");
    this.#ends = [this.#from];
  }
  get length(): number {
    return this.#ends.length - 1;
  }
  clear(): void {
    this.#ends.length = 1;
  }
  get #bytes(): Uint8Array {
    return this.#core.bytes;
  }
  /** A copy, for the paths that are not the router's. */
  copy(i: number): Uint8Array {
    return this.#bytes.slice(this.#ends[i]!, this.#ends[i + 1]!);
  }
  /** Does with frame `i` what `Codec.visit` does with one. */
  visit(i: number, realm: number): Status {
    const core = this.#core;
    const start = this.#ends[i]!;
    const end = this.#ends[i + 1]!;
    core.bytes.copyWithin(core.frameIn, start, end);
    return core.exports.visit(Serializer.msgpack, end - start, realm, 0) as Status;
  }
  #put(at: number, bytes: Uint8Array): number {
    this.#bytes.set(bytes, at);
    return at + bytes.length;
  }
  #digits(at: number, n: number): number {
    let end = at + 1;
    for (let rest = n; rest >= 10; rest = Math.floor(rest / 10)) end++;
    let rest = n;
    for (let p = end - 1; p >= at; p--) {
      this.#bytes[p] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    return end;
  }
  /** The URI as a text of MessagePack, by digits and constants: 10 million strings would be garbage for the engine to collect. */
  #uri(at: number, kind: UriKind, i: number, added_number: number): number {
    let end = this.#put(at + 3, part.com);
    const isFlat = kind === "one node" || kind === "uri of one node";
    const hasPlant = !isFlat && (kind !== Match.wildcard || i % 2 === 1);
    const hasLine = !isFlat && (kind !== Match.wildcard || i % 2 === 0);
    if (hasPlant) end = this.#digits(this.#put(end, part.plant), i % 97);
    if (kind === "uri of one node") end = this.#put(end, part.plant);
    if (hasLine) end = this.#digits(this.#put(end, part.line), i % 89);
    else if (!isFlat) end = this.#put(end, part.dot);
    end = this.#digits(this.#put(end, part.machine), i);
    if (!isFlat) end = this.#put(end, part.dot);
    if (!isFlat && kind !== Match.prefix) end = this.#put(end, part.temperature);
    if (added_number >= 0) end = this.#digits(this.#put(end, part.added), added_number);
    this.#bytes[at] = 0xda;
    this.#bytes[at + 1] = (end - at - 3) >> 8;
    this.#bytes[at + 2] = end - at - 3;
    return end;
  }
  /** [SUBSCRIBE, 1, {match}, uri]; with a number to add, the pattern is another one. The URI's bytes. */
  subscribe(kind: UriKind, i: number, added_number = -1): number {
    const start = this.#ends[this.#ends.length - 1]!;
    const match = typeof kind === "number" ? kind : Match.wildcard;
    const at = this.#put(start, heads[match]!);
    const end = this.#uri(at, kind, i, added_number);
    this.#ends.push(end);
    return end - at - 3;
  }
  /** [PUBLISH, 1, {}, uri, [payload]] */
  publish(kind: UriKind, i: number, payload: Uint8Array): void {
    const start = this.#ends[this.#ends.length - 1]!;
    let at = this.#uri(this.#put(start, publishHead), kind, i, -1);
    this.#bytes[at++] = 0x91;
    this.#bytes[at++] = 0xd9;
    this.#bytes[at++] = payload.length;
    this.#ends.push(this.#put(at, payload));
  }
}

export class ScaleWorld {
  readonly core: Core;
  readonly codec: Codec;
  readonly index: PatternIndex;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly #realm = { handle: 1 as RealmHandle } as Realm;
  readonly #sessions: RouterSession[];

  constructor(core: Core, sessions: number) {
    this.core = core;
    this.codec = new Codec(core);
    this.index = new PatternIndex(core);
    this.patterns = new Patterns(this.index, () => Date.now());
    this.memberships = new Memberships(PatternKind.subscription, this.patterns, 77);
    this.#sessions = Array.from(
      { length: sessions },
      (_, i) => new Member(i + 1) as unknown as RouterSession,
    );
  }

  static async open(sessions: number): Promise<ScaleWorld> {
    const seed = new Uint32Array([1, 2, 3, 4]);
    return new ScaleWorld(
      new Core(await loadWasm(), { frameBytes_max: 1 << 20, matches_max: 1 << 20, seed }),
      sessions,
    );
  }

  /** The row of the membership. */
  subscribe(frames: Frames, i: number, session: number): number {
    const { codec, patterns, memberships } = this;
    if (frames.visit(i, this.#realm.handle) !== Status.ok) throw new Error("a SUBSCRIBE was refused");
    let pattern = codec.matchCount === 0 ? 0 : codec.matchAt(0);
    if (pattern === 0) pattern = patterns.add(PatternKind.subscription, this.#realm, codec);
    if (pattern === 0) throw new Error(patterns.problem);
    return memberships.add(pattern as PatternHandle, this.#sessions[session]!);
  }

  unsubscribe(row: number): void {
    const { patterns, memberships } = this;
    const pattern = memberships.pattern(row);
    memberships.remove(row, this.#sessions[memberships.target(row) - 1]!);
    if (!patterns.isLive(pattern)) patterns.remove(pattern);
  }

  /** Decodes and matches a PUBLISH; the number of patterns. */
  match(frames: Frames, i: number): number {
    if (frames.visit(i, this.#realm.handle) !== Status.ok) throw new Error("a PUBLISH was refused");
    return this.codec.matchCount;
  }

  /** Also walks the members of all patterns that match; how many. */
  publish(frames: Frames, i: number): number {
    const { codec, patterns, memberships } = this;
    const count = this.match(frames, i);
    let found = 0;
    for (let match = 0; match < count; match++) {
      let row = patterns.firstMember(codec.matchAt(match) as PatternHandle);
      for (; row !== 0; row = memberships.nextOfPattern(row)) found += memberships.target(row) > 0 ? 1 : 0;
    }
    return found;
  }
}
