/**
 * wamp.subscription.get_events (Advanced Profile, "Event History"): which events of a history a caller asks for, and may see.
 * Answers are bounded in count and bytes; a caller asks on with `after_publication`, or `before_publication` in reverse.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { errors, WampError } from "../../protocol/errors.ts";
import { Match } from "../../protocol/messages.ts";
import { Permission } from "../../protocol/permissions.ts";
import type { Guard } from "../guard.ts";
import { anId, aUri, invalidArgument, type Kind, optional, positional } from "../meta/meta-args.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { ProcedureCall, ProcedureHandler, ProcedureText } from "../procedures.ts";
import type { Steps, TurnShare } from "../turn-share.ts";
import type { RouterSession } from "../types.ts";
import type { Histories, History } from "./history.ts";
import { decodeStored, type StoredEvent } from "./stored-event.ts";

export interface HistoryQueryParts {
  readonly patterns: Patterns;
  readonly histories: Histories;
  readonly limits: Limits;
  readonly guard: Guard;
  readonly turnShare: TurnShare;
}

/** What it costs to read an event and to see how large it is: for itself, and for so many of its bytes, in steps. */
const eventCost = 48;
const bytesPerStep = 8;

/** Room for what an answer has around its events. */
const envelopeBytes = 64;

export const historyTexts: Readonly<Record<string, ProcedureText>> = {
  "wamp.subscription.get_events": {
    summary:
      "The events of a subscription that the router keeps, in order, as far as one answer may have them.",
    args: ["subscription: id", "limit?: int"],
    kwargs: [
      "limit?: int",
      "reverse?: bool",
      ...["from_time", "after_time", "before_time", "until_time"].map((name) => `${name}?: timestamp`),
      "topic?: uri",
      ...["from", "after", "before", "until"].map((name) => `${name}_publication?: id`),
    ],
    result: ["...events: {timestamp, subscription, publication, details, args?, kwargs?}"],
  },
};

export function historyProcedures(parts: HistoryQueryParts): Readonly<Record<string, ProcedureHandler>> {
  return { "wamp.subscription.get_events": (call) => getEvents(parts, call) };
}

/** Refuses callers that may not see the events of the subscription that the call names. */
export function requireHistoryRight(
  { patterns, guard }: Pick<HistoryQueryParts, "patterns" | "guard">,
  call: ProcedureCall,
): void {
  const pattern = patterns.byId(PatternKind.subscription, positional(call, 0, "subscription", anId));
  if (pattern === 0 || patterns.realmHandle(pattern) !== call.realm.handle) return;
  guard.require(call.caller, Permission.subscribe, patterns.uri(pattern), patterns.match(pattern));
}

/**
 * Looking through a history may take several turns. The answer is about the events that it had at first; those that fall out of it
 * before they are found are not in the answer.
 */
function getEvents(
  parts: HistoryQueryParts,
  call: ProcedureCall,
): readonly unknown[] | Promise<readonly unknown[]> {
  const { patterns, histories, limits, turnShare } = parts;
  const id = positional(call, 0, "subscription", anId);
  const pattern = patterns.byId(PatternKind.subscription, id);
  const isHere = pattern !== 0 && patterns.realmHandle(pattern) === call.realm.handle;
  const history = isHere ? histories.of(pattern) : null;
  if (history === null)
    throw new WampError(
      errors.noSuchSubscription.uri,
      isHere ? `the router keeps no events of subscription ${id}` : `there is no subscription ${id}`,
    );
  const topics = pattern as PatternHandle;
  requireHistoryRight(parts, call);
  const query = readQuery(call, limits.historyResult_max);
  return turnShare.run(call.caller.id, answer(parts, topics, history, query, call.caller));
}

// ---- arguments

interface Query {
  readonly limit: number;
  readonly reverse: boolean;
  /** Milliseconds since 1970, with a fraction where the caller gave one. */
  readonly fromTime_ms: number | undefined;
  readonly afterTime_ms: number | undefined;
  readonly beforeTime_ms: number | undefined;
  readonly untilTime_ms: number | undefined;
  readonly topic: string | undefined;
  readonly fromPublication: number | undefined;
  readonly afterPublication: number | undefined;
  readonly beforePublication: number | undefined;
  readonly untilPublication: number | undefined;
}

const aCount: Kind<number> = {
  name: "an integer, 1 or more",
  read: (value) => (Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined),
};
const aBoolean: Kind<boolean> = {
  name: "a boolean",
  read: (value) => (typeof value === "boolean" ? value : undefined),
};

/** RFC 3339, where the letters may be small and the T a blank. */
const timestamp = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,12})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

const aTime: Kind<number> = {
  name: "a timestamp as in RFC 3339",
  read(value) {
    const [, date, clock, fraction = "0", zone] = (typeof value === "string" && timestamp.exec(value)) || [];
    if (zone === undefined) return undefined;
    const seconds_ms = Date.parse(`${date}T${clock}${zone.toUpperCase()}`);
    return Number.isNaN(seconds_ms) ? undefined : seconds_ms + Number(fraction) * 1_000;
  },
};

/** In the place of a position: the argument is taken by its name only. */
const byName = -1;

function readQuery(call: ProcedureCall, limit_max: number): Query {
  const time = (name: string): number | undefined => optional(call, byName, name, aTime);
  const publication = (name: string): number | undefined => optional(call, byName, name, aCount);
  return {
    // Some clients of another router give the limit by position.
    limit: Math.min(optional(call, 1, "limit", aCount) ?? limit_max, limit_max),
    reverse: optional(call, byName, "reverse", aBoolean) ?? false,
    fromTime_ms: time("from_time"),
    afterTime_ms: time("after_time"),
    beforeTime_ms: time("before_time"),
    untilTime_ms: time("until_time"),
    topic: optional(call, byName, "topic", aUri),
    fromPublication: publication("from_publication"),
    afterPublication: publication("after_publication"),
    beforePublication: publication("before_publication"),
    untilPublication: publication("until_publication"),
  };
}

// ---- events

/** Numbers of events, as `History.oldest` counts, between which the query's publications leave them; both included. */
function* range(history: History, query: Query): Steps<{ readonly first: number; readonly last: number }> {
  const { fromPublication, afterPublication, beforePublication, untilPublication } = query;
  let first = history.oldest;
  let last = history.oldest + history.count - 1;
  if (fromPublication !== undefined) first = Math.max(first, yield* find(history, fromPublication));
  if (afterPublication !== undefined) first = Math.max(first, (yield* find(history, afterPublication)) + 1);
  if (beforePublication !== undefined) last = Math.min(last, (yield* find(history, beforePublication)) - 1);
  if (untilPublication !== undefined) last = Math.min(last, yield* find(history, untilPublication));
  return { first, last };
}

/** To say nothing would look like "nothing new" to a caller whose last event has fallen out of the history. */
function* find(history: History, publication: number): Steps<number> {
  for (let number = history.oldest + history.count - 1; number >= history.oldest; number--) {
    if (history.at(number - history.oldest).publication === publication) return number;
    yield 1;
  }
  throw invalidArgument(`publication ${publication} is not in the history, or not any more`);
}

function isWanted(event: StoredEvent, query: Query, caller: RouterSession): boolean {
  const { fromTime_ms, afterTime_ms, beforeTime_ms, untilTime_ms, topic } = query;
  return (
    (topic === undefined || event.topic === topic) &&
    (fromTime_ms === undefined || event.published_ms >= fromTime_ms) &&
    (afterTime_ms === undefined || event.published_ms > afterTime_ms) &&
    (beforeTime_ms === undefined || event.published_ms < beforeTime_ms) &&
    (untilTime_ms === undefined || event.published_ms <= untilTime_ms) &&
    (event.filter === null || event.filter.admits(caller))
  );
}

/** The events that are wanted, in order, and null for each that is not. */
function* select(
  history: History,
  query: Query,
  { first, last }: { readonly first: number; readonly last: number },
  caller: RouterSession,
): Generator<StoredEvent | null, void> {
  let left = query.limit;
  for (let i = first; i <= last && left > 0; i++) {
    const number = query.reverse ? last - (i - first) : i;
    const event = number < history.oldest ? null : history.at(number - history.oldest);
    const wanted = event !== null && isWanted(event, query, caller) ? event : null;
    if (wanted !== null) left--;
    yield wanted;
  }
}

/** As many of the events as one answer may have. An event that the caller's serializer cannot say is left out. */
function* answer(
  { patterns, limits }: HistoryQueryParts,
  pattern: PatternHandle,
  history: History,
  query: Query,
  caller: RouterSession,
): Steps<readonly unknown[]> {
  const subscription = patterns.id(pattern);
  const hasTopic = patterns.match(pattern) !== Match.exact;
  const bytes_max = Math.min(limits.historyResultBytes_max, caller.peerFrameBytes_max - envelopeBytes);
  const found: unknown[] = [];
  let bytes = 0;
  for (const event of select(history, query, yield* range(history, query), caller)) {
    yield event === null ? 1 : eventCost + Math.floor(event.frame.length / bytesPerStep);
    if (event === null) continue;
    const item = {
      timestamp: new Date(event.published_ms).toISOString(),
      subscription,
      publication: event.publication,
      ...decodeStored(event, hasTopic),
    };
    const length = encodedLength(caller, item);
    if (length === null) continue;
    bytes += length;
    if (bytes > bytes_max && found.length > 0) break;
    // One that is alone too large is for the caller to hear of, not to be passed over.
    if (length > Math.min(limits.outboxBytes_max / 2, caller.peerFrameBytes_max - envelopeBytes))
      throw new WampError(
        errors.payloadSizeExceeded.uri,
        `publication ${event.publication} is larger than an answer may be`,
      );
    found.push(item);
  }
  return found;
}

function encodedLength(caller: RouterSession, item: unknown): number | null {
  try {
    return encodeMessage(caller.serializer, [item]).length;
  } catch {
    return null;
  }
}
