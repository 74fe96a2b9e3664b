/** Names that nobody can guess: random bytes in base64url. */
import type { FillRandom } from "../ports.ts";

export function randomName(fillRandom: FillRandom, bytes: number): string {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  fillRandom(words);
  return Buffer.from(words.buffer, 0, bytes).toString("base64url");
}
