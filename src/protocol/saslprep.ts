/**
 * SASLprep (RFC 4013), how WAMP-SCRAM prepares names and passwords: other spaces become a space, what is commonly mapped to nothing
 * goes, NFKC, then the prohibited characters and the rule for bidirectional text.
 *
 * Two deviations, both towards accepting more: NFKC and the classes of letters are those of the runtime's Unicode version instead of
 * 3.2, and unassigned code points are allowed (RFC 3454 section 7, "queries").
 */

/** RFC 3454 table C.1.2. */
const otherSpaces = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu;
/** RFC 3454 table B.1, as numbers because some of them are invisible or join what stands beside them. */
const nothing = new Set([
  0x00ad,
  0x034f,
  0x1806,
  0x180b,
  0x180c,
  0x180d,
  0x200c,
  0x200d,
  0x2060,
  0xfeff,
  ...Array.from({ length: 16 }, (_, index) => 0xfe00 + index),
]);

/** RFC 3454 tables C.2.1, C.2.2, C.3 to C.9, as pairs of first and last; C.1.2 is gone by then. */
const prohibited: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x0340, 0x0341],
  [0x06dd, 0x06dd],
  [0x070f, 0x070f],
  [0x180e, 0x180e],
  [0x200c, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x2063],
  [0x206a, 0x206f],
  [0x2ff0, 0x2ffb],
  [0xd800, 0xf8ff],
  [0xfdd0, 0xfdef],
  [0xfeff, 0xfeff],
  [0xfff9, 0xffff],
  [0x1d173, 0x1d17a],
  [0xe0001, 0xe0001],
  [0xe0020, 0xe007f],
  [0xf0000, 0x10ffff],
];

const rightToLeftScripts =
  "(?![\\p{N}\\p{M}])[\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Thaana}]";
/** Written from right to left: the scripts of RFC 3454 table D.1, without digits and marks. */
const rightToLeft = new RegExp(rightToLeftScripts, "u");
const leftToRight = new RegExp(`(?!${rightToLeftScripts})\\p{L}`, "u");

const isProhibited = (point: number): boolean =>
  prohibited.some(([first, last]) => point >= first && point <= last) ||
  // The last two code points of every plane are no characters.
  (point & 0xfffe) === 0xfffe;

/** The prepared text; undefined: it has characters that a name or password may not have. */
export function saslprep(text: string): string | undefined {
  const mapped = [...text.replace(otherSpaces, " ")]
    .filter((character) => !nothing.has(character.codePointAt(0)!))
    .join("");
  const prepared = mapped.normalize("NFKC");
  const characters = [...prepared];
  if (characters.some((character) => isProhibited(character.codePointAt(0)!))) return undefined;
  if (rightToLeft.test(prepared)) {
    const ends = [characters[0]!, characters[characters.length - 1]!];
    if (leftToRight.test(prepared) || !ends.every((end) => rightToLeft.test(end))) return undefined;
  }
  return prepared;
}
