/** A realm: a name, a number in the index's keys, and the rules of its sessions. Nothing crosses from one realm to another. */
import type { RealmHandle } from "../base/ids.ts";

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
  /** False refuses `force_reregister`. */
  readonly forceReregister: boolean;
  /** True lets a session register a shared procedure several times, for as many turns. Default false. */
  readonly repeatedRegistration: boolean;
  /** True (default) gives a call whose callee answers `wamp.error.unavailable` to the next callee of the registration. */
  readonly callReroute: boolean;
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
});

export type GivenRealm = Partial<RealmOptions> & { readonly uri: string };

export class Realm {
  readonly uri: string;
  readonly handle: RealmHandle;
  readonly strict: boolean;
  readonly strictUris: boolean;
  readonly allowDisclosure: boolean;
  readonly allowKill: boolean;
  readonly forceReregister: boolean;
  readonly repeatedRegistration: boolean;
  readonly callReroute: boolean;
  sessionCount = 0;
  /** Subscriptions, by pattern, to topics of the router's own: while there are none, no meta event is made. */
  reservedPatterns = 0;
  constructor(handle: RealmHandle, given: GivenRealm) {
    const options: RealmOptions = { ...realmDefaults, ...given };
    this.uri = options.uri;
    this.handle = handle;
    this.strict = options.profile === "strict";
    this.strictUris = options.strictUris;
    this.allowDisclosure = options.allowDisclosure;
    this.allowKill = options.allowKill;
    this.forceReregister = options.forceReregister;
    this.repeatedRegistration = options.repeatedRegistration;
    this.callReroute = options.callReroute;
  }
}
