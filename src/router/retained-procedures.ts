/** Procedures of the router about retained events. What a caller would not have received, it does not see here either. */
import type { Limits } from "../base/limits.ts";
import { isDict } from "../protocol/encoding.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { type Match, matchNames } from "../protocol/messages.ts";
import type { ProcedureCall, ProcedureHandler } from "./procedures.ts";
import type { RetainedEvents } from "./retained.ts";
import { decodeStored } from "./stored-event.ts";

/** Steps that one call may take through the topics: the router does nothing else meanwhile. */
const steps_max = 1 << 16;

/**
 * - `spanwire.retained.count []` → `[int]`
 * - `spanwire.retained.list [uri = "", {match = "prefix", limit}]` → `[topic[]]`, as many as limits.retainedList_max at most
 * - `spanwire.retained.get [topic]` → `[{topic, timestamp, publication, details, args?, kwargs?}]`, or `[null]`
 * - `spanwire.retained.delete [topic]` → `[bool]`, whether there was one
 *
 * Malformed arguments: wamp.error.invalid_argument.
 */
export function retainedProcedures(retained: RetainedEvents, limits: Limits) {
  return {
    "spanwire.retained.count": ({ realm }) => [retained.count(realm)],
    "spanwire.retained.list": (call) => [list(retained, call, limits.retainedList_max)],
    "spanwire.retained.get": (call) => [get(retained, call)],
    "spanwire.retained.delete": (call) => [retained.delete(call.realm, topicOf(call))],
  } satisfies Readonly<Record<string, ProcedureHandler>>;
}

const refused = (message: string): WampError => new WampError(errors.invalidArgument.uri, message);

function topicOf({ args: [topic] }: ProcedureCall): string {
  if (typeof topic !== "string") throw refused("the first argument is a topic");
  return topic;
}

function get(retained: RetainedEvents, call: ProcedureCall): unknown {
  const found = retained.get(call.realm, topicOf(call), call.caller);
  if (found === null) return null;
  const { topic, published_ms, publication } = found.event;
  const timestamp = new Date(published_ms).toISOString();
  return { topic, timestamp, publication, ...decodeStored(found.event, false) };
}

function list(retained: RetainedEvents, call: ProcedureCall, list_max: number): readonly string[] {
  const { uri, match, limit } = listArguments(call, list_max);
  const topics: string[] = [];
  const steps = retained.matching(call.realm, match, uri);
  for (let left = steps_max; topics.length < limit; left--) {
    const step = steps.next();
    if (step.done === true) break;
    if (left === 0)
      throw new WampError(errors.unavailable.uri, "too many topics to look through; name them more closely");
    const latest = step.value === null ? null : retained.latest(step.value, call.caller);
    if (latest !== null) topics.push(latest.event.topic);
  }
  return topics;
}

function listArguments(
  { args: [uri = "", options = {}] }: ProcedureCall,
  list_max: number,
): { readonly uri: string; readonly match: Match; readonly limit: number } {
  if (typeof uri !== "string") throw refused("the first argument is a topic or a pattern");
  if (!isDict(options)) throw refused("the second argument is a dictionary");
  const { match: name = "prefix", limit = list_max } = options;
  const match = (matchNames as readonly unknown[]).indexOf(name);
  if (match < 0) throw refused(`match is one of ${matchNames.join(", ")}`);
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1)
    throw refused("limit is an integer, 1 or more");
  return { uri, match: match as Match, limit: Math.min(limit, list_max) };
}
