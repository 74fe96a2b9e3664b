/**
 * The dealer and its tables without sessions, sockets and real time: peers say one message at a time, and keep what they are sent.
 * For tests that run thousands of interleavings.
 */
import assert from "node:assert/strict";
import type { RealmHandle, RequestId, SessionId, Target } from "../../src/base/ids.ts";
import { type Limits, limitsFrom } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { RandomIds } from "../../src/base/random-ids.ts";
import type { Identity, PeerLinks, TransportInfo } from "../../src/ports.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import type { ErrorEntry } from "../../src/protocol/errors.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Calls } from "../../src/router/dealer/calls.ts";
import { Dealer } from "../../src/router/dealer/dealer.ts";
import { PendingCalls } from "../../src/router/dealer/pending.ts";
import { Memberships } from "../../src/router/memberships.ts";
import { MetaEvents } from "../../src/router/meta-events.ts";
import { PatternKind, Patterns } from "../../src/router/patterns.ts";
import { RouterProcedures } from "../../src/router/procedures.ts";
import { Peers } from "../../src/router/peers/peers.ts";
import { type CalleeOrigin, RemoteCallee } from "../../src/router/peers/remote-callee.ts";
import { RemoteCalls } from "../../src/router/peers/remote-calls.ts";
import { noSpread, type Spread } from "../../src/router/peers/shared-loads.ts";
import { Realm } from "../../src/router/realm.ts";
import { RoutingState } from "../../src/router/routing-state.ts";
import { Targets } from "../../src/router/targets.ts";
import { TurnShare } from "../../src/router/turn-share.ts";
import type { Frame, FrameSource, RouterSession } from "../../src/router/types.ts";
import { Slot, Status } from "../../src/wasm/abi.ts";
import type { Codec } from "../../src/wasm/codec.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import { openCodec } from "./codec.ts";
import { VirtualScheduler } from "./virtual-scheduler.ts";

export interface PeerTraits {
  readonly serializer: Serializer;
  /** `ClientFeature` bits. */
  readonly features: number;
  readonly peerFrameBytes_max?: number;
}

/** A session as the dealer sees it. */
export class Peer extends RoutingState implements RouterSession {
  readonly target: Target;
  readonly id: SessionId;
  readonly realm: Realm;
  readonly serializer: Serializer;
  readonly clientFeatures: number;
  readonly identity: Identity = { authid: "a", authrole: "r", authmethod: "m", authprovider: "p" };
  readonly info: TransportInfo = { kind: "local", peer: "rig" };
  readonly peerFrameBytes_max: number;
  readonly queuedBytes = 0;
  readonly blocked = false;
  readonly isDetached = false;
  framesLeft = 0;
  isGone = false;
  /** What it was sent and has not taken yet. */
  inbox: unknown[][] = [];

  /** Targets are used again, ids are not. */
  constructor(target: Target, id: number, realm: Realm, traits: PeerTraits) {
    super();
    this.target = target;
    this.id = id as SessionId;
    this.realm = realm;
    this.serializer = traits.serializer;
    this.clientFeatures = traits.features;
    this.peerFrameBytes_max = traits.peerFrameBytes_max ?? Number.POSITIVE_INFINITY;
  }
  take(): unknown[][] {
    return this.inbox.splice(0);
  }
  post(frame: Frame): void {
    if (!this.isGone) this.inbox.push(decodeMessage(this.serializer, frame.bytes));
  }
  postError(type: Message, request: RequestId, error: ErrorEntry, message: string): void {
    this.postMessage([Message.error, type, request, {}, error.uri, [message]]);
  }
  postMessage(message: readonly unknown[]): boolean {
    if (!this.isGone) this.inbox.push([...message]);
    return true;
  }
  goodbye(): void {}
}

/** What is said of a callee to other routers. */
const originOf = (peer: Peer): Omit<CalleeOrigin, "router" | "realm"> => ({
  id: peer.id,
  slot: peer.target,
  identity: peer.identity,
  clientFeatures: peer.clientFeatures,
  peerFrameBytes_max: peer.peerFrameBytes_max,
});

/** Frames of their own memory, whatever they are made of. */
const framesOf = (codec: Codec): FrameSource => {
  const frame = (bytes: Uint8Array, droppable: boolean): Frame => ({
    bytes,
    length: bytes.length,
    droppable,
    own() {},
  });
  return {
    take: (length, droppable) => frame(codec.outFrame(length).slice(), droppable),
    adopt: frame,
  };
};

export class DealerRig {
  readonly scheduler = new VirtualScheduler();
  readonly calls: Calls;
  readonly procedures: RouterProcedures;
  readonly #codec: Codec;
  readonly #dealer: Dealer;
  readonly #targets = new Targets<Peer>();
  readonly #registrations: Memberships;
  readonly #patterns: Patterns;
  #joins = 0;
  readonly #realm = new Realm(1 as RealmHandle, { uri: "realm1" });
  readonly #sessions = new Map<unknown, Peer>();
  /** Calls between this router and others; null: it works alone. */
  readonly remote: RemoteCalls | null;
  readonly #callees = new Map<number, RemoteCallee>();
  /** A registration whose REGISTERED has not gone out yet. */
  pending: { readonly session: number; readonly registration: number } | null = null;

  constructor(given: Partial<Limits> = {}, links: PeerLinks | null = null, spread: Spread = noSpread) {
    const codec = openCodec("release", 1 << 12);
    const limits = limitsFrom({ frameBytes_max: 1 << 12, ...given });
    const { scheduler } = this;
    const targets = this.#targets;
    const metrics = new Metrics();
    const patterns = new Patterns(new PatternIndex(codec.core), () => scheduler.wall_ms());
    const afterTurn = (task: () => void): void => scheduler.endOfTurn(task);
    const events = new MetaEvents({ afterTurn, limits, metrics });
    const shared = { codec, targets, patterns, frames: framesOf(codec), limits, metrics, events };
    const memberships = new Memberships(PatternKind.registration, patterns, 1);
    const random = new RandomIds((words) => words.fill(0x9e3779b1));
    this.#codec = codec;
    this.#registrations = memberships;
    this.#patterns = patterns;
    this.calls = new Calls({ ...shared, pending: new PendingCalls(1, spread.loads), scheduler });
    const procedures = new RouterProcedures({
      ...shared,
      log: silentLog,
      turnShare: new TurnShare(afterTurn),
    });
    this.procedures = procedures;
    const { calls } = this;
    this.#dealer = new Dealer({
      ...shared,
      memberships,
      calls,
      random,
      procedures,
      directory: null,
      afterTurn,
      ...spread,
    });
    const { dispatch, invocations } = this.#dealer;
    if (links === null) this.remote = null;
    else
      this.remote = new RemoteCalls({
        ...shared,
        memberships,
        calls,
        dispatch,
        invocations,
        afterTurn,
        ...spread,
        peers: new Peers(links),
        sessions: { get: (id) => this.#sessions.get(id) ?? null },
        directory: {
          isPending: (session, registration) =>
            this.pending?.session === session && this.pending.registration === registration,
          releaseIfIdle() {},
        },
      });
  }

  join(traits: PeerTraits): Peer {
    return this.joinAs(1_000 + ++this.#joins, traits);
  }
  joinAs(id: number, traits: PeerTraits): Peer {
    const peer = new Peer(this.#targets.take(), id, this.#realm, traits);
    this.#targets.put(peer);
    this.#sessions.set(id, peer);
    return peer;
  }

  /** The id of the only registration; 0: there is none. */
  registrationId(): number {
    const [pattern] = this.#patterns.of(PatternKind.registration, this.#realm);
    return pattern === undefined ? 0 : this.#patterns.id(pattern);
  }

  // ---- callees of other routers, as a directory would enter them

  /** A session there has registered: this REGISTER was accepted. */
  registerThere(router: number, peer: Peer, message: readonly unknown[]): void {
    let callee = this.#callees.get(peer.id);
    if (callee === undefined) {
      this.#targets.takeRemote((target) => {
        callee = new RemoteCallee(target, { ...originOf(peer), router, realm: this.#realm });
        return callee;
      });
      this.#callees.set(peer.id, callee!);
    }
    callee!.postMessage = () => true;
    callee!.post = () => {};
    this.#visit(Serializer.msgpack, message);
    this.#dealer.registering.register(callee!);
  }
  unregisterThere(peer: Peer): void {
    const callee = this.#callees.get(peer.id)!;
    this.#dealer.registering.end(callee.firstRegistration, callee, this.#realm);
  }
  leaveThere(peer: Peer): void {
    const callee = this.#callees.get(peer.id);
    if (callee === undefined) return;
    this.remote!.onCalleeGone(callee);
    while (callee.firstRegistration !== 0) this.unregisterThere(peer);
    assert.deepEqual([callee.callCount, callee.invocationCount, callee.registrationCount], [0, 0, 0]);
    this.#callees.delete(peer.id);
    this.#targets.free(callee.target);
  }

  /** One message from a peer, handled at once. */
  say(peer: Peer, message: readonly unknown[]): void {
    const codec = this.#codec;
    this.#visit(peer.serializer, message);
    switch (codec.u(Slot.type)) {
      case Message.register:
        return this.#dealer.registering.register(peer);
      case Message.unregister:
        return this.#dealer.registering.unregister(peer);
      case Message.call:
        return this.#dealer.call(peer);
      case Message.cancel:
        return this.calls.onCancel(peer);
      case Message.yield:
        return assert.ok(this.calls.onYield(peer), "an invocation that was issued");
      case Message.error:
        return assert.ok(this.calls.onError(peer), "an invocation that was issued");
      default:
        assert.fail("no message for a dealer");
    }
  }

  #visit(serializer: Serializer, message: readonly unknown[]): void {
    const status = this.#codec.visit(serializer, encodeMessage(serializer, message), 1, 0);
    assert.equal(status, Status.ok, status === Status.ok ? "" : this.#codec.violation());
  }

  /** A CALL that continues one. False: that is a violation. */
  resume(peer: Peer, message: readonly unknown[]): boolean {
    const status = this.#codec.visit(peer.serializer, encodeMessage(peer.serializer, message), 1, 0);
    assert.equal(status, Status.ok);
    return this.calls.onContinuation(peer);
  }

  /** As a session that ends. */
  leave(peer: Peer): void {
    peer.isGone = true;
    this.#sessions.delete(peer.id);
    this.calls.onSessionGone(peer);
    this.#dealer.registering.endSome(peer, this.#realm, Number.POSITIVE_INFINITY);
    assert.deepEqual([peer.callCount, peer.invocationCount, peer.registrationCount], [0, 0, 0]);
    this.#targets.free(peer.target);
  }

  /** Everything that the tables hold. */
  held(): Readonly<Record<string, number>> {
    const { pending, groups, deadlineCount } = this.calls;
    const { queuedCount, reroutedCount, callees } = this.#dealer.dispatch;
    return {
      pending: pending.count,
      groupRows: groups.rowCount,
      gathered: groups.heldBytes,
      queued: queuedCount,
      rerouted: reroutedCount,
      limited: callees.limitedCount,
      deadlines: deadlineCount,
      timers: this.scheduler.timers,
      registrations: this.#registrations.count,
      peers: this.#targets.count,
      waiting: this.remote?.waitingCount ?? 0,
    };
  }
}
