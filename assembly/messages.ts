/** Message codes, and for each the elements that follow it in the message array (WAMP "Messages"). */

export const HELLO: u32 = 1;
export const WELCOME: u32 = 2;
export const ABORT: u32 = 3;
export const CHALLENGE: u32 = 4;
export const AUTHENTICATE: u32 = 5;
export const GOODBYE: u32 = 6;
export const ERROR: u32 = 8;
export const PUBLISH: u32 = 16;
export const PUBLISHED: u32 = 17;
export const SUBSCRIBE: u32 = 32;
export const SUBSCRIBED: u32 = 33;
export const UNSUBSCRIBE: u32 = 34;
export const UNSUBSCRIBED: u32 = 35;
export const EVENT: u32 = 36;
export const CALL: u32 = 48;
export const CANCEL: u32 = 49;
export const RESULT: u32 = 50;
export const REGISTER: u32 = 64;
export const REGISTERED: u32 = 65;
export const UNREGISTER: u32 = 66;
export const UNREGISTERED: u32 = 67;
export const INVOCATION: u32 = 68;
export const INTERRUPT: u32 = 69;
export const YIELD: u32 = 70;
export const EVENT_RECEIVED: u32 = 337;

/** Kinds of elements. An optional one may be missing, with all behind it. */
export const E_END: u32 = 0;
/** Ids, by the slot they go to: F_REQUEST, F_ID, F_ID2. */
export const E_REQUEST: u32 = 1;
export const E_ID: u32 = 2;
export const E_ID2: u32 = 3;
/** Options or details. */
export const E_DICT: u32 = 4;
export const E_URI: u32 = 5;
/** Any text: an authentication method, a signature. */
export const E_TEXT: u32 = 6;
/** Type of the request that an ERROR answers. */
export const E_REQUEST_TYPE: u32 = 7;
/** From here on optional. */
export const E_ARGS: u32 = 8;
export const E_KWARGS: u32 = 9;
/** Details of a revocation; request id 0 goes with it. */
export const E_REVOCATION: u32 = 10;
/** Options that some clients put behind UNSUBSCRIBE and UNREGISTER. */
export const E_EXTRA: u32 = 11;

const PAYLOAD: u32 = E_ARGS | (E_KWARGS << 4);

/** The elements behind the message code, four bits each, the first one lowest. 0: there is no such message. */
export function layoutOf(type: u32): u32 {
  switch (type) {
    case PUBLISH:
    case CALL:
      return E_REQUEST | (E_DICT << 4) | (E_URI << 8) | (PAYLOAD << 12);
    case YIELD:
    case RESULT:
      return E_REQUEST | (E_DICT << 4) | (PAYLOAD << 8);
    case EVENT:
      return E_ID | (E_ID2 << 4) | (E_DICT << 8) | (PAYLOAD << 12);
    case INVOCATION:
      return E_REQUEST | (E_ID2 << 4) | (E_DICT << 8) | (PAYLOAD << 12);
    case ERROR:
      return E_REQUEST_TYPE | (E_REQUEST << 4) | (E_DICT << 8) | (E_URI << 12) | (PAYLOAD << 16);
    case SUBSCRIBE:
    case REGISTER:
      return E_REQUEST | (E_DICT << 4) | (E_URI << 8);
    case UNSUBSCRIBE:
    case UNREGISTER:
      return E_REQUEST | (E_ID << 4) | (E_EXTRA << 8);
    case PUBLISHED:
    case SUBSCRIBED:
    case REGISTERED:
      return E_REQUEST | (E_ID << 4);
    case UNSUBSCRIBED:
    case UNREGISTERED:
      return E_REQUEST | (E_REVOCATION << 4);
    case CANCEL:
    case INTERRUPT:
      return E_REQUEST | (E_DICT << 4);
    case HELLO:
      return E_URI | (E_DICT << 4);
    case WELCOME:
      return E_ID | (E_DICT << 4);
    case CHALLENGE:
    case AUTHENTICATE:
      return E_TEXT | (E_DICT << 4);
    case ABORT:
      return E_DICT | (E_URI << 4) | (PAYLOAD << 8);
    case GOODBYE:
      return E_DICT | (E_URI << 4);
    case EVENT_RECEIVED:
      return E_ID;
    default:
      return 0;
  }
}
