/**
 * One security model for all workers: the first thread has it and its store; the others have replicas, which ask it for every change.
 * A change is answered when all of them have applied it.
 */
import type { SecurityChange } from "../security/model.ts";
import {
  type CallHome,
  type KeyedRecord,
  type RemoteMethod,
  SecurityReplica,
  type Snapshot,
} from "../security/replica.ts";
import type { SecurityService } from "../security/service.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Log } from "../base/log.ts";
import { hostScheduler } from "../host.ts";
import type { Store } from "../ports.ts";
import { errors, WampError } from "../protocol/errors.ts";

const question = {
  snapshot: "security.snapshot",
  call: "security.call",
  records: "security.records",
  backup: "security.backup",
} as const;

/** Joins the first thread with the others, in order. */
export interface WorkerChannel {
  readonly isHome: boolean;
  /** Says who answers questions of this name; what it throws, or rejects with, is the answer's error. */
  answer(name: string, answerer: (args: readonly unknown[]) => unknown): void;
  /** In the first thread: asks all others, and resolves when each has answered or is gone. In the others: asks the first. */
  ask(name: string, args: readonly unknown[]): Promise<unknown>;
}

/** Secrets of the router that its store keeps beside the model's records, by key. */
type Secrets = readonly (readonly [key: string, value: Uint8Array])[];

export interface SharedSecurityParts {
  readonly security: SecurityService;
  readonly store: Store;
  /** Keys of the store whose values workers need. */
  readonly secretKeys: readonly string[];
  readonly channel: WorkerChannel;
}

/** Has the first thread answer its workers, and tell them of every change. */
export function shareSecurity({ security, store, secretKeys, channel }: SharedSecurityParts): void {
  channel.answer(question.snapshot, () => {
    const records = [...security.records()].map(
      ({ key, value, origin }): KeyedRecord => [key, value, origin],
    );
    const secrets: Secrets = secretKeys.flatMap((key) => {
      const value = store.get(key);
      return value === undefined ? [] : [[key, value.slice()] as const];
    });
    const { nodeId, passwordOptions } = security;
    return { nodeId, passwordOptions, records, secrets };
  });
  let replicated: Promise<unknown> = Promise.resolve();
  channel.answer(question.call, async ([method, args]) => {
    const result = await callService(security, method as RemoteMethod, args as readonly unknown[]);
    // It may have found what another change has just made, which is still on its way to the workers.
    await replicated;
    return result;
  });
  channel.answer(question.backup, ([path]) => store.backup(path as string));
  security.replicateBy(async (puts, changes) => {
    const records = puts.map(({ key, value, origin }): KeyedRecord => [key, value, origin]);
    replicated = channel.ask(question.records, [records, changes]);
    await replicated;
  });
}

/** Absent arguments travel as null; the only functions among them are said by what they would be asked about. */
async function callService(
  security: SecurityService,
  method: RemoteMethod,
  args: readonly unknown[],
): Promise<unknown> {
  const given = args.map((value) => value ?? undefined);
  const last = given.at(-1);
  if (method === "updateUser") given[3] = mayChangeOf(last);
  else if (method === "changePassword") given[4] = mayChangeOf(last);
  const call = security[method] as (...args: readonly unknown[]) => Promise<unknown>;
  const result = await call.apply(security, given);
  // What has become of it is known there by then.
  return method === "automaticRealm" ? null : result;
}

const mayChangeOf = (allowed: unknown) => (actual: string) => {
  if (allowed === undefined || allowed === actual) return;
  throw new WampError(errors.unavailable.uri, "the user has changed meanwhile; try again");
};

/** What a worker has of the model: a replica, and a store with the router's secrets and nothing else. */
export interface Replicated {
  readonly security: SecurityReplica;
  readonly secrets: Store;
  backup(path: string): Promise<void>;
}

/** Asks the first thread for the model, and follows it from then on. */
export async function openReplica(channel: WorkerChannel, log: Log): Promise<Replicated> {
  const early: (readonly [readonly KeyedRecord[], readonly SecurityChange[]])[] = [];
  let security: SecurityReplica | undefined;
  // Registered before the snapshot is asked for: what is changed behind it must not be missed.
  channel.answer(question.records, ([records, changes]) => {
    const batch = [records as readonly KeyedRecord[], changes as readonly SecurityChange[]] as const;
    if (security === undefined) early.push(batch);
    else security.apply(...batch);
  });
  const snapshot = await channel.ask(question.snapshot, []);
  const callHome: CallHome = (method, args) => channel.ask(question.call, [method, args]);
  const { secrets: values, ...rest } = snapshot as Snapshot & { readonly secrets: Secrets };
  security = SecurityReplica.from(rest, {
    callHome,
    wall_ms: () => hostScheduler.wall_ms(),
    failed: (cause, change) => log.error("security", "a listener to changes failed", { cause, ...change }),
  });
  for (const batch of early) security.apply(...batch);
  const secrets = new MemoryStore();
  await secrets.commit(values.map(([key, value]) => ({ key, value })));
  return {
    security,
    secrets,
    async backup(path) {
      await channel.ask(question.backup, [path]);
    },
  };
}
