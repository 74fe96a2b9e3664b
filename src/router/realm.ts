/** A realm: a name, a number in the index's keys, and the rules of its sessions. Nothing crosses from one realm to another. */
import type { RealmHandle } from "../base/ids.ts";
import { Visit } from "../wasm/abi.ts";

/** A subscription whose events are kept for `wamp.subscription.get_events`. */
export interface HistoryOptions {
  readonly topic: string;
  /** How `topic` is matched. Default `exact`. */
  readonly match?: "exact" | "prefix" | "wildcard";
  /** Events kept; the oldest goes when there are more. */
  readonly limit: number;
}

export interface RealmOptions {
  readonly uri: string;
  /** `strict`: the specification to the letter. `compat` (default): what existing clients need tolerated. */
  readonly profile: "strict" | "compat";
  /** Only lower case letters, digits and `_` in URI components. */
  readonly strictUris: boolean;
  /** False refuses `disclose_me` and `disclose_caller`. */
  readonly allowDisclosure: boolean;
  /**
   * False (default) refuses sessions with the authrole `anonymous` whatever ends other sessions or takes something from them:
   * wamp.session.kill and its relatives, wamp.registration.remove_callee, wamp.subscription.remove_subscriber. They get
   * wamp.error.not_authorized. Sessions with any other role may.
   */
  readonly allowKill: boolean;
  /** Trust levels by authrole, integers from 0 (lowest). Where given, EVENTs and INVOCATIONs say `trustlevel`; roles not named have 0. */
  readonly trustLevels?: Readonly<Record<string, number>>;
  /** Seconds that an event is retained if its publisher does not say; 0 or absent: until it is replaced or deleted. */
  readonly retainedTtl_s?: number;
  /** Subscriptions whose events are kept, whether or not somebody is subscribed. */
  readonly history?: readonly HistoryOptions[];
  /** False refuses `force_reregister`. */
  readonly forceReregister: boolean;
  /** True lets a session register a shared procedure several times, for as many turns. Default false. */
  readonly repeatedRegistration: boolean;
  /** True (default) gives a call whose callee answers `wamp.error.unavailable` to the next callee of the registration. */
  readonly callReroute: boolean;
  /** False: no session outlives its transport, whatever HELLO asks for. */
  readonly resumption: boolean;
}

/** A realm's rules where none are given. */
export const realmDefaults: Omit<RealmOptions, "uri"> = Object.freeze({
  profile: "compat",
  strictUris: false,
  allowDisclosure: true,
  allowKill: false,
  forceReregister: true,
  repeatedRegistration: false,
  callReroute: true,
  resumption: true,
});

export type GivenRealm = Partial<RealmOptions> & { readonly uri: string };

export class Realm {
  readonly uri: string;
  readonly handle: RealmHandle;
  /** These two, and `history`, as they were when the realm was opened. */
  readonly strict: boolean;
  readonly strictUris: boolean;
  /** How frames of its sessions are visited. */
  readonly visitFlags: number;
  allowDisclosure = true;
  allowKill = false;
  /** 0: for ever. */
  retainedTtl_ms = 0;
  readonly history: readonly HistoryOptions[];
  resumption = true;
  #trustLevels: ReadonlyMap<string, number> | null = null;
  forceReregister = true;
  repeatedRegistration = false;
  callReroute = true;
  sessionCount = 0;
  /** Nobody joins it any more, and the sessions that are in it are being ended. */
  isClosed = false;
  /** Subscriptions, by pattern, to topics of the router's own: while there are none, no meta event is made. */
  reservedPatterns = 0;

  /** Throws RangeError for a trust level or time that is none. */
  constructor(handle: RealmHandle, given: GivenRealm) {
    this.uri = given.uri;
    this.handle = handle;
    const { profile = realmDefaults.profile, strictUris = realmDefaults.strictUris } = given;
    this.strict = profile === "strict";
    this.strictUris = strictUris;
    this.visitFlags = (this.strict ? Visit.strict : 0) | (strictUris ? Visit.strictUri : 0);
    this.history = given.history ?? [];
    this.setRules(given);
  }

  /** Other rules from now on: all but `profile`, `strictUris` and `history`. Throws RangeError for a trust level or time that is none. */
  setRules(given: GivenRealm): void {
    const options: RealmOptions = { ...realmDefaults, ...given };
    const ttl_s = options.retainedTtl_s ?? 0;
    if (!Number.isFinite(ttl_s) || ttl_s < 0)
      throw new RangeError(`realm ${this.uri}: retainedTtl_s is seconds, 0 or more`);
    const levels = options.trustLevels === undefined ? null : Object.entries(options.trustLevels);
    for (const [authrole, level] of levels ?? [])
      if (!Number.isSafeInteger(level) || level < 0)
        throw new RangeError(`realm ${this.uri}: the trust level of ${authrole} is an integer, 0 or more`);
    this.allowDisclosure = options.allowDisclosure;
    this.allowKill = options.allowKill;
    this.forceReregister = options.forceReregister;
    this.repeatedRegistration = options.repeatedRegistration;
    this.callReroute = options.callReroute;
    this.resumption = options.resumption;
    this.retainedTtl_ms = ttl_s * 1_000;
    this.#trustLevels = levels === null ? null : new Map(levels);
  }

  /** Whether EVENTs and INVOCATIONs say how far their sender is trusted. */
  get hasTrustLevels(): boolean {
    return this.#trustLevels !== null;
  }

  /** 0 (lowest) for an authrole that the realm's options do not name. */
  trustLevelOf(authrole: string): number {
    return this.#trustLevels?.get(authrole) ?? 0;
  }
}
