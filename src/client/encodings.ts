/** Hex and base64, and the little arithmetic that authentication does on bytes. Works in browsers too. */

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Null: it is not `length` bytes of hex. */
export function bytesOfHex(text: unknown, length: number): Uint8Array<ArrayBuffer> | null {
  if (typeof text !== "string" || text.length !== 2 * length || !/^[0-9a-fA-F]*$/.test(text)) return null;
  return Uint8Array.from({ length }, (_, index) => Number.parseInt(text.slice(2 * index, 2 * index + 2), 16));
}

export const base64Of = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** Null: it is no base64. */
export function bytesOfBase64(text: unknown): Uint8Array<ArrayBuffer> | null {
  if (typeof text !== "string") return null;
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Of two of the same length. */
export const xor = (a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(a, (byte, index) => byte ^ b[index]!);

/** In a time that does not depend on where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < a.length; index++) difference |= a[index]! ^ (b[index] ?? 0);
  return difference === 0;
}

export const randomBytes = (length: number): Uint8Array<ArrayBuffer> =>
  crypto.getRandomValues(new Uint8Array(length));
