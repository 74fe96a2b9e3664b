/** Puts the parts of one router thread together. */
import { AnonymousAuthenticator } from "../auth/anonymous.ts";
import { type Limits, limitsFrom } from "../base/limits.ts";
import { type Log, silentLog } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import { RandomIds } from "../base/random-ids.ts";
import { sessionIdFor } from "../base/session-ids.ts";
import { fillRandom, hostScheduler, threadCpu_ms } from "../host.ts";
import type { AccessPolicy, Authenticator, PeerLinks } from "../ports.ts";
import { AccessRefresh } from "../router/access-refresh.ts";
import { setUpAccess } from "../router/access-setup.ts";
import { setUpBroker } from "../router/broker/broker-setup.ts";
import { Calls } from "../router/dealer/calls.ts";
import { Dealer } from "../router/dealer/dealer.ts";
import { PendingCalls } from "../router/dealer/pending.ts";
import { Memberships } from "../router/memberships.ts";
import { buildMetaApi } from "../router/meta/meta-api.ts";
import { MetaEvents } from "../router/meta-events.ts";
import { requireHistoryRight } from "../router/broker/history-query.ts";
import { PatternKind, Patterns } from "../router/patterns.ts";
import { shareMetaProcedures } from "../router/peers/meta-procedures.ts";
import { Directory } from "../router/peers/directory.ts";
import { connectCalls } from "../router/peers/remote-calls.ts";
import { Peers } from "../router/peers/peers.ts";
import { Questions } from "../router/peers/questions.ts";
import type { Spread } from "../router/peers/shared-loads.ts";
import { SharedProcedures } from "../router/peers/shared-procedures.ts";
import { RouterProcedures } from "../router/procedures.ts";
import type { GivenRealm, Realm } from "../router/realm.ts";
import { Realms } from "../router/realms.ts";
import { SharedPatterns } from "../router/shared-patterns.ts";
import { SessionIndex } from "../router/session-index.ts";
import { Targets } from "../router/targets.ts";
import { TurnShare } from "../router/turn-share.ts";
import type { SessionCore } from "../session/core.ts";
import { Intake } from "../session/intake.ts";
import { Load } from "../session/load.ts";
import { Outbox } from "../session/outbox.ts";
import { Refusals } from "../session/refusals.ts";
import { Resumptions } from "../session/resumption.ts";
import type { Session } from "../session/session.ts";
import { SessionTimers } from "../session/session-timers.ts";
import { Welcomes } from "../session/welcomes.ts";
import { Codec } from "../wasm/codec.ts";
import { Core } from "../wasm/core.ts";
import { PatternIndex } from "../wasm/index.ts";
import { Forwarding } from "./forwarding.ts";
import type { RouterOptions } from "./options.ts";
import { onlyThread, type Thread } from "./thread.ts";
import { version } from "./version.ts";

/** All but what the host adds. */
export type CoreParts = Omit<SessionCore, "onConnectionGone"> & {
  /** Where procedures of the router's own are added. */
  readonly procedures: RouterProcedures;
  /** The routers that it works with; null: it works alone. */
  readonly peers: Peers | null;
  readonly forwarding: Forwarding | null;
  readonly sharedProcedures: SharedProcedures | null;
  readonly thread: Thread;
};

/** What there is before the core. */
export interface Foundation {
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly ids: RandomIds;
  readonly log: Log;
  readonly thread: Thread;
}

export const layFoundation = (options: RouterOptions, thread: Thread = onlyThread()): Foundation => ({
  limits: limitsFrom(options.limits ?? {}),
  metrics: new Metrics(),
  ids: new RandomIds(fillRandom),
  log: options.log ?? silentLog,
  thread,
});

/** Who decides about sessions in a router with security. */
export interface Deciders {
  readonly authenticator: Authenticator;
  findRealm(realms: Realms, uri: string): Realm | undefined | Promise<Realm | undefined>;
  /** A realm that another router has sessions in, as far as it can be told at once. Absent: all that there are, are open. */
  openRealm?(realms: Realms, uri: string): Realm | undefined;
}

/** Everybody is let in, and may do what `access` says. */
export const openDoors = (ids: RandomIds): Deciders => ({
  authenticator: new AnonymousAuthenticator(() => ids.next()),
  findRealm: (realms, uri) => realms.get(uri),
});

export function buildCore(
  options: RouterOptions,
  wasm: Uint8Array,
  { limits, metrics, ids, log, thread }: Foundation,
  deciders: Deciders & { readonly policy: AccessPolicy | null },
  links: PeerLinks | null = thread.links,
  spread: Spread = thread.spread,
): CoreParts {
  const peers = links === null ? null : new Peers(links, log);
  const seed = new Uint32Array(9);
  fillRandom(seed);
  const kernels = new Core(wasm, {
    frameBytes_max: limits.frameBytes_max,
    matches_max: limits.matches_max,
    seed: seed.subarray(0, 4),
  });
  const codec = new Codec(kernels);
  const targets = new Targets<Session>();
  const scheduler = hostScheduler;
  const sharedPatterns = peers === null ? null : new SharedPatterns(peers.self, seed[8]!);
  const patterns = new Patterns(new PatternIndex(kernels), () => scheduler.wall_ms(), sharedPatterns);
  const subscriptions = new Memberships(PatternKind.subscription, patterns, seed[4]!);
  const registrations = new Memberships(PatternKind.registration, patterns, seed[5]!);
  const policy = options.slowConsumer ?? "drop-newest";
  const outbox = new Outbox({ codec, scheduler, limits, metrics, policy });
  const intake = new Intake({ limits, outbox });
  kernels.onGrow = () => outbox.onMemoryGrown();
  const afterTurn = (task: () => void): void => outbox.afterTurn(task);
  const events = new MetaEvents({ afterTurn, limits, metrics });
  const turnShare = new TurnShare(afterTurn);
  const shared = { codec, targets, patterns, frames: outbox, limits, metrics, events, turnShare };
  const procedures = new RouterProcedures({ ...shared, log });
  const calls = new Calls({ ...shared, pending: new PendingCalls(seed[6]!, spread.loads), scheduler });
  const realms = new Realms();
  const tables = { subscriptions, registrations, sessions: new SessionIndex(targets, seed[7]!) };
  const directory = peers === null ? null : new Directory({ ...shared, ...tables, peers, realms, ids });
  const access = setUpAccess({
    ...shared,
    ...tables,
    pending: calls.pending,
    policy: deciders.policy,
    ids,
    scheduler,
    log,
  });
  const pubsub = setUpBroker({
    ...shared,
    guard: access.guard,
    memberships: subscriptions,
    ids,
    procedures,
    scheduler,
    afterTurn,
    log,
    peers,
    realms,
    directory,
  });
  const { broker } = pubsub;
  realms.connect([pubsub.realmObserver]);
  realms.opener = deciders.openRealm === undefined ? null : (uri) => deciders.openRealm?.(realms, uri);
  openRealms(realms, options.realms ?? (options.security === undefined ? ["realm1"] : []));
  events.connect((event) => broker.publishEvent(event));
  const dealer = new Dealer({
    ...shared,
    memberships: registrations,
    calls,
    random: ids,
    procedures,
    directory,
    afterTurn,
    ...spread,
  });
  if (peers !== null && directory !== null)
    connectCalls({
      ...shared,
      ...tables,
      memberships: registrations,
      calls,
      dealer,
      peers,
      directory,
      afterTurn,
      ...spread,
    });
  const meta = buildMetaApi({ ...shared, ...tables, broker, dealer, procedures, guard: access.guard });
  const forwarding = peers === null ? null : new Forwarding(peers, { outbox, scheduler, limits });
  const questions = peers === null ? null : new Questions(peers, turnShare, log);
  const sharedProcedures =
    peers === null || questions === null
      ? null
      : new SharedProcedures({ peers, questions, procedures, realms, limits, turnShare });
  if (sharedProcedures !== null)
    shareMetaProcedures(sharedProcedures, (call) => requireHistoryRight({ patterns, ...access }, call));
  return {
    ...shared,
    ...tables,
    peers,
    forwarding,
    sharedProcedures,
    directory,
    outbox,
    intake,
    load: new Load({ limits, scheduler, cpu_ms: threadCpu_ms, metrics, log, intake }),
    calls,
    broker,
    pubsub,
    dealer,
    procedures,
    ...meta,
    ...access,
    accessRefresh: new AccessRefresh({
      ...shared,
      ...tables,
      access: access.access,
      revocation: meta.revocation,
      log,
      afterTurn,
    }),
    askAuthorizer: () => false,
    observers: [pubsub.observer, ...meta.observers, access.access],
    resumptions: new Resumptions(ids, peers?.self),
    // Alone, there is nobody else that could own a session.
    forwardResume: forwarding?.forwardResume ?? (() => false),
    realms,
    findRealm: (uri) => deciders.findRealm(realms, uri),
    authenticator: deciders.authenticator,
    scheduler,
    timers: new SessionTimers(scheduler),
    ids,
    newSessionId: () => sessionIdFor(links?.self ?? 0, links?.count ?? 1, () => ids.next()),
    log,
    thread,
    refusals: new Refusals(),
    welcomes: new Welcomes({ codec, outbox, agent: `spanwire/${version}` }),
  };
}

/** The last definition of a realm counts. */
function openRealms(realms: Realms, given: NonNullable<RouterOptions["realms"]>): void {
  const byUri = new Map<string, GivenRealm>();
  for (const entry of given) {
    const options = typeof entry === "string" ? { uri: entry } : entry;
    byUri.set(options.uri, options);
  }
  for (const options of byUri.values()) realms.open(options);
}
