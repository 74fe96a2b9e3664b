/**
 * The slow twin of a visit (assembly/frame.ts, frame-options.ts): decides on values instead of bytes whether a frame is a WAMP
 * message, and what its parts are.
 */
import { invokeNames, Match } from "../../src/protocol/messages.ts";
import { depthOf } from "./json-model.ts";
import { codes, type Element, layouts, type MessageName, messageNames } from "./messages.ts";
import { readMsgpack } from "./msgpack-model.ts";
import { type Format, isUndefinedExt, type Pair, text, type Value } from "./value-model.ts";
import { readCbor, readJson } from "./value-read.ts";

const depth_max = 64;

/** The one value that is the whole frame; throws for anything that is not. */
export function readFrame(format: Format, bytes: Uint8Array): Value {
  if (format === "json") {
    const source = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(source);
    if (depthOf(source) > depth_max) throw new Error("too deep");
    return readJson(source);
  }
  const { value, length } = (format === "cbor" ? readCbor : readMsgpack)(bytes, depth_max);
  if (length !== bytes.length) throw new Error("trailing bytes");
  return value;
}

/** What an option's value must be. */
export type OptionType =
  | "bool"
  | "number"
  | "text"
  | "ids"
  | "texts"
  | "maps"
  | "match"
  | "invoke"
  | "mode"
  | "runmode"
  | "algorithm";

/** How an opaque payload is to be read: goes on with the payload, in this order. */
const opaqueTypes = {
  enc_algo: "algorithm",
  enc_key: "text",
  enc_serializer: "text",
  ppt_scheme: "text",
  ppt_serializer: "text",
  ppt_cipher: "text",
  ppt_keyid: "text",
} as const;
const anywhere = { forward_for: "maps", ...opaqueTypes } as const;
const own: Readonly<Partial<Record<MessageName, Readonly<Record<string, OptionType>>>>> = {
  publish: {
    acknowledge: "bool",
    exclude_me: "bool",
    disclose_me: "bool",
    exclude: "ids",
    exclude_authid: "texts",
    exclude_authrole: "texts",
    eligible: "ids",
    eligible_authid: "texts",
    eligible_authrole: "texts",
    retain: "bool",
    rkey: "text",
    _routing_key: "text",
    transaction_hash: "text",
  },
  event: {
    publisher: "number",
    publisher_authid: "text",
    publisher_authrole: "text",
    topic: "text",
    retained: "bool",
    transaction_hash: "text",
    x_acknowledged_delivery: "bool",
  },
  subscribe: { match: "match", get_retained: "bool", x_acknowledged_delivery: "bool" },
  register: { match: "match", invoke: "invoke", disclose_caller: "bool" },
  call: {
    receive_progress: "bool",
    disclose_me: "bool",
    timeout: "number",
    progress: "bool",
    rkey: "text",
    _routing_key: "text",
    runmode: "runmode",
  },
  invocation: {
    caller: "number",
    caller_authid: "text",
    caller_authrole: "text",
    procedure: "text",
    receive_progress: "bool",
    timeout: "number",
    progress: "bool",
  },
  result: { progress: "bool" },
  yield: { progress: "bool" },
  cancel: { mode: "mode" },
  interrupt: { mode: "mode" },
};

/** The known options of a message, by name. */
export const optionTypes = (name: MessageName): ReadonlyMap<string, OptionType> =>
  new Map<string, OptionType>(Object.entries({ ...own[name], ...anywhere }));

export const words = {
  match: Object.keys(Match),
  invoke: [...invokeNames, "qll", "qlls", "jch"],
  runmode: ["partition", "all"],
  mode: ["skip", "kill", "killnowait"],
} as const;

/** The parts of a message that a visit reports. */
export interface ModelMessage {
  readonly type: number;
  readonly request: number;
  readonly id: number;
  readonly id2: number;
  readonly uri: string;
  readonly match: Match;
  readonly options: Value | null;
  readonly args: Value | null;
  readonly kwargs: Value | null;
  /** Details that go on with an opaque payload; none if it is not announced. */
  readonly opaque: readonly Pair[];
}

/** Integral numbers from 0 to 2^53, however written. */
function integral(value: Value | undefined): number | null {
  if (value?.kind !== "int" && value?.kind !== "float") return null;
  const number = Number(value.value);
  if (value.kind === "int" && BigInt(number) !== value.value) return null;
  return Number.isInteger(number) && number >= 0 && number <= 2 ** 53 ? Math.abs(number) : null;
}

const isNil = (value: Value): boolean =>
  value.kind === "nil" || value.kind === "undefined" || isUndefinedExt(value);

function optionFits(type: OptionType, value: Value, strict: boolean): boolean {
  const every = (is: (item: Value) => boolean): boolean => value.kind === "array" && value.items.every(is);
  switch (type) {
    case "bool":
    case "text":
      return value.kind === type;
    case "number":
      return integral(value) !== null;
    case "ids":
      return every((item) => integral(item) !== null);
    case "texts":
      return every((item) => item.kind === "text");
    case "maps":
      return every((item) => item.kind === "map");
    case "algorithm":
      return value.kind === "text" && /^(cryptobox|mqtt|xbr|x_.+)$/s.test(value.value);
    case "mode":
      return value.kind === "text" && (!strict || words.mode.includes(value.value as "kill"));
    default:
      return value.kind === "text" && (words[type] as readonly string[]).includes(value.value);
  }
}

/** The options that were given, by name; null when one is wrong. */
function readOptions(
  name: MessageName,
  value: Value | undefined,
  strict: boolean,
): Map<string, Value> | null {
  if (value?.kind !== "map") return null;
  const types = optionTypes(name);
  const seen = new Map<string, Value>();
  for (const [key, option] of value.pairs) {
    if (key.kind !== "text") return null;
    const type = types.get(key.value);
    if (type === undefined) continue;
    // Two spellings of one option count as that option given twice.
    const meaning = key.value === "_routing_key" ? "rkey" : key.value;
    if (seen.has(meaning)) return null;
    seen.set(meaning, option);
    const absent = isNil(option) && !strict;
    if (!absent && !optionFits(type, option, strict)) return null;
  }
  return seen;
}

function opaqueDetails(options: ReadonlyMap<string, Value>): Pair[] {
  const given = Object.keys(opaqueTypes).flatMap((key): Pair[] => {
    const value = options.get(key);
    return value?.kind === "text" ? [[text(key), value]] : [];
  });
  const announced = ["enc_algo", "ppt_scheme"].some((key) => options.get(key)?.kind === "text");
  return announced ? given : [];
}

const isEmpty = (value: Value | null): boolean =>
  (value?.kind === "array" && value.items.length === 0) ||
  (value?.kind === "map" && value.pairs.length === 0);

type Draft = { -readonly [K in keyof ModelMessage]: ModelMessage[K] };

/** Reads one element into the draft; false when it is wrong. */
function readElement(draft: Draft, element: Element, value: Value, rules: ElementRules): boolean {
  switch (element) {
    case "request":
    case "id":
    case "id2": {
      const id = integral(value);
      draft[element] = id ?? 0;
      return id !== null && (id !== 0 || rules.revocable);
    }
    case "requestType":
      return integral(value) !== null;
    case "dict": {
      const options = readOptions(rules.name, value, rules.strict);
      draft.options = value;
      const match = options?.get("match");
      if (match?.kind === "text") draft.match = Match[match.value as "exact"];
      draft.opaque = opaqueDetails(options ?? new Map());
      return options !== null;
    }
    case "uri":
      // A HELLO that resumes a session need not name the realm.
      if (rules.name === "hello" && isNil(value)) return !rules.strict;
      if (value.kind === "text") draft.uri = value.value;
      return value.kind === "text";
    case "text":
      return value.kind === "text";
    case "args":
      if (isNil(value)) return !rules.strict;
      draft.args = value;
      return (
        value.kind === "array" ||
        (draft.opaque.length > 0 && (value.kind === "text" || value.kind === "binary"))
      );
    case "kwargs":
      if (isNil(value)) return !rules.strict;
      draft.kwargs = isEmpty(value) ? null : value;
      return value.kind === "map" && value.pairs.every(([key]) => key.kind === "text");
  }
}

interface ElementRules {
  readonly name: MessageName;
  readonly strict: boolean;
  readonly revocable: boolean;
}

const optional: readonly Element[] = ["args", "kwargs"];

/** The parts of the message that `value` is, or null when a visit must refuse it. */
export function readMessage(value: Value, strict: boolean): ModelMessage | null {
  if (value.kind !== "array") return null;
  const type = integral(value.items[0]);
  const name = messageNames.find((candidate) => codes[candidate] === type);
  if (type === null || name === undefined) return null;
  const revocable = name === "unsubscribed" || name === "unregistered";
  const layout: Element[] = [...layouts[name]];
  const needed = layout.filter((element) => !optional.includes(element)).length;
  // Details of a revocation, and the options that some clients send though there are none.
  if (revocable || (!strict && (name === "unsubscribe" || name === "unregister"))) layout.push("dict");
  const elements = value.items.slice(1);
  if (elements.length < needed || elements.length > layout.length) return null;
  const draft: Draft = {
    type,
    request: 0,
    id: 0,
    id2: 0,
    uri: "",
    match: 0,
    options: null,
    args: null,
    kwargs: null,
    opaque: [],
  };
  const rules: ElementRules = { name, strict, revocable };
  if (!elements.every((element, i) => readElement(draft, layout[i]!, element, rules))) return null;
  if (draft.kwargs === null && isEmpty(draft.args)) draft.args = null;
  return draft;
}
