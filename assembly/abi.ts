/**
 * The line between TypeScript and WASM: where things lie in memory, and what the numbers mean.
 * Declared twice, here and in src/wasm/abi.ts; a test compares the exported values with the TypeScript ones.
 *
 * Memory, from address 0 up (asc is told to put its own static data behind FIXED_END):
 *   HEADER     F64 slots, then U32 slots: what one visit found, and what the writers take
 *   TEXT       strings that TypeScript passes in: URIs of cold calls, authid and authrole
 *   FIXED_END  asc's static data, then the slabs and the large regions that `init` reserves and that never move:
 *              FRAME_IN, FRAME_OUT, SCRATCH (unescaped strings), MATCHES, one PAYLOAD region per format
 */

// ---- fixed addresses
export const HEADER: u32 = 64;
/** F64 slots begin at HEADER, U32 slots at HEADER_U32. */
export const HEADER_U32: u32 = 320;
/** One key of a details map on its way out. Internal to assembly/. */
export const KEY: u32 = 768;
export const TEXT: u32 = 1024;
export const TEXT_BYTES: u32 = 7168;
export const FIXED_END: u32 = 8192;
/** Room at the start of FRAME_OUT for the frames of one loop turn that stay until the sockets have them (U_OUT). */
export const KEPT_BYTES: u32 = 1 << 20;

// ---- formats: RawSocket's serializer numbers
export const JSON: u32 = 1;
export const MSGPACK: u32 = 2;
export const CBOR: u32 = 3;

// ---- F64 slots (index from HEADER, 8 bytes each)
/** Request id of the message (for ERROR: of the request it answers). */
export const F_REQUEST: u32 = 0;
/** Second id: subscription of UNSUBSCRIBE and EVENT, registration of UNREGISTER, publication of PUBLISHED and so on. */
export const F_ID: u32 = 1;
/** Third id: publication of EVENT, registration of INVOCATION. */
export const F_ID2: u32 = 2;
/** Options.timeout of CALL in milliseconds; 0 when absent. */
export const F_TIMEOUT: u32 = 3;
/** For the writers: session id that publisher/caller disclosure names. */
export const F_DISCLOSED: u32 = 4;
/** For the writers: INVOCATION.Details.timeout in milliseconds. */
export const F_TIMEOUT_OUT: u32 = 5;
/** Last scalar a cursor read. Internal to assembly/. */
export const F_VALUE: u32 = 6;
/** For the writers: trustlevel of EVENT and INVOCATION. */
export const F_TRUST_LEVEL: u32 = 7;

// ---- U32 slots (index from HEADER_U32, 4 bytes each); pointers are absolute addresses
export const U_TYPE: u32 = 0;
export const U_FORMAT: u32 = 1;
export const U_LENGTH: u32 = 2;
/** Offset in the frame at which a violation was noticed, and what it was (V_…). */
export const U_ERROR_OFFSET: u32 = 3;
export const U_VIOLATION: u32 = 4;
/** Topic, procedure, realm, error or reason URI as plain UTF-8 (in the frame, or in SCRATCH if it was escaped). */
export const U_URI: u32 = 5;
export const U_URI_LEN: u32 = 6;
/** URI_OK, URI_INVALID or URI_RESERVED. */
export const U_URI_STATUS: u32 = 7;
/** Raw spans, still encoded in the frame's format. Length 0: absent. */
export const U_OPTIONS: u32 = 8;
export const U_OPTIONS_LEN: u32 = 9;
export const U_ARGS: u32 = 10;
export const U_ARGS_LEN: u32 = 11;
export const U_KWARGS: u32 = 12;
export const U_KWARGS_LEN: u32 = 13;
/** Which known options were present (O_… bits; those above O_OPAQUE are internal), and which of the boolean ones were true. */
export const U_PRESENT: u32 = 14;
export const U_TRUE: u32 = 15;
/**
 * Options.match: 0 exact, 1 prefix, 2 wildcard. Options.invoke: 0 single … 8, as Invoke has them. Options.mode of CANCEL: 0 none …
 * 3 killnowait, 4 unknown. Options.runmode of CALL, in U_MODE too: 0 none, 1 partition, 2 all.
 */
export const U_MATCH: u32 = 16;
export const U_INVOKE: u32 = 17;
export const U_MODE: u32 = 18;
/** ERROR's first id element: the type of the request that failed. */
export const U_REQUEST_TYPE: u32 = 19;
/** Matches found by the visit; handles are in MATCHES. M_OVERFLOW in U_MATCH_STATUS when there were more than fit. */
export const U_MATCH_COUNT: u32 = 20;
export const U_MATCH_STATUS: u32 = 21;
/** The six receiver lists, each pointer and length of the raw encoded array; in the order of O_EXCLUDE … O_ELIGIBLE_AUTHROLE. */
export const U_LISTS: u32 = 22;
/** Why a writer returned 0: W_… */
export const U_WRITE_STATUS: u32 = 34;
/** For the writers, spans in TEXT: authid and authrole of the disclosed session. */
export const U_AUTHID: u32 = 35;
export const U_AUTHID_LEN: u32 = 36;
export const U_AUTHROLE: u32 = 37;
export const U_AUTHROLE_LEN: u32 = 38;
/** Span of the last string a cursor read, and element count or flag of the last container step. Internal to assembly/. */
export const U_SPAN: u32 = 39;
export const U_SPAN_LEN: u32 = 40;
export const U_COUNT: u32 = 41;
/** Bump pointer into SCRATCH; reset at the start of each visit. Internal to assembly/. */
export const U_SCRATCH: u32 = 42;
/** Per format (index + format): length of the payload already transcoded for this visit, and its element count. 0: not yet. */
export const U_PAYLOAD_LEN: u32 = 43;
export const U_PAYLOAD_ARGS: u32 = 47;
/** Where a violation was noticed: index of the message element, and the name of the option if it was about one (length 0: none). */
export const U_ELEMENT: u32 = 51;
export const U_OPTION: u32 = 52;
export const U_OPTION_LEN: u32 = 53;
/**
 * The seven options that say how an opaque payload is to be read, each pointer and length of its text: enc_algo, enc_key,
 * enc_serializer, ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid. They go on with the payload. Internal to assembly/.
 */
export const U_OPAQUE: u32 = 54;
/**
 * For the writers: where in FRAME_OUT the next frame begins. TypeScript moves it behind a frame that is to stay where it is until
 * the sockets have it, and back to 0 at the end of a loop turn.
 */
export const U_OUT: u32 = 68;
/** Options.rkey of PUBLISH and CALL as plain UTF-8; there if O_RKEY is present. */
export const U_RKEY: u32 = 69;
export const U_RKEY_LEN: u32 = 70;

// ---- status of a visit
export const OK: u32 = 0;
/** The frame breaks the protocol; U_VIOLATION and U_ERROR_OFFSET say how and where. Answer: ABORT protocol_violation. */
export const VIOLATION: u32 = 1;

// ---- violations
export const V_NONE: u32 = 0;
export const V_TOO_LONG: u32 = 1;
export const V_MALFORMED: u32 = 2;
export const V_UTF8: u32 = 3;
export const V_DEPTH: u32 = 4;
export const V_TRAILING: u32 = 5;
export const V_NOT_ARRAY: u32 = 6;
export const V_TYPE: u32 = 7;
export const V_ELEMENT_COUNT: u32 = 8;
export const V_ELEMENT_TYPE: u32 = 9;
export const V_ID_RANGE: u32 = 10;
export const V_OPTION_TYPE: u32 = 11;
export const V_OPTION_VALUE: u32 = 12;
export const V_OPTION_TWICE: u32 = 13;
export const V_FORMAT: u32 = 14;

export const URI_OK: u32 = 0;
export const URI_INVALID: u32 = 1;
/** Well-formed, but its whole first component is one of the router's own: `wamp`, `spanwire` or `bondy`. */
export const URI_RESERVED: u32 = 2;

// ---- visit flags
/** Check URIs by the strict rules. */
export const VISIT_STRICT_URI: u32 = 1;
/** Refuse what compatibility tolerates: null for absent args or options, extra trailing options, unknown cancel modes. */
export const VISIT_STRICT: u32 = 2;

// ---- known options (bits of U_PRESENT and U_TRUE)
export const O_ACKNOWLEDGE: u32 = 1 << 0;
export const O_EXCLUDE_ME: u32 = 1 << 1;
export const O_DISCLOSE_ME: u32 = 1 << 2;
export const O_EXCLUDE: u32 = 1 << 3;
export const O_EXCLUDE_AUTHID: u32 = 1 << 4;
export const O_EXCLUDE_AUTHROLE: u32 = 1 << 5;
export const O_ELIGIBLE: u32 = 1 << 6;
export const O_ELIGIBLE_AUTHID: u32 = 1 << 7;
export const O_ELIGIBLE_AUTHROLE: u32 = 1 << 8;
export const O_MATCH: u32 = 1 << 9;
export const O_INVOKE: u32 = 1 << 10;
export const O_DISCLOSE_CALLER: u32 = 1 << 11;
export const O_RECEIVE_PROGRESS: u32 = 1 << 12;
export const O_PROGRESS: u32 = 1 << 13;
export const O_TIMEOUT: u32 = 1 << 14;
export const O_MODE: u32 = 1 << 15;
/**
 * enc_algo or ppt_scheme: the payload may be one text or binary element in the place of the arguments. What the options say about
 * it is written into the details of the message that carries it on.
 */
export const O_OPAQUE: u32 = 1 << 16;
/** retain of PUBLISH, get_retained of SUBSCRIBE, retained of EVENT. */
export const O_RETAIN: u32 = 1 << 17;
/** x_acknowledged_delivery of SUBSCRIBE and EVENT. */
export const O_ACKNOWLEDGED_DELIVERY: u32 = 1 << 18;
/** There are keys that the visit does not know: whoever knows more decodes the map. */
export const O_OTHER: u32 = 1 << 23;
export const O_RKEY: u32 = 1 << 24;
/** ppt_scheme: payload passthru mode. */
export const O_PPT: u32 = 1 << 28;
/** runmode of CALL; the same bit as mode of CANCEL. */
export const O_RUNMODE: u32 = O_MODE;

// ---- details that the writers can add (bits)
/** topic (EVENT) or procedure (INVOCATION): the URI of the visited message. */
export const D_URI: u32 = 1 << 0;
/** progress: true */
export const D_PROGRESS: u32 = 1 << 1;
/** receive_progress: true */
export const D_RECEIVE_PROGRESS: u32 = 1 << 2;
/** publisher, publisher_authid, publisher_authrole (EVENT) or caller, caller_authid, caller_authrole (INVOCATION). */
export const D_DISCLOSE: u32 = 1 << 3;
/** timeout: F_TIMEOUT_OUT */
export const D_TIMEOUT: u32 = 1 << 4;
/** retained: true */
export const D_RETAINED: u32 = 1 << 5;
/** trustlevel: F_TRUST_LEVEL */
export const D_TRUST_LEVEL: u32 = 1 << 6;
/** x_acknowledged_delivery: true */
export const D_ACKNOWLEDGED_DELIVERY: u32 = 1 << 7;

// ---- why a writer wrote nothing
export const W_NONE: u32 = 0;
/** The frame, or the transcoded payload, would be larger than FRAME_OUT. */
export const W_TOO_LARGE: u32 = 1;
/** The payload holds something the target format cannot say (NaN in JSON, a map key that is an array …). */
export const W_UNREPRESENTABLE: u32 = 2;

// ---- match status
export const M_OK: u32 = 0;
export const M_OVERFLOW: u32 = 1;

// ---- why the index took no pattern
export const I_NONE: u32 = 0;
/** No memory, or no handle, is left. */
export const I_MEMORY: u32 = 1;
/** The URI is longer, or the wildcard pattern has more components, than any that a client can send. */
export const I_TEXT: u32 = 2;
/** SHAPES_MAX wildcard patterns of the scope, with as many components, have their wildcards at other places each. */
export const I_SHAPES: u32 = 3;

// ---- bounds of the index
/** Shapes of wildcard patterns in one scope and of one number of components. */
export const SHAPES_MAX: u32 = 256;
/** Patterns of up to so many components are not bounded: they can have 1,024. */
export const SHAPE_FREE_COMPONENTS: u32 = 10;
/** Scopes from here on are not bounded: what is in them is no client's. */
export const OWN_SCOPES: u32 = 1 << 31;

// ---- slot access, internal to assembly/
// @ts-ignore: decorator
@inline export function getU(slot: u32): u32 { return load<u32>(HEADER_U32 + (slot << 2)); }
// @ts-ignore: decorator
@inline export function setU(slot: u32, value: u32): void { store<u32>(HEADER_U32 + (slot << 2), value); }
// @ts-ignore: decorator
@inline export function getF(slot: u32): f64 { return load<f64>(HEADER + (slot << 3)); }
// @ts-ignore: decorator
@inline export function setF(slot: u32, value: f64): void { store<f64>(HEADER + (slot << 3), value); }

/** Records a violation and gives the 0 that every cursor returns for it. Keeps the first one of a visit. */
export function fail(violation: u32, at: u32): u32 {
  if (getU(U_VIOLATION) == V_NONE) {
    setU(U_VIOLATION, violation);
    setU(U_ERROR_OFFSET, at);
  }
  return 0;
}
