/** Puts security together: the model, the methods, what the router's core asks of them. Loaded only by routers that have it. */
import { randomBytes } from "node:crypto";
import { hashPassword, verifyPassword } from "../auth/credentials.ts";
import { Cryptosign } from "../auth/cryptosign.ts";
import { dynamicMethods } from "../auth/dynamic.ts";
import { KeySets } from "../auth/jwks.ts";
import { createKeyDerivation, type DerivationLimits } from "../auth/kdf.ts";
import { KeyOwners } from "../auth/key-owners.ts";
import type { LoginCounts } from "../auth/login-counts.ts";
import type { Method } from "../auth/method.ts";
import { mockAbility, mockCredentials } from "../auth/mock-credentials.ts";
import { Negotiator } from "../auth/negotiator.ts";
import { OAuth2 } from "../auth/oauth2.ts";
import { passwordMethod } from "../auth/password.ts";
import { keptRouterKey, routerKeyAt } from "../auth/router-key.ts";
import { scramMethod } from "../auth/scram.ts";
import { SharedLogins } from "../auth/shared-login-counts.ts";
import { TicketMethod } from "../auth/ticket.ts";
import { TicketService } from "../auth/tickets.ts";
import { tlsCertificate } from "../auth/tls-certificate.ts";
import { trustMethod } from "../auth/trust.ts";
import { wampcraMethod } from "../auth/wampcra.ts";
import { fillRandom, hostScheduler } from "../host.ts";
import type { AccessPolicy, Authenticator, KeyDerivation, Store } from "../ports.ts";
import type { Realm } from "../router/realm.ts";
import type { Realms } from "../router/realms.ts";
import { type Administrator, ensureAdministrator } from "../security/bootstrap.ts";
import { applyDefinitions, dropOtherDefinitions } from "../security/file.ts";
import type { EffectiveRealm, LiveSecurity } from "../security/model.ts";
import { openSecurity } from "../security/open.ts";
import { MemoryStore } from "../store/memory.ts";
import { accessPolicy } from "./access-policy.ts";
import type { Foundation } from "./core.ts";
import type { RouterOptions } from "./options.ts";
import type { ProcedureCaller } from "./procedure-caller.ts";
import { openReplica, shareSecurity, type WorkerChannel } from "./shared-security.ts";

const mockSecretKey = "router/mock";
const mockSecretBytes = 32;

const scheduler = hostScheduler;
const wall_ms = (): number => scheduler.wall_ms();
const now_ms = (): number => scheduler.now_ms();

/** What a router with security has beside its core. */
export interface Secured {
  readonly security: LiveSecurity;
  readonly tickets: TicketService;
  /** Writes a copy of the durable state. Rejects where it cannot. */
  backup(path: string): Promise<void>;
  readonly kdf: KeyDerivation;
  /** The administrator that was made at this start; null: there was one. */
  readonly administrator: Administrator | null;
  readonly authenticator: Authenticator;
  readonly policy: AccessPolicy;
  findRealm(realms: Realms, uri: string): Realm | undefined | Promise<Realm | undefined>;
  /** As far as it can be told at once. */
  openRealm(realms: Realms, uri: string): Realm | undefined;
  close(): Promise<void>;
}

/**
 * `channel` joins this thread with the other workers: the first one has the model, the others a replica. Rejects with what is wrong
 * with the store or the definitions; nothing is left open then.
 */
export async function openSecured(
  options: RouterOptions,
  base: Foundation,
  procedures: Pick<ProcedureCaller, "call">,
  channel: WorkerChannel | null = null,
): Promise<Secured> {
  const kdf = createKeyDerivation(derivationLimits(base));
  try {
    if (channel !== null && !channel.isHome) {
      const { security, secrets, backup } = await openReplica(channel, base.log);
      const close = async (): Promise<void> => kdf.close();
      return await assemble(base, { security, store: secrets, kdf, procedures, made: null, backup, close });
    }
    return await open(options, base, procedures, kdf, channel);
  } catch (cause) {
    await kdf.close();
    throw cause;
  }
}

/**
 * Each thread has its part of the places where derivations wait, and a thread of its own that derives: what waits is that thread's
 * memory, and a part that is full says that its one deriver is behind, whatever the others do.
 */
function derivationLimits({ limits, thread }: Foundation): DerivationLimits {
  const { derivations_max, derivationsRunning_max } = limits;
  const count = thread.links?.count ?? 1;
  return { derivations_max: Math.ceil(derivations_max / count), derivationsRunning_max };
}

/** With the other threads, where there are any. */
function loginCounts({ limits, thread }: Foundation): LoginCounts | null {
  const { links, logins } = thread;
  return links === null || logins === null
    ? null
    : new SharedLogins(limits, links.count, logins).counts(links.self, wall_ms);
}

async function open(
  options: RouterOptions,
  base: Foundation,
  procedures: Pick<ProcedureCaller, "call">,
  kdf: KeyDerivation,
  channel: WorkerChannel | null,
): Promise<Secured> {
  const store = options.store ?? new MemoryStore();
  const { definitions, automaticRealms, administrator = {}, password } = options.security ?? {};
  const security = await openSecurity({
    store,
    hashPassword: (text, how) => hashPassword(kdf, text, how, fillRandom, wall_ms()),
    verifyPassword: (text, credentials) => verifyPassword(kdf, text, credentials),
    wall_ms,
    fillRandom,
    ...(password === undefined ? {} : { passwordOptions: password }),
    ...(automaticRealms === undefined ? {} : { automaticRealms }),
    log: base.log,
  });
  for (const { name, realms } of definitions ?? []) await applyDefinitions(security, realms, name);
  // Where none are given at all, what was there before stays: this program may not be the one that has them.
  if (definitions !== undefined)
    await dropOtherDefinitions(
      security,
      definitions.map(({ name }) => name),
    );
  const made = await ensureAdministrator(security, administrator.password);
  if (made !== null) administrator.onMade?.(made);
  const backup = (path: string): Promise<void> => store.backup(path);
  const close = async (): Promise<void> => {
    await kdf.close();
    await store.close();
  };
  const secured = await assemble(base, { security, store, kdf, procedures, made, backup, close });
  if (channel !== null) shareSecurity({ security, store, secretKeys: [mockSecretKey, routerKeyAt], channel });
  return secured;
}

interface SecuredParts extends Pick<Secured, "kdf" | "backup" | "close"> {
  readonly security: LiveSecurity;
  /** Where the router's own secrets are. */
  readonly store: Store;
  readonly procedures: Pick<ProcedureCaller, "call">;
  readonly made: Administrator | null;
}

async function assemble(base: Foundation, parts: SecuredParts): Promise<Secured> {
  const { security, store, kdf, procedures, made, backup, close } = parts;
  const tickets = new TicketService({ security, node: security.nodeId, wall_ms });
  const mockSecret = await keptMockSecret(store);
  const negotiator = await negotiate(base, { security, tickets, kdf, mockSecret, store, procedures });
  return {
    security,
    tickets,
    backup,
    kdf,
    administrator: made,
    authenticator: negotiator,
    policy: accessPolicy(security),
    findRealm: (realms, uri) => findRealm(security, realms, uri),
    openRealm: (realms, uri) => openKnown(realms, security.realm(uri)),
    close,
  };
}

/** Unknown names are challenged alike after every start. */
async function keptMockSecret(store: Store): Promise<Uint8Array> {
  const kept = store.get(mockSecretKey);
  if (kept?.length === mockSecretBytes) return kept.slice();
  const secret = randomBytes(mockSecretBytes);
  await store.commit([{ key: mockSecretKey, value: secret }]);
  return secret;
}

interface NegotiatorParts extends Pick<Secured, "security" | "tickets" | "kdf"> {
  readonly store: Store;
  readonly mockSecret: Uint8Array;
  readonly procedures: Pick<ProcedureCaller, "call">;
}

async function negotiate(base: Foundation, parts: NegotiatorParts): Promise<Negotiator> {
  const { security, tickets, kdf, mockSecret, store, procedures } = parts;
  const mock = mockCredentials(mockSecret);
  const { limits, log, metrics, ids } = base;
  const password = passwordMethod({
    kdf,
    mock,
    fillRandom,
    log,
    optionsOf: (realm) => security.realm(realm)?.passwordOptions,
    upgrade: (realm, user, credentials) => security.upgradeCredentials(realm, user, credentials),
  });
  const keySets = new KeySets({
    now_ms,
    onProblem: (issuer, why) =>
      log.warn("auth", "the keys of an issuer could not be fetched", { issuer, why }),
  });
  const cryptosign = new Cryptosign({
    routerKey: await keptRouterKey(store),
    owners: new KeyOwners(security),
  });
  const methods: readonly Method[] = [
    password,
    cryptosign,
    trustMethod,
    tlsCertificate,
    wampcraMethod({ mock, fillRandom, wall_ms }),
    scramMethod({ mock, fillRandom }),
    new TicketMethod({ tickets, password }),
    new OAuth2({ model: security, keySets, wall_ms }),
  ];
  const randomId = (): number => ids.next();
  const dynamic = dynamicMethods({
    callProcedure: (realm, uri, args, timeout_ms) => procedures.call(realm, uri, args, timeout_ms),
    limits,
    mock,
    fillRandom,
    cryptosign,
    randomId,
    wall_ms,
  });
  return new Negotiator({
    model: security,
    methods,
    dynamic,
    limits,
    counts: loginCounts(base),
    mockAbility: mockAbility(mockSecret),
    metrics,
    log,
    randomId,
    now_ms,
  });
}

/** The realm that is open, or one that the model knows and that is opened now. */
function findRealm(
  security: LiveSecurity,
  realms: Realms,
  uri: string,
): Realm | undefined | Promise<Realm | undefined> {
  const present = realms.get(uri);
  if (present !== undefined) return present;
  const known = security.realm(uri);
  if (known !== undefined) return openKnown(realms, known);
  return security.automaticRealm(uri).then((made) => openKnown(realms, made));
}

const openKnown = (realms: Realms, known: EffectiveRealm | undefined): Realm | undefined =>
  known && (realms.get(known.uri) ?? realms.open({ ...known.record.options, uri: known.uri }));
