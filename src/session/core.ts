/** Everything that the sessions of one router thread share. Made once, by the composition root. */
import type { SessionId } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import type { RandomIds } from "../base/random-ids.ts";
import type { Authenticator, Scheduler } from "../ports.ts";
import type { Access, AccessQuestion } from "../router/access.ts";
import type { AccessRefresh } from "../router/access-refresh.ts";
import type { Broker } from "../router/broker/broker.ts";
import type { BrokerSetup } from "../router/broker/broker-setup.ts";
import type { Calls } from "../router/dealer/calls.ts";
import type { Dealer } from "../router/dealer/dealer.ts";
import type { Guard } from "../router/guard.ts";
import type { Memberships } from "../router/memberships.ts";
import type { Reflection } from "../router/meta/reflection.ts";
import type { Revocation } from "../router/meta/revocation.ts";
import type { Testaments } from "../router/meta/testaments.ts";
import type { MetaEvents } from "../router/meta-events.ts";
import type { Patterns } from "../router/patterns.ts";
import type { Directory } from "../router/peers/directory.ts";
import type { Realm } from "../router/realm.ts";
import type { Realms } from "../router/realms.ts";
import type { SessionIndex } from "../router/session-index.ts";
import type { Targets } from "../router/targets.ts";
import type { TurnShare } from "../router/turn-share.ts";
import type { SessionObserver } from "../router/types.ts";
import type { Codec } from "../wasm/codec.ts";
import type { Intake } from "./intake.ts";
import type { Load } from "./load.ts";
import type { Outbox } from "./outbox.ts";
import type { Refusals } from "./refusals.ts";
import type { Resumptions } from "./resumption.ts";
import type { Session } from "./session.ts";
import type { SessionTimers } from "./session-timers.ts";
import type { Welcomes } from "./welcomes.ts";

/**
 * Takes the connection of `front` over to the worker or node that a resume token names as the owner of its session, this HELLO first.
 * False: that owner is not known here. With "" as the owner it is nobody: only a connection that another router has carried here is taken
 * over then, back to that one.
 */
export type ForwardResume = (owner: string, front: Session, hello: Uint8Array) => boolean;

export interface SessionCore {
  readonly codec: Codec;
  readonly outbox: Outbox;
  readonly intake: Intake;
  readonly load: Load;
  readonly broker: Broker;
  /** What the broker's tables hold beside subscriptions. */
  readonly pubsub: BrokerSetup;
  readonly dealer: Dealer;
  readonly calls: Calls;
  /** What all routers know alike; null: this one works alone. */
  readonly directory: Directory | null;
  readonly subscriptions: Memberships;
  readonly registrations: Memberships;
  readonly patterns: Patterns;
  readonly events: MetaEvents;
  readonly targets: Targets<Session>;
  readonly timers: SessionTimers;
  readonly sessions: SessionIndex<Session>;
  readonly resumptions: Resumptions;
  readonly forwardResume: ForwardResume;
  readonly observers: readonly SessionObserver[];
  readonly testaments: Testaments;
  readonly reflection: Reflection;
  readonly revocation: Revocation;
  readonly realms: Realms;
  /** The realm that HELLO names: one that is open, or that is opened because somebody wants in. */
  readonly findRealm: (uri: string) => Realm | undefined | Promise<Realm | undefined>;
  readonly access: Access;
  /** Checks what sessions with access control ask. */
  readonly guard: Guard;
  readonly accessRefresh: AccessRefresh;
  /** Asks a realm's authorizer. It settles the question and unparks the session; false: no more can be asked. */
  readonly askAuthorizer: (session: Session, question: AccessQuestion) => boolean;
  readonly authenticator: Authenticator;
  /** Of long work that need not be over at once. */
  readonly turnShare: TurnShare;
  readonly scheduler: Scheduler;
  readonly ids: RandomIds;
  readonly newSessionId: () => SessionId;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Called once for each connection that is gone. */
  readonly onConnectionGone: () => void;
  readonly welcomes: Welcomes;
  readonly refusals: Refusals;
}
