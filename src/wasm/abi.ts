/**
 * The line between TypeScript and WASM: where things lie in memory, and what the numbers mean. Declared a second time in
 * assembly/abi.ts; test/unit/abi.test.ts compares the two through the module's exports.
 */
import { fixedLimits } from "../base/fixed-limits.ts";

/** Fixed addresses in linear memory. */
export const Address = {
  header: 64,
  /** F64 slots begin at HEADER, U32 slots at HEADER_U32. */
  headerU32: 320,
  /** One key of a details map on its way out. Internal to assembly/. */
  key: 768,
  text: 1024,
  textBytes: 7168,
  fixedEnd: 8192,
  /** Room at the start of FRAME_OUT for the frames of one loop turn that stay until the sockets have them (`Slot.out`). */
  keptBytes: 1 << 20,
} as const;
export type Address = (typeof Address)[keyof typeof Address];

/** Formats: the serializer numbers of RawSocket. */
export const Format = {
  json: 1,
  msgpack: 2,
  cbor: 3,
} as const;
export type Format = (typeof Format)[keyof typeof Format];

/** F64 slots, counted from `Address.header`, 8 bytes each. */
export const FSlot = {
  /** Request id of the message (for ERROR: of the request it answers). */
  request: 0,
  /** Second id: subscription of UNSUBSCRIBE and EVENT, registration of UNREGISTER, publication of PUBLISHED and so on. */
  id: 1,
  /** Third id: publication of EVENT, registration of INVOCATION. */
  id2: 2,
  /** Options.timeout of CALL in milliseconds; 0 when absent. */
  timeout: 3,
  /** For the writers: session id that publisher/caller disclosure names. */
  disclosed: 4,
  /** For the writers: INVOCATION.Details.timeout in milliseconds. */
  timeoutOut: 5,
  /** Last scalar a cursor read. Internal to assembly/. */
  value: 6,
  /** For the writers: trustlevel of EVENT and INVOCATION. */
  trustLevel: 7,
} as const;
export type FSlot = (typeof FSlot)[keyof typeof FSlot];

/** U32 slots, counted from `Address.headerU32`, 4 bytes each. Pointers are absolute addresses. */
export const Slot = {
  type: 0,
  format: 1,
  length: 2,
  /** Offset in the frame at which a violation was noticed, and what it was (V_…). */
  errorOffset: 3,
  violation: 4,
  /** Topic, procedure, realm, error or reason URI as plain UTF-8 (in the frame, or in SCRATCH if it was escaped). */
  uri: 5,
  uriLen: 6,
  /** URI_OK, URI_INVALID or URI_RESERVED. */
  uriStatus: 7,
  /** Raw spans, still encoded in the frame's format. Length 0: absent. */
  options: 8,
  optionsLen: 9,
  args: 10,
  argsLen: 11,
  kwargs: 12,
  kwargsLen: 13,
  /** Which known options were present (O_… bits; those above O_OPAQUE are internal), and which of the boolean ones were true. */
  present: 14,
  true: 15,
  /**
   * Options.match: 0 exact, 1 prefix, 2 wildcard. Options.invoke: as `Invoke` has them. Options.mode of CANCEL: 0 none …
   * 3 killnowait, 4 unknown. Options.runmode of CALL stands in `mode` too, as `RunMode` has it.
   */
  match: 16,
  invoke: 17,
  mode: 18,
  /** ERROR's first id element: the type of the request that failed. */
  requestType: 19,
  /** Matches found by the visit; handles are in MATCHES. M_OVERFLOW in U_MATCH_STATUS when there were more than fit. */
  matchCount: 20,
  matchStatus: 21,
  /** The six receiver lists, each pointer and length of the raw encoded array; in the order of O_EXCLUDE … O_ELIGIBLE_AUTHROLE. */
  lists: 22,
  /** Why a writer returned 0: W_… */
  writeStatus: 34,
  /** For the writers, spans in TEXT: authid and authrole of the disclosed session. */
  authid: 35,
  authidLen: 36,
  authrole: 37,
  authroleLen: 38,
  /** Span of the last string a cursor read, and element count or flag of the last container step. Internal to assembly/. */
  span: 39,
  spanLen: 40,
  count: 41,
  /** Bump pointer into SCRATCH; reset at the start of each visit. Internal to assembly/. */
  scratch: 42,
  /** Per format (index + format): length of the payload already transcoded for this visit, and its element count. 0: not yet. */
  payloadLen: 43,
  payloadArgs: 47,
  /** Where a violation was noticed: index of the message element, and the name of the option if it was about one (length 0: none). */
  element: 51,
  option: 52,
  optionLen: 53,
  /**
   * The seven options that say how an opaque payload is to be read, each pointer and length of its text: enc_algo, enc_key,
   * enc_serializer, ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid. They go on with the payload. Internal to assembly/.
   */
  opaque: 54,
  /**
   * For the writers: where in FRAME_OUT the next frame begins. Moved behind a frame that is to stay where it is until the
   * sockets have it, and back to 0 at the end of a loop turn.
   */
  out: 68,
  /** Options.rkey of PUBLISH and CALL as plain UTF-8; there if `Option.rkey` is present. */
  rkey: 69,
  rkeyLen: 70,
} as const;
export type Slot = (typeof Slot)[keyof typeof Slot];

/** What a visit returns. */
export const Status = {
  ok: 0,
  /** The frame breaks the protocol; U_VIOLATION and U_ERROR_OFFSET say how and where. Answer: ABORT protocol_violation. */
  violation: 1,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** Values of `Slot.violation`. */
export const Violation = {
  none: 0,
  tooLong: 1,
  malformed: 2,
  utf8: 3,
  depth: 4,
  trailing: 5,
  notArray: 6,
  type: 7,
  elementCount: 8,
  elementType: 9,
  idRange: 10,
  optionType: 11,
  optionValue: 12,
  optionTwice: 13,
  format: 14,
} as const;
export type Violation = (typeof Violation)[keyof typeof Violation];

/** Values of `Slot.uriStatus`. */
export const UriStatus = {
  ok: 0,
  invalid: 1,
  /** Well-formed, but its whole first component is one of the router's own: `wamp`, `spanwire` or `bondy`. */
  reserved: 2,
} as const;
export type UriStatus = (typeof UriStatus)[keyof typeof UriStatus];

/** Flags of a visit. */
export const Visit = {
  /** Check URIs by the strict rules. */
  strictUri: 1,
  /** Refuse what compatibility tolerates: null for absent args or options, extra trailing options, unknown cancel modes. */
  strict: 2,
} as const;
export type Visit = (typeof Visit)[keyof typeof Visit];

/** Known options: bits of `Slot.present` and `Slot.true`. */
export const Option = {
  acknowledge: 1 << 0,
  excludeMe: 1 << 1,
  discloseMe: 1 << 2,
  exclude: 1 << 3,
  excludeAuthid: 1 << 4,
  excludeAuthrole: 1 << 5,
  eligible: 1 << 6,
  eligibleAuthid: 1 << 7,
  eligibleAuthrole: 1 << 8,
  match: 1 << 9,
  invoke: 1 << 10,
  discloseCaller: 1 << 11,
  receiveProgress: 1 << 12,
  progress: 1 << 13,
  timeout: 1 << 14,
  mode: 1 << 15,
  /**
   * enc_algo or ppt_scheme: the payload may be one text or binary element in the place of the arguments. What the options say about
   * it is written into the details of the message that carries it on.
   */
  opaque: 1 << 16,
  /** retain of PUBLISH, get_retained of SUBSCRIBE, retained of EVENT. */
  retain: 1 << 17,
  /** x_acknowledged_delivery of SUBSCRIBE and EVENT. */
  acknowledgedDelivery: 1 << 18,
  /** There are keys that the visit does not know: whoever knows more decodes the map (`Codec.options`). */
  other: 1 << 23,
  rkey: 1 << 24,
  /** ppt_scheme: payload passthru mode. */
  ppt: 1 << 28,
  /** runmode of CALL; the same bit as mode of CANCEL. */
  runmode: 1 << 15,
} as const;
export type Option = (typeof Option)[keyof typeof Option];

/** Details that the writers can add. */
export const Detail = {
  /** topic (EVENT) or procedure (INVOCATION): the URI of the visited message. */
  uri: 1 << 0,
  /** progress: true */
  progress: 1 << 1,
  /** receive_progress: true */
  receiveProgress: 1 << 2,
  /** publisher, publisher_authid, publisher_authrole (EVENT) or caller, caller_authid, caller_authrole (INVOCATION). */
  disclose: 1 << 3,
  /** timeout: F_TIMEOUT_OUT */
  timeout: 1 << 4,
  /** retained: true */
  retained: 1 << 5,
  /** trustlevel: F_TRUST_LEVEL */
  trustLevel: 1 << 6,
  /** x_acknowledged_delivery: true */
  acknowledgedDelivery: 1 << 7,
} as const;
export type Detail = (typeof Detail)[keyof typeof Detail];

/** Values of `Slot.writeStatus`: why a writer wrote nothing. */
export const WriteStatus = {
  none: 0,
  /** The frame, or the transcoded payload, would be larger than FRAME_OUT. */
  tooLarge: 1,
  /** The payload holds something the target format cannot say (NaN in JSON, a map key that is an array …). */
  unrepresentable: 2,
} as const;
export type WriteStatus = (typeof WriteStatus)[keyof typeof WriteStatus];

/** Why the pattern index took no pattern. */
export const IndexProblem = {
  none: 0,
  /** No memory, or no handle, is left. */
  memory: 1,
  /** The URI is longer, or the wildcard pattern has more components, than any that a client can send. */
  text: 2,
  /** As many wildcard patterns as may have their wildcards at other places each do. */
  shapes: 3,
} as const;
export type IndexProblem = (typeof IndexProblem)[keyof typeof IndexProblem];

/** Bounds of the pattern index. */
export const IndexBound = {
  shapesMax: fixedLimits.wildcardShapes_max,
  shapeFreeComponents: fixedLimits.wildcardShapeComponents_free,
  /** Scopes from here on are not bounded: what is in them is no client's. Those of realms lie below. */
  ownScopes: 2 ** 31,
} as const;

/** Values of `Slot.matchStatus`. */
export const MatchStatus = {
  ok: 0,
  overflow: 1,
} as const;
export type MatchStatus = (typeof MatchStatus)[keyof typeof MatchStatus];
