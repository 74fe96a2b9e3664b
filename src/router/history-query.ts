/**
 * wamp.subscription.get_events (Advanced Profile, "Event History"): which events of a history a caller asks for, and may see.
 * Answers are bounded in count and bytes; a caller asks on with `after_publication`, or `before_publication` in reverse.
 */
import type { PatternHandle } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import { encodeMessage } from "../protocol/encoding.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Match } from "../protocol/messages.ts";
import type { Histories, History } from "./history.ts";
import { PatternKind, type Patterns } from "./patterns.ts";
import type { ProcedureCall, ProcedureHandler } from "./procedures.ts";
import { decodeStored, type StoredEvent } from "./stored-event.ts";
import type { RouterSession } from "./types.ts";

export interface HistoryQueryParts {
  readonly patterns: Patterns;
  readonly histories: Histories;
  readonly limits: Limits;
}

/** Room for what an answer has around its events. */
const envelopeBytes = 64;

export function historyProcedures(parts: HistoryQueryParts) {
  return { "wamp.subscription.get_events": (call) => getEvents(parts, call) } satisfies Readonly<
    Record<string, ProcedureHandler>
  >;
}

function getEvents(parts: HistoryQueryParts, call: ProcedureCall): readonly unknown[] {
  const { patterns, histories, limits } = parts;
  const id = integer("the subscription", call.args[0], 1);
  if (id === null) throw refused("the first argument is a subscription id");
  const pattern = patterns.byId(PatternKind.subscription, id);
  const isHere = pattern !== 0 && patterns.realmHandle(pattern) === call.realm.handle;
  const history = isHere ? histories.of(pattern) : null;
  if (history === null)
    throw new WampError(
      errors.noSuchSubscription.uri,
      isHere ? "the router keeps no events of this subscription" : "there is no such subscription",
    );
  const query = readQuery(call, limits.historyResult_max);
  const wanted = select(history, query, call.caller);
  return answer(parts, pattern as PatternHandle, wanted, call.caller);
}

// ---- arguments

interface Query {
  readonly limit: number;
  readonly reverse: boolean;
  /** Milliseconds since 1970, with a fraction where the caller gave one. */
  readonly fromTime_ms: number | null;
  readonly afterTime_ms: number | null;
  readonly beforeTime_ms: number | null;
  readonly untilTime_ms: number | null;
  readonly topic: string | null;
  readonly fromPublication: number | null;
  readonly afterPublication: number | null;
  readonly beforePublication: number | null;
  readonly untilPublication: number | null;
}

const refused = (message: string): WampError => new WampError(errors.invalidArgument.uri, message);

/** A null stands for "not given". */
const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

function integer(name: string, value: unknown, min: number): number | null {
  if (isAbsent(value)) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > 2 ** 53)
    throw refused(`${name} is an integer from ${min} to 2^53`);
  return value;
}

/** RFC 3339, where the letters may be small and the T a blank. */
const timestamp = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,12})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

function time(name: string, value: unknown): number | null {
  if (isAbsent(value)) return null;
  const parts = typeof value === "string" ? timestamp.exec(value) : null;
  const [, date, clock, fraction = "0", zone = ""] = parts ?? [];
  const seconds_ms = Date.parse(`${date}T${clock}${zone.toUpperCase()}`);
  if (parts === null || Number.isNaN(seconds_ms)) throw refused(`${name} is a timestamp as in RFC 3339`);
  return seconds_ms + Number(fraction) * 1_000;
}

function readQuery({ args, kwargs }: ProcedureCall, limit_max: number): Query {
  const { reverse, topic } = kwargs;
  if (!isAbsent(reverse) && typeof reverse !== "boolean") throw refused("reverse is a boolean");
  if (!isAbsent(topic) && typeof topic !== "string") throw refused("topic is a URI");
  // Some clients of another router give the limit by position.
  const limit = integer("limit", kwargs["limit"] ?? args[1], 1) ?? limit_max;
  const publication = (name: string): number | null => integer(name, kwargs[name], 1);
  return {
    limit: Math.min(limit, limit_max),
    reverse: reverse === true,
    fromTime_ms: time("from_time", kwargs["from_time"]),
    afterTime_ms: time("after_time", kwargs["after_time"]),
    beforeTime_ms: time("before_time", kwargs["before_time"]),
    untilTime_ms: time("until_time", kwargs["until_time"]),
    topic: topic ?? null,
    fromPublication: publication("from_publication"),
    afterPublication: publication("after_publication"),
    beforePublication: publication("before_publication"),
    untilPublication: publication("until_publication"),
  };
}

// ---- events

/** Positions in the history between which the query's publications leave the events, both included. */
function range(history: History, query: Query): { readonly first: number; readonly last: number } {
  const { fromPublication, afterPublication, beforePublication, untilPublication } = query;
  let first = 0;
  let last = history.count - 1;
  if (fromPublication !== null) first = Math.max(first, find(history, fromPublication));
  if (afterPublication !== null) first = Math.max(first, find(history, afterPublication) + 1);
  if (beforePublication !== null) last = Math.min(last, find(history, beforePublication) - 1);
  if (untilPublication !== null) last = Math.min(last, find(history, untilPublication));
  return { first, last };
}

/** To say nothing would look like "nothing new" to a caller whose last event has fallen out of the history. */
function find(history: History, publication: number): number {
  for (let i = history.count - 1; i >= 0; i--) if (history.at(i).publication === publication) return i;
  throw refused(`publication ${publication} is not in the history, or not any more`);
}

function isWanted(event: StoredEvent, query: Query, caller: RouterSession): boolean {
  const { fromTime_ms, afterTime_ms, beforeTime_ms, untilTime_ms, topic } = query;
  return (
    (topic === null || event.topic === topic) &&
    (fromTime_ms === null || event.published_ms >= fromTime_ms) &&
    (afterTime_ms === null || event.published_ms > afterTime_ms) &&
    (beforeTime_ms === null || event.published_ms < beforeTime_ms) &&
    (untilTime_ms === null || event.published_ms <= untilTime_ms) &&
    (event.filter === null || event.filter.admits(caller))
  );
}

function* select(history: History, query: Query, caller: RouterSession): Generator<StoredEvent, void> {
  const { first, last } = range(history, query);
  let left = query.limit;
  for (let i = first; i <= last && left > 0; i++) {
    const event = history.at(query.reverse ? last - (i - first) : i);
    if (!isWanted(event, query, caller)) continue;
    left--;
    yield event;
  }
}

/** As many of the events as one answer may have. An event that the caller's serializer cannot say is left out. */
function answer(
  { patterns, limits }: HistoryQueryParts,
  pattern: PatternHandle,
  events: Iterable<StoredEvent>,
  caller: RouterSession,
): readonly unknown[] {
  const subscription = patterns.id(pattern);
  const hasTopic = patterns.match(pattern) !== Match.exact;
  const bytes_max = Math.min(limits.historyResultBytes_max, caller.peerFrameBytes_max - envelopeBytes);
  const found: unknown[] = [];
  let bytes = 0;
  for (const event of events) {
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
