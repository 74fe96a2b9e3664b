/**
 * The quick way of nearly all calls: a CALL without options, of a registration without conditions – its own URI, one callee, of this
 * router. What such a call must know of its registration is remembered, so that it looks at one place instead of five tables. Whatever
 * is not plain, every error among it, goes the general way (dealer.ts), which answers the same where both could. Hot.
 */
import type { PatternHandle, RegistrationId, RequestId } from "../../base/ids.ts";
import { fixedLimits } from "../../base/fixed-limits.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import { Match } from "../../protocol/messages.ts";
import { Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import type { Patterns } from "../patterns.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { Calls } from "./calls.ts";
import type { InvocationsParts } from "./invocations.ts";

/** What was found out about a registration, as long as no registration changes. */
interface Route {
  pattern: PatternHandle | 0;
  /** `Patterns.callEpoch` at that time. */
  epoch: number;
  /** Null: calls of it are not plain. */
  callee: RouterSession | null;
  registration: RegistrationId;
}

const routeMask = fixedLimits.callRoutes_max - 1;

export class PlainCalls {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #calls: Calls;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  /** Direct-mapped by handle. */
  readonly #routes: Route[] = [];

  constructor(parts: InvocationsParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#calls = parts.calls;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
    for (let i = 0; i < fixedLimits.callRoutes_max; i++)
      this.#routes.push({ pattern: 0, epoch: -1, callee: null, registration: 0 as RegistrationId });
  }

  /** Sends the visited CALL, which is not in flight already, if it is plain. False: nothing has been done. */
  send(caller: RouterSession, request: RequestId): boolean {
    const codec = this.#codec;
    if (codec.u(Slot.uriStatus) !== UriStatus.ok || codec.matchCount === 0) return false;
    const pattern = codec.matchAt(0) as PatternHandle;
    const route = this.#routes[pattern & routeMask]!;
    if (route.pattern !== pattern || route.epoch !== this.#patterns.callEpoch) this.#find(route, pattern);
    const { callee, registration } = route;
    if (callee === null || caller.realm!.hasTrustLevels) return false;
    const limits = this.#limits;
    if (caller.callCount >= limits.callsPerSession_max) return false;
    if (callee.invocationCount >= limits.invocationsPerSession_max) return false;
    const invocation = callee.lastInvocation + 1;
    const length = codec.writeInvocation(callee.serializer, invocation, registration, 0);
    if (length === 0 || length > callee.peerFrameBytes_max) return false;
    callee.lastInvocation = invocation;
    this.#metrics.calls++;
    this.#calls.pending.open(caller, callee, request, registration, 0, 0);
    callee.post(this.#frames.take(length, false));
    return true;
  }

  #find(route: Route, pattern: PatternHandle): void {
    const patterns = this.#patterns;
    route.pattern = pattern;
    route.epoch = patterns.callEpoch;
    route.callee = null;
    const member = patterns.firstMember(pattern);
    if (member === 0 || patterns.match(pattern) !== Match.exact || !patterns.isPlain(pattern)) return;
    const callee = this.#targets.get(this.#memberships.target(member));
    if (callee.isRemote) return;
    route.callee = callee;
    route.registration = patterns.id(pattern);
  }
}
