/**
 * An event that outlives its PUBLISH – retained, or in a history: the frame as it came, and what its receivers would have been
 * told or refused. Made at most once per publication. Control path.
 */
import type { SessionId } from "../../base/ids.ts";
import { decodeMessage, isDict } from "../../protocol/encoding.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Detail, FSlot, Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Publisher, RouterSession } from "../types.ts";
import { anyList, ReceiverFilter } from "./filter.ts";

/** A publication on its way to its receivers: what the visit of its PUBLISH does not say. */
export interface Publication {
  readonly id: number;
  /** Null: the router itself publishes. */
  readonly publisher: Publisher | null;
  /** A target that does not get it; 0: none. */
  readonly excluded: number;
  /** `Detail.disclose` and `Detail.trustLevel`, where every EVENT of it has them. */
  readonly details: number;
  /** Milliseconds since 1970; absent: now. */
  readonly published_ms?: number;
}

/** Whom `disclose_me` named. */
export interface Discloser {
  readonly session: SessionId;
  readonly authid: string;
  readonly authrole: string;
}

export interface StoredEvent {
  readonly topic: string;
  readonly publication: number;
  readonly published_ms: number;
  /** The PUBLISH, and how it is written. */
  readonly frame: Uint8Array;
  readonly serializer: Serializer;
  readonly discloser: Discloser | null;
  /** -1: its realm has none. */
  readonly trustLevel: number;
  readonly filter: ReceiverFilter | null;
  /** It names receivers by session, who may be gone by now. */
  readonly namesSessions: boolean;
  /** The session that would not have got it, whatever the lists say: its publisher; 0: none. */
  readonly excluded: number;
}

/** What one event counts in bytes: its frame, and for the rest a flat rate. */
export const storedBytes = (event: StoredEvent): number => event.frame.length + 256;

/** Whether the session would have received the event, had it been subscribed. */
export const admits = (event: StoredEvent, session: RouterSession): boolean =>
  session.id !== event.excluded && (event.filter === null || event.filter.admits(session));

export interface EventCaptureParts {
  readonly codec: Codec;
  readonly wall_ms: () => number;
}

/** Makes stored events of the PUBLISH that the codec is at. */
export class EventCapture {
  readonly #parts: EventCaptureParts;
  /** Several may want to keep the same publication. */
  #last: StoredEvent | null = null;

  constructor(parts: EventCaptureParts) {
    this.#parts = parts;
  }

  capture(publication: Publication): StoredEvent {
    if (this.#last?.publication === publication.id) return this.#last;
    const { codec, wall_ms } = this.#parts;
    const { publisher, excluded, details } = publication;
    const present = codec.u(Slot.present);
    const isDisclosed = (details & Detail.disclose) !== 0 && publisher !== null;
    this.#last = {
      topic: codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen)),
      publication: publication.id,
      published_ms: publication.published_ms ?? wall_ms(),
      frame: codec.frame(),
      serializer: codec.u(Slot.format) as Serializer,
      discloser: isDisclosed ? discloserOf(publisher) : null,
      trustLevel: (details & Detail.trustLevel) === 0 ? -1 : codec.f(FSlot.trustLevel),
      filter: (present & anyList) === 0 ? null : ReceiverFilter.read(codec),
      namesSessions: (present & (Option.exclude | Option.eligible)) !== 0,
      excluded: excluded === 0 || publisher === null ? 0 : publisher.id,
    };
    return this.#last;
  }
}

function discloserOf(publisher: Publisher): Discloser {
  const { authid, authrole } = publisher.identity!;
  return { session: publisher.id, authid, authrole };
}

/**
 * Makes the codec ready to write EVENTs of a stored event; returns the `Detail` bits that all of them have. Not before the
 * handling of the message at hand is done with what the codec reported.
 */
export function revisit(codec: Codec, event: StoredEvent): number {
  codec.visit(event.serializer, event.frame, 0, 0);
  let details = 0;
  if (event.discloser !== null) {
    const { session, authid, authrole } = event.discloser;
    codec.putIdentity(session, authid, authrole);
    details |= Detail.disclose;
  }
  if (event.trustLevel >= 0) {
    codec.putTrustLevel(event.trustLevel);
    details |= Detail.trustLevel;
  }
  return details;
}

/** Options that go on with the payload: they say how it is to be read. */
const payloadKeys = /^(?:ppt|enc)_/;

/** A stored event as values: the details that its EVENTs have, and its payload as far as there is one. */
export function decodeStored(
  event: StoredEvent,
  hasTopic: boolean,
): {
  readonly details: Readonly<Record<string, unknown>>;
  readonly args?: readonly unknown[];
  readonly kwargs?: unknown;
} {
  const [, , options, , args, kwargs] = decodeMessage(event.serializer, event.frame);
  const details: Record<string, unknown> = hasTopic ? { topic: event.topic } : {};
  for (const [key, value] of Object.entries(isDict(options) ? options : {}))
    if (payloadKeys.test(key) && typeof value === "string") details[key] = value;
  if (event.discloser !== null) {
    details["publisher"] = event.discloser.session;
    details["publisher_authid"] = event.discloser.authid;
    details["publisher_authrole"] = event.discloser.authrole;
  }
  if (event.trustLevel >= 0) details["trustlevel"] = event.trustLevel;
  const hasKwargs = isDict(kwargs) && Object.keys(kwargs).length > 0;
  if ((args === undefined || args === null) && !hasKwargs) return { details };
  const list = Array.isArray(args) ? args : args === undefined || args === null ? [] : [args];
  return hasKwargs ? { details, args: list, kwargs } : { details, args: list };
}
