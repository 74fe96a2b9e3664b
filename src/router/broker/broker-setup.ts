/** Puts the broker and the tables that belong to it together, for the composition root. */
import type { Limits } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import type { Scheduler } from "../../ports.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Guard } from "../guard.ts";
import type { Memberships } from "../memberships.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { Patterns } from "../patterns.ts";
import type { RouterProcedures } from "../procedures.ts";
import type { Directory } from "../peers/directory.ts";
import { Publications } from "../peers/publications.ts";
import type { Peers } from "../peers/peers.ts";
import type { RealmObserver, Realms } from "../realms.ts";
import type { Targets } from "../targets.ts";
import type { TurnShare } from "../turn-share.ts";
import type { FrameSource, SessionObserver } from "../types.ts";
import { AcknowledgedDelivery } from "./acknowledged-delivery.ts";
import { Broker } from "./broker.ts";
import { FanOut } from "./fan-out.ts";
import { Histories } from "./history.ts";
import { historyProcedures, historyTexts } from "./history-query.ts";
import { MemberOptions } from "./member-options.ts";
import { RetainedEvents } from "./retained.ts";
import { retainedProcedures, retainedTexts } from "./retained-procedures.ts";
import { RetainedReplay } from "./retained-replay.ts";
import { Retention } from "./retention.ts";
import { SelectiveFanOut } from "./selective-fan-out.ts";
import { EventCapture } from "./stored-event.ts";

export interface BrokerSetupParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  /** Of subscriptions. */
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly ids: RandomIds;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly events: MetaEvents;
  readonly procedures: RouterProcedures;
  readonly guard: Guard;
  readonly scheduler: Scheduler;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  /** Of what the router's own procedures do. */
  readonly turnShare: TurnShare;
  readonly log: Log;
  /** The other routers that this one works with; null: none. */
  readonly peers: Peers | null;
  readonly realms: Realms;
  readonly directory: Directory | null;
}

export interface BrokerSetup {
  readonly broker: Broker;
  /** Told of departures. */
  readonly observer: SessionObserver;
  /** Told of realms; throws RangeError for one whose options name a history that cannot be. */
  readonly realmObserver: RealmObserver;
  /** EVENTs not acknowledged, and replays of retained events that are not over. */
  counts(): { readonly unacknowledged: number; readonly replays: number };
  /** Stops its timers. */
  stop(): void;
}

export function setUpBroker(parts: BrokerSetupParts): BrokerSetup {
  const { codec, patterns, limits, scheduler, procedures, guard, peers } = parts;
  const deliveries = new AcknowledgedDelivery(parts);
  const memberOptions = new MemberOptions(patterns, deliveries);
  parts.directory?.connectSubscribers(memberOptions);
  const capture = new EventCapture({ codec, wall_ms: () => scheduler.wall_ms() });
  const histories = new Histories({ ...parts, keepsHistories: peers === null || peers.isHome });
  const retained = new RetainedEvents({ ...parts, isShared: peers !== null });
  const replay = new RetainedReplay({ ...parts, retained, memberOptions, deliveries });
  const selective = new SelectiveFanOut({ ...parts, capture, histories, memberOptions, deliveries });
  const retention = new Retention(codec, retained, replay, capture);
  const forwarder = peers === null ? null : new Publications({ ...parts, peers, retained, retention });
  const fanOut = new FanOut({ ...parts, selective, forwarder });
  forwarder?.connect(fanOut);
  const broker = new Broker({ ...parts, fanOut, retention, memberOptions, deliveries, forwarder });
  procedures.add(
    historyProcedures({ patterns, histories, limits, guard, turnShare: parts.turnShare }),
    historyTexts,
  );
  procedures.add(
    retainedProcedures(retained, limits, guard, parts.turnShare, (realm, topic) =>
      forwarder?.forget(realm, topic),
    ),
    retainedTexts,
  );
  return {
    broker,
    observer: { onJoin() {}, onLeave: (session) => deliveries.endSession(session) },
    realmObserver: {
      onOpen: (realm) => histories.open(realm),
      onClose(realm) {
        histories.close(realm);
        retained.closeRealm(realm);
      },
    },
    counts: () => ({ unacknowledged: deliveries.count, replays: replay.count }),
    stop() {
      deliveries.stop();
      replay.stop();
      retained.stop();
    },
  };
}
