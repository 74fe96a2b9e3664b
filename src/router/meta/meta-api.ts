/** The meta API put together: all its procedures, and who must be told when sessions come and go. */
import type { Limits } from "../../base/limits.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Broker } from "../broker/broker.ts";
import type { Dealer } from "../dealer/dealer.ts";
import type { Guard } from "../guard.ts";
import type { Memberships } from "../memberships.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { Patterns } from "../patterns.ts";
import type { ProcedureHandler, RouterProcedures } from "../procedures.ts";
import type { SessionIndex } from "../session-index.ts";
import type { Targets } from "../targets.ts";
import type { TurnShare } from "../turn-share.ts";
import type { SessionObserver } from "../types.ts";
import { type MetaProcedure, metaProcedures } from "./meta-catalogue.ts";
import { registrationProcedures } from "./meta-registration.ts";
import { SessionMeta } from "./meta-session.ts";
import { subscriptionProcedures } from "./meta-subscription.ts";
import { Reflection } from "./reflection.ts";
import { Revocation } from "./revocation.ts";
import { Testaments } from "./testaments.ts";

export interface MetaApiParts {
  readonly codec: Codec;
  readonly limits: Limits;
  readonly patterns: Patterns;
  readonly targets: Targets;
  readonly events: MetaEvents;
  readonly broker: Broker;
  readonly dealer: Dealer;
  readonly subscriptions: Memberships;
  readonly registrations: Memberships;
  readonly sessions: SessionIndex;
  readonly procedures: RouterProcedures;
  readonly guard: Guard;
  readonly turnShare: TurnShare;
}

export interface MetaApi {
  /** To be told in this order. */
  readonly observers: readonly SessionObserver[];
  readonly testaments: Testaments;
  readonly reflection: Reflection;
  readonly revocation: Revocation;
}

/** Adds its procedures to `parts.procedures`. */
export function buildMetaApi(parts: MetaApiParts): MetaApi {
  const revocation = new Revocation(parts);
  const testaments = new Testaments(parts);
  const reflection = new Reflection(parts);
  const sessionMeta = new SessionMeta({ ...parts, testaments });
  const { registrations, subscriptions } = parts;
  const handlers: Readonly<Record<MetaProcedure, ProcedureHandler>> = {
    ...sessionMeta.handlers,
    ...testaments.handlers,
    ...registrationProcedures({ ...parts, revocation, memberships: registrations }),
    ...subscriptionProcedures({ ...parts, revocation, memberships: subscriptions }),
    ...reflection.handlers,
  };
  parts.procedures.add(handlers, metaProcedures);
  return { observers: [reflection, sessionMeta], testaments, reflection, revocation };
}
