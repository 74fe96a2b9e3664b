/**
 * One case of the wasm bench, in a process of its own: one runtime, one mix of patterns, all sizes. Measures decode + match of
 * a PUBLISH on the WASM path and on the JS paths in slices that take turns, and prints one JSON line:
 * nanoseconds per frame of each round by `path codec size`. Arguments: mix, sizes, rounds, slice_ms, warm_ms.
 */
import { createRequire } from "node:module";
import { Decoder, encode as encodeMsgpack } from "@msgpack/msgpack";
import { decode as decodeCbor, encode as encodeCbor } from "cbor-x";
import { loadWasm } from "../src/host.ts";
import { Message } from "../src/protocol/messages.ts";
import { Serializer } from "../src/protocol/serializers.ts";
import { Slot, Status } from "../src/wasm/abi.ts";
import { Codec } from "../src/wasm/codec.ts";
import { Core } from "../src/wasm/core.ts";
import { PatternIndex } from "../src/wasm/index.ts";
import { PatternTwin } from "./pattern-twin.ts";
import { type Mix, mixes, type Pattern, patternAt, uriFor } from "./wasm-patterns.ts";

interface QlobberLike {
  add(topic: string, value: number): void;
  match(topic: string): number[];
}

/** Handles one frame: decode it, match its topic. Gives the number of matches; `sink` keeps them from being optimized away. */
type Path = (frame: Uint8Array) => number;

interface Subject {
  readonly key: string;
  readonly path: Path;
  readonly frames: readonly Uint8Array[];
  cursor: number;
}

const codecs = { msgpack: Serializer.msgpack, json: Serializer.json, cbor: Serializer.cbor } as const;
type CodecName = keyof typeof codecs;
const codecNames = Object.keys(codecs) as CodecName[];

/** More URIs than the fastest caches hold entries for, so that every size pays for its memory. */
const uriCount = 16_384;
const payload = "x".repeat(100);
const realm = 1;
const topicScope = realm * 2;
let sink = 0;

const encoders: Readonly<Record<CodecName, (message: unknown) => Uint8Array>> = {
  msgpack: (message) => encodeMsgpack(message).slice(),
  json: (message) => new TextEncoder().encode(JSON.stringify(message)),
  cbor: (message) => new Uint8Array(encodeCbor(message)),
};

// One decoder for all frames: the short form would make a new one for each.
const msgpackDecoder = new Decoder();
const decoders: Readonly<Record<CodecName, (frame: Uint8Array) => unknown>> = {
  msgpack: (frame) => msgpackDecoder.decode(frame),
  json: (frame) => JSON.parse(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString()),
  cbor: (frame) => decodeCbor(frame),
};

const buildWasm = async (patterns: readonly Pattern[]): Promise<Codec> => {
  const seed = new Uint32Array([1, 2, 3, 4]);
  const core = new Core(await loadWasm(), { frameBytes_max: 1 << 20, matches_max: 1 << 16, seed });
  const codec = new Codec(core);
  const index = new PatternIndex(core);
  const names = ["exact", "prefix", "wildcard"];
  for (const { match, uri } of patterns) {
    const frame = encodeMsgpack([Message.subscribe, 1, { match: names[match] }, uri]);
    if (codec.visit(Serializer.msgpack, frame, 0, 0) !== Status.ok)
      throw new Error(`SUBSCRIBE to ${uri} refused`);
    const handle = index.insert(topicScope, match, codec.u(Slot.uri), codec.u(Slot.uriLen));
    if (handle === 0) throw new Error("the pattern index is full");
  }
  return codec;
};

const wasmPath =
  (codec: Codec, serializer: Serializer): Path =>
  (frame) => {
    if (codec.visit(serializer, frame, realm, 0) !== Status.ok) throw new Error("a PUBLISH was refused");
    const count = codec.matchCount;
    for (let i = 0; i < count; i++) sink ^= codec.matchAt(i);
    return count;
  };

const jsPath =
  (decode: (frame: Uint8Array) => unknown, match: (uri: string) => readonly number[]): Path =>
  (frame) => {
    const message = decode(frame) as readonly [number, number, object, string, unknown[]];
    const found = match(message[3]);
    for (let i = 0; i < found.length; i++) sink ^= found[i]!;
    return found.length;
  };

const buildTwin = (patterns: readonly Pattern[]): ((uri: string) => readonly number[]) => {
  const twin = new PatternTwin();
  for (const { match, uri } of patterns) twin.insert(match, uri);
  return (uri) => twin.match(uri);
};

const buildQlobber = (patterns: readonly Pattern[]): ((uri: string) => readonly number[]) => {
  const { Qlobber } = createRequire(import.meta.url)("qlobber") as { Qlobber: new () => QlobberLike };
  const qlobber = new Qlobber();
  const star = (uri: string): string =>
    uri
      .split(".")
      .map((part) => part || "*")
      .join(".");
  patterns.forEach(({ uri }, i) => {
    qlobber.add(star(uri), i + 1);
  });
  return (uri) => qlobber.match(uri);
};

/** A small generator with a fixed seed: both runtimes see the same URIs in the same order. */
const numbers = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const subjectsFor = async (mix: Mix, size: number): Promise<Subject[]> => {
  const patterns = Array.from({ length: size }, (_, i) => patternAt(mix, i));
  const next = numbers(size);
  const uris = Array.from({ length: uriCount }, () => uriFor(Math.floor(next() * size)));
  const codec = await buildWasm(patterns);
  const twin = buildTwin(patterns);
  const qlobber = mix === "wildcard" ? buildQlobber(patterns) : undefined;
  return codecNames.flatMap((name) => {
    const frames = uris.map((uri, i) => encoders[name]([Message.publish, i + 1, {}, uri, [payload]]));
    const subject = (path: string, run: Path): Subject => ({
      key: `${path} ${name} ${size}`,
      path: run,
      frames,
      cursor: 0,
    });
    return [
      subject("wasm", wasmPath(codec, codecs[name])),
      subject("twin", jsPath(decoders[name], twin)),
      ...(qlobber === undefined ? [] : [subject("qlobber", jsPath(decoders[name], qlobber))]),
    ];
  });
};

/** All paths over the same frames must find the same number of patterns, and at least the one that the URI was made for. */
const verify = (subjects: readonly Subject[]): void => {
  const reference = subjects[0]!;
  for (let i = 0; i < 2_000; i++) {
    const expected = reference.path(reference.frames[i]!);
    if (expected < 1) throw new Error(`${reference.key}: nothing matches ${i}`);
    for (const subject of subjects) {
      const count = subject.path(subject.frames[i]!);
      if (count !== expected)
        throw new Error(`${subject.key}: ${count} matches where ${reference.key} has ${expected}`);
    }
  }
};

const framesPerCheck = 256;

/** Nanoseconds per frame over at least `slice_ms`. */
const time = (subject: Subject, slice_ms: number): number => {
  const { path, frames } = subject;
  const start = performance.now();
  let done = 0;
  let elapsed_ms = 0;
  while (elapsed_ms < slice_ms) {
    for (let i = 0; i < framesPerCheck; i++) path(frames[(subject.cursor + i) % uriCount]!);
    subject.cursor = (subject.cursor + framesPerCheck) % uriCount;
    done += framesPerCheck;
    elapsed_ms = performance.now() - start;
  }
  return (elapsed_ms * 1e6) / done;
};

const main = async (): Promise<void> => {
  const [mix, sizes, rounds, slice_ms, warm_ms] = process.argv.slice(2) as [Mix, ...string[]];
  if (!mixes.includes(mix)) throw new Error(`no such mix: ${mix}`);
  const subjects: Subject[] = [];
  for (const size of sizes!.split(",").map(Number)) {
    const ofSize = await subjectsFor(mix, size);
    verify(ofSize);
    subjects.push(...ofSize);
  }
  // The engines need their time to compile the JS paths; before that they would only look slow.
  for (const subject of subjects) time(subject, Number(warm_ms));
  const samples = new Map<string, number[]>(subjects.map((subject) => [subject.key, []]));
  for (let round = 0; round < Number(rounds); round++) {
    for (const subject of subjects) samples.get(subject.key)!.push(time(subject, Number(slice_ms)));
  }
  process.stdout.write(`${JSON.stringify(Object.fromEntries(samples))}\n`);
  if (sink === 1) process.stderr.write("");
};

await main();
