/**
 * SASLprep (RFC 4013) of user names and passwords for `wamp-scram`: what looks alike is made the same. ASCII stays as it is.
 * Right-to-left checks and unassigned code points are left to the other side.
 */
import { misuse } from "./auth-method.ts";

const mappedToSpace = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const mappedToNothing = /\u034f|[\u180b-\u180d]|[\ufe00-\ufe0f]|\u200d|[\u00ad\u1806\u200c\u2060\ufeff]/gu;
const prohibited =
  /[\u0340\u0341]|[\p{Cc}\p{Co}\p{Cs}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufdd0-\ufdef\ufff9-\ufffd\ufffe\uffff]/u;

/** Throws WampError `wamp.error.invalid_argument` where the text has characters that are not allowed. */
export function saslPrep(text: string): string {
  const prepared = text.replace(mappedToSpace, " ").replace(mappedToNothing, "").normalize("NFKC");
  if (prohibited.test(prepared)) throw misuse("a name or password has characters that are not allowed");
  return prepared;
}
