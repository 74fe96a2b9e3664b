/**
 * Names of routers inside tokens: the first character says which of the routers that work together, the rest which life of it. Whoever is
 * shown a token finds its owner without having heard of it, and the owner sees if it was meant for one before it.
 */
import { assert } from "./assert.ts";

const radix = 36;

/** `life`: text that no other life of it has. */
export function ownerName(place: number, life: string): string {
  assert(place >= 0 && place < radix, "a place has one character");
  return place.toString(radix) + life;
}

/** -1 where it is none. */
export function placeOf(owner: string): number {
  const place = Number.parseInt(owner.slice(0, 1), radix);
  return Number.isNaN(place) ? -1 : place;
}
