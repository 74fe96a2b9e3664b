/** What limits must be to each other: asserted where a router is built, and said of a configuration with its place. */
import type { Limits } from "./limits.ts";

/** What one limit must be, in itself or beside others. */
export interface LimitRule {
  readonly limit: keyof Limits;
  readonly holds: (limits: Limits) => boolean;
  readonly message: string;
}

const rule = (limit: keyof Limits, holds: LimitRule["holds"], message: string): LimitRule => ({
  limit,
  holds,
  message,
});

export const limitRules: readonly LimitRule[] = [
  rule(
    "frameBytes_max",
    (l) => l.frameBytes_max >= 512 && l.frameBytes_max <= 1 << 24,
    "frameBytes_max is 512 to 16 MiB",
  ),
  rule(
    "outboxBytes_max",
    (l) => l.outboxBytes_max >= 2 * l.frameBytes_max,
    "one full frame must fit behind another",
  ),
  rule("inboxBytes_max", (l) => l.inboxBytes_max >= l.frameBytes_max, "one full frame must fit in the inbox"),
  rule("calleesPerCall_max", (l) => l.calleesPerCall_max <= 0xffff, "calleesPerCall_max is 65,535 at most"),
  rule(
    "gatherBytes_max",
    (l) => l.outboxBytes_max >= 2 * l.gatherBytes_max,
    "a gathered result must fit behind a frame",
  ),
  rule(
    "httpBodiesBytes_max",
    (l) => l.httpBodiesBytes_max >= l.frameBytes_max,
    "one full frame must fit among the bodies",
  ),
  rule("socketBytes_max", (l) => l.socketBytes_max > 0, "large frames go through sockets"),
  rule("overloadDelay_ms", (l) => l.overloadDelay_ms > 0, "an idle router is not overloaded"),
  rule("overloadBacklogBytes", (l) => l.overloadBacklogBytes > 0, "an idle router is not overloaded"),
  rule("poll_ms", (l) => l.poll_ms > 0, "polls end"),
  rule("httpIdle_ms", (l) => l.httpIdle_ms > 0, "clients that are gone are noticed"),
  rule(
    "sseKeepAlive_ms",
    (l) => l.sseKeepAlive_ms > 0 && l.sseKeepAlive_ms <= 2 ** 31 - 1,
    "an interval is positive",
  ),
  rule("httpQueueMessages_max", (l) => l.httpQueueMessages_max > 0, "one message must fit each way"),
  rule("httpSends_max", (l) => l.httpSends_max > 0, "one message must fit each way"),
  rule(
    "queuedBytesPerRegistration_max",
    (l) => l.queuedBytesPerRegistration_max >= l.frameBytes_max,
    "one full frame can wait",
  ),
  rule(
    "queuedBytes_max",
    (l) => l.queuedBytes_max >= l.queuedBytesPerRegistration_max,
    "all registrations together have room for one of them",
  ),
  rule("derivationsRunning_max", (l) => l.derivationsRunning_max > 0, "a key can be derived"),
  rule(
    "accessDecisionsTotal_max",
    (l) => l.accessDecisionsTotal_max >= l.accessDecisions_max,
    "all sessions together remember as many decisions as one",
  ),
  rule("accessDecisions_max", (l) => l.accessDecisions_max > 0, "one of each at least"),
  rule("accessSweep_max", (l) => l.accessSweep_max > 0, "one of each at least"),
  rule("denials_max", (l) => l.denials_max > 0, "one of each at least"),
  rule(
    "egressBytes_max",
    (l) => l.egressBytes_max >= l.outboxBytes_max,
    "the router's budget holds one session's",
  ),
  rule(
    "linkBytes_max",
    (l) => l.linkBytes_max >= l.frameBytes_max,
    "one full frame can wait for another worker",
  ),
];
