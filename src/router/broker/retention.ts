/** What the broker does about retained events: reads PUBLISH.Options, keeps the event, replays to late subscribers. Control path. */
import type { PatternHandle } from "../../base/ids.ts";
import { Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Realm } from "../realm.ts";
import type { RouterSession } from "../types.ts";
import type { RetainedEvents } from "./retained.ts";
import type { RetainedReplay } from "./retained-replay.ts";
import type { EventCapture, Publication } from "./stored-event.ts";

/** Time to live in seconds, 0 for ever; the second name is that of another router. */
const ttlKeys = ["x_retained_ttl", "_retained_ttl"] as const;

/** What PUBLISH.Options say of the time to live, in milliseconds; null: something that is none. */
export function givenTtl_ms(options: Readonly<Record<string, unknown>>, default_ms: number): number | null {
  for (const key of ttlKeys) {
    const ttl_s = options[key];
    if (ttl_s === undefined || ttl_s === null) continue;
    return typeof ttl_s === "number" && ttl_s >= 0 ? ttl_s * 1_000 : null;
  }
  return default_ms;
}

export const ttlProblem = `${ttlKeys.join(" and ")} are seconds, 0 or more`;

export class Retention {
  readonly #codec: Codec;
  readonly #retained: RetainedEvents;
  readonly #replay: RetainedReplay;
  readonly #capture: EventCapture;

  constructor(codec: Codec, retained: RetainedEvents, replay: RetainedReplay, capture: EventCapture) {
    this.#codec = codec;
    this.#retained = retained;
    this.#replay = replay;
    this.#capture = capture;
  }

  /** Retains the visited PUBLISH. Returns what is wrong with its options, and does nothing then; otherwise null. */
  keep(realm: Realm, publication: Publication): string | null {
    const { retainedTtl_ms } = realm;
    const hasOthers = (this.#codec.u(Slot.present) & Option.other) !== 0;
    const ttl_ms = hasOthers ? givenTtl_ms(this.#codec.options(), retainedTtl_ms) : retainedTtl_ms;
    if (ttl_ms === null) return ttlProblem;
    this.keepFor(realm, publication, ttl_ms);
    return null;
  }

  /** Retains the visited PUBLISH for `ttl_ms`, 0 for ever. */
  keepFor(realm: Realm, publication: Publication, ttl_ms: number): void {
    this.#retained.keep(realm, this.#capture.capture(publication), ttl_ms);
  }

  /** Sends a subscriber what is retained for it, behind its SUBSCRIBED; the visited message is over then. */
  replay(session: RouterSession, row: number, pattern: PatternHandle): void {
    this.#replay.start(session, row, pattern);
  }

  /** The subscription has ended. */
  endReplay(row: number): void {
    if (this.#replay.count > 0) this.#replay.end(row);
  }
}
