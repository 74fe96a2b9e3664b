/** Procedures of the router about retained events. What a caller would not have received, it does not see here either. */
import type { Limits } from "../../base/limits.ts";
import { type Match, matchNames } from "../../protocol/messages.ts";
import { Permission } from "../../protocol/permissions.ts";
import type { Guard } from "../guard.ts";
import { aDict, aUri, invalidArgument, optional, positional } from "../meta/meta-args.ts";
import type { Realm } from "../realm.ts";
import type { ProcedureCall, ProcedureHandler, ProcedureText } from "../procedures.ts";
import type { Steps, TurnShare } from "../turn-share.ts";
import type { RetainedEvents } from "./retained.ts";
import { decodeStored } from "./stored-event.ts";

export const retainedTexts = {
  "spanwire.retained.count": {
    summary: "How many events the realm retains.",
    result: ["count: int"],
  },
  "spanwire.retained.list": {
    summary: "Topics with a retained event that match, as many as one answer may have.",
    args: ["uri?: uri, all topics", "options?: {match = prefix, limit}"],
    result: ["topics: uri[]"],
  },
  "spanwire.retained.get": {
    summary: "The retained event of a topic.",
    args: ["topic: uri"],
    result: ["{topic, timestamp, publication, details, args?, kwargs?} | null"],
  },
  "spanwire.retained.delete": {
    summary: "Forgets the retained event of a topic.",
    args: ["topic: uri"],
    result: ["deleted: bool"],
  },
} as const satisfies Readonly<Record<string, ProcedureText>>;

export function retainedProcedures(
  retained: RetainedEvents,
  limits: Limits,
  guard: Guard,
  share: TurnShare,
  forgetElsewhere: (realm: Realm, topic: string) => void,
): Readonly<Record<keyof typeof retainedTexts, ProcedureHandler>> {
  return {
    "spanwire.retained.count": ({ realm }) => [retained.count(realm)],
    "spanwire.retained.list": (call) =>
      share.run(call.caller.id, list(retained, call, listedTopics(call, limits.retainedList_max, guard))),
    "spanwire.retained.get": (call) => [get(retained, call, guard)],
    "spanwire.retained.delete": (call) => {
      const topic = positional(call, 0, "topic", aUri);
      // Who may publish to a topic may also forget what is retained of it.
      guard.require(call.caller, Permission.publish, topic);
      forgetElsewhere(call.realm, topic);
      return [retained.delete(call.realm, topic)];
    },
  };
}

function get(retained: RetainedEvents, call: ProcedureCall, guard: Guard): unknown {
  const topic = positional(call, 0, "topic", aUri);
  guard.require(call.caller, Permission.subscribe, topic);
  const found = retained.get(call.realm, topic, call.caller);
  if (found === null) return null;
  const { published_ms, publication } = found.event;
  const timestamp = new Date(published_ms).toISOString();
  return { topic, timestamp, publication, ...decodeStored(found.event, false) };
}

interface ListedTopics {
  readonly match: Match;
  readonly uri: string;
  readonly count_max: number;
}

/** Which topics the call wants; throws where it may not, or says something else. */
function listedTopics(call: ProcedureCall, list_max: number, guard: Guard): ListedTopics {
  const uri = optional(call, 0, "uri", aUri) ?? "";
  const options = optional(call, 1, "options", aDict) ?? {};
  const match = (matchNames as readonly unknown[]).indexOf(options["match"] ?? "prefix");
  if (match < 0) throw invalidArgument(`options: match must be one of ${matchNames.join(", ")}`);
  const limit = options["limit"] ?? list_max;
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1)
    throw invalidArgument("options: limit must be an integer, 1 or more");
  guard.require(call.caller, Permission.subscribe, uri, match as Match);
  return { match: match as Match, uri, count_max: Math.min(limit, list_max) };
}

/** The tree may be large, and few of it match: the walk may take many turns. */
function* list(
  retained: RetainedEvents,
  { realm, caller }: ProcedureCall,
  { match, uri, count_max }: ListedTopics,
): Steps<readonly unknown[]> {
  const topics: string[] = [];
  const steps = retained.matching(realm, match, uri);
  while (topics.length < count_max) {
    const step = steps.next();
    if (step.done === true) break;
    const latest = step.value === null ? null : retained.latest(step.value, caller);
    if (latest !== null) topics.push(latest.event.topic);
    yield 2;
  }
  return [topics];
}
