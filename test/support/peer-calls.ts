/**
 * Several dealers joined by links, with sessions spread over them, and what must hold of calls whatever happens in whatever order:
 *
 * - a CALL has one final reply, which is its own, and none comes after it;
 * - no INVOCATION before REGISTERED or after UNREGISTERED, none of a call that no living session made;
 * - calls of one caller reach the callee of a procedure that has only one in their order;
 * - a callee never has more calls outstanding than it allowed;
 * - when every callee has answered and nothing is under way any more, every call of a living caller has its reply;
 * - when all have left, nothing is left.
 *
 * A test takes the place of the directory: other routers hear of a registration at once, the callee's own when the test says so.
 */
import assert from "node:assert/strict";
import type { PeerLinks } from "../../src/ports.ts";
import { Message } from "../../src/protocol/messages.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";
import { SharedLoads } from "../../src/router/peers/shared-loads.ts";
import { MemoryLinks } from "./memory-links.ts";
import { DealerRig, type Peer } from "./dealer-rig.ts";

export interface PlaceTraits {
  readonly router: number;
  readonly serializer: Serializer;
  /** `ClientFeature` bits. */
  readonly features: number;
}

export interface PeerCallsOptions {
  readonly policy: string;
  readonly routers: number;
  /** Who is where; whoever leaves a place is followed by somebody alike. */
  readonly places: readonly PlaceTraits[];
  /** Which of the waiting messages comes next. */
  readonly below: (n: number) => number;
  readonly preferLocal: boolean;
}

/** From REGISTER to UNREGISTERED. Calls under an earlier one do not count for it. */
interface Membership {
  readonly member: Member | null;
  /** 0: as many as come. */
  readonly concurrency: number;
}
const noMembership: Membership = { member: null, concurrency: 0 };

export interface Member {
  readonly traits: PlaceTraits;
  readonly peer: Peer;
  requests: number;
  /** `wished` until REGISTERED, then its id. */
  registration: "none" | "wished" | number;
  membership: Membership;
  /** The last call of each caller that it was asked to take first of all. */
  readonly lastFrom: Map<Member, number>;
  /** Its last invocation, and those that it has not answered, by id. */
  last: number;
  readonly open: Map<number, Call>;
  isGone: boolean;
}

interface Call {
  readonly number: number;
  readonly caller: Member;
  readonly request: number;
  readonly toAll: boolean;
  readonly wantsProgress: boolean;
  isOpen: boolean;
  isDone: boolean;
  /** Callees that it has gone to. */
  asked: number;
  /** Under which membership a callee has it, until it has answered. */
  current: Membership | null;
}

const procedure = "com.proc";

type Operation = (rig: DealerRig) => void;

export class PeerCalls {
  readonly #links: MemoryLinks;
  readonly #rigs: DealerRig[];
  readonly members: Member[] = [];
  readonly #calls: Call[] = [];
  readonly #policy: string;
  readonly #preferLocal: boolean;
  readonly #memory: ArrayBuffer;
  /** Changes of the directory since the start, for routers that come later. */
  readonly #history: Operation[] = [];
  #wished: { readonly member: Member; readonly message: readonly unknown[] } | null = null;
  readonly #isUp: boolean[];
  #ids = 1_000;
  readonly seen = { replies: 0, results: 0, canceled: 0, progress: 0, remote: 0, interrupts: 0 };

  constructor({ policy, routers, places, below, preferLocal }: PeerCallsOptions) {
    this.#policy = policy;
    this.#preferLocal = preferLocal;
    this.#links = new MemoryLinks({ count: routers, below });
    this.#memory = new ArrayBuffer(SharedLoads.bytesFor(routers));
    this.#rigs = Array.from({ length: routers }, (_, i) => this.#start(this.#links.end(i)));
    this.#isUp = this.#rigs.map(() => true);
    this.#links.settle();
    for (const traits of places) this.members.push(this.#join(traits));
  }

  #start(links: PeerLinks): DealerRig {
    const loads = new SharedLoads(this.#memory, links.count, links.self);
    return new DealerRig(limits, links, { loads, preferLocal: this.#preferLocal });
  }
  #join(traits: PlaceTraits): Member {
    const peer = this.#rigs[traits.router]!.joinAs(++this.#ids, traits);
    const registration = "none";
    const membership = noMembership;
    return {
      traits,
      peer,
      requests: 0,
      registration,
      membership,
      last: 0,
      lastFrom: new Map(),
      open: new Map(),
      isGone: false,
    };
  }
  #rig(member: Member): DealerRig {
    return this.#rigs[member.traits.router]!;
  }

  // ---- the directory

  #everywhere(own: number, operation: Operation): void {
    this.#history.push(operation);
    for (const [router, rig] of this.#rigs.entries())
      if (router !== own && this.#isUp[router]) operation(rig);
  }

  register(member: Member, concurrency: number): void {
    if (member.registration !== "none") return;
    this.complete();
    const options = { invoke: this.#policy, ...(concurrency === 0 ? {} : { concurrency }) };
    const message = [Message.register, ++member.requests, options, procedure];
    const { router } = member.traits;
    member.registration = "wished";
    member.membership = { member, concurrency };
    this.#wished = { member, message };
    this.#everywhere(router, (rig) => rig.registerThere(router, member.peer, message));
    // By the others' tables it is known what id this one will give.
    const registration = this.#rigs.find((_, at) => at !== router && this.#isUp[at])?.registrationId() ?? 0;
    this.#rig(member).pending = { session: member.peer.id, registration };
    this.#settle();
  }

  /** REGISTERED goes out to whoever waits for it. */
  complete(): void {
    if (this.#wished === null) return;
    const { member, message } = this.#wished;
    this.#wished = null;
    const rig = this.#rig(member);
    rig.pending = null;
    rig.say(member.peer, message);
    const answer = member.peer.inbox.pop()!;
    assert.equal(answer[0], Message.registered, JSON.stringify(answer));
    member.registration = answer[2] as number;
    rig.remote!.onComplete(member.peer.id, member.registration);
    this.#settle();
  }

  unregister(member: Member): void {
    this.complete();
    if (typeof member.registration !== "number") return;
    this.#rig(member).say(member.peer, [Message.unregister, ++member.requests, member.registration]);
    const { router } = member.traits;
    this.#everywhere(router, (rig) => rig.unregisterThere(member.peer));
    assert.deepEqual(member.peer.inbox.pop(), [Message.unregistered, member.requests]);
    member.registration = "none";
    this.#settle();
  }

  leave(member: Member): void {
    this.complete();
    this.#settle();
    this.#rig(member).leave(member.peer);
    this.#gone(member);
    this.members[this.members.indexOf(member)] = this.#join(member.traits);
    this.#settle();
  }

  #gone(member: Member): void {
    member.isGone = true;
    const { router } = member.traits;
    for (const call of this.#calls) if (call.caller === member) call.isDone = true;
    this.#everywhere(router, (rig) => rig.leaveThere(member.peer));
  }

  /** The thread of a router dies with all its sessions, and another one takes its place. */
  die(router: number): void {
    this.complete();
    this.#isUp[router] = false;
    this.#links.takeDown(router);
    const dead = this.members.filter(({ traits }) => traits.router === router);
    for (const member of dead) this.#gone(member);
    this.#settle();
    const rig = this.#start(this.#links.bringUp(router));
    this.#rigs[router] = rig;
    for (const operation of this.#history) operation(rig);
    this.#isUp[router] = true;
    for (const member of dead) this.members[this.members.indexOf(member)] = this.#join(member.traits);
  }

  // ---- calls

  call(caller: Member, options: Readonly<Record<string, unknown>>, toAll: boolean): void {
    const request = ++caller.requests;
    const number = this.#calls.length;
    const isOpen = options["progress"] === true && !toAll;
    const wantsProgress = options["receive_progress"] === true;
    const call = {
      number,
      caller,
      request,
      toAll,
      wantsProgress,
      isOpen,
      isDone: false,
      asked: 0,
      current: null,
    };
    this.#calls.push(call);
    const given = { ...options, progress: isOpen, ...(toAll ? { runmode: "all" } : {}) };
    this.#rig(caller).say(caller.peer, [Message.call, request, given, procedure, [number]]);
    this.#settle();
  }

  /** A further CALL of a progressive invocation. */
  goOn(caller: Member, pick: number, isLast: boolean): void {
    const mine = this.#calls.filter((call) => call.caller === caller && call.isOpen);
    const call = mine[pick % mine.length];
    if (call === undefined) return;
    call.isOpen = !isLast;
    const message = [Message.call, call.request, { progress: !isLast }, procedure, [call.number]];
    assert.ok(this.#rig(caller).resume(caller.peer, message));
    this.#settle();
  }

  answer(callee: Member, pick: number, uri: string | null): void {
    const open = [...callee.open];
    if (open.length === 0) return;
    const [invocation, call] = open[pick % open.length]!;
    callee.open.delete(invocation);
    if (call.current?.member === callee) call.current = null;
    const payload = [[call.number], { from: callee.peer.id }];
    if (uri === null) this.#rig(callee).say(callee.peer, [Message.yield, invocation, {}, ...payload]);
    else
      this.#rig(callee).say(callee.peer, [
        Message.error,
        Message.invocation,
        invocation,
        {},
        uri,
        ...payload,
      ]);
    this.#settle();
  }

  progress(callee: Member, pick: number): void {
    const open = [...callee.open];
    if (open.length === 0) return;
    const [invocation, call] = open[pick % open.length]!;
    this.#rig(callee).say(callee.peer, [Message.yield, invocation, { progress: true }, [call.number]]);
    this.#settle();
  }

  cancel(caller: Member, pick: number, mode: string): void {
    const mine = this.#calls.filter((call) => call.caller === caller);
    if (mine.length === 0) return;
    this.#rig(caller).say(caller.peer, [Message.cancel, mine[pick % mine.length]!.request, { mode }]);
    this.#settle();
  }

  advance(by_ms: number): void {
    for (const rig of this.#rigs) rig.scheduler.advance(by_ms);
    this.#settle();
  }

  /** Some messages arrive, and some turns end. */
  pass(steps: number): void {
    for (let left = steps; left > 0; left--) {
      this.#links.step();
      this.#settle();
      if (left % 3 === 0) for (const rig of this.#rigs) rig.scheduler.endTurn();
      this.#settle();
    }
  }

  /** Until nothing is under way. */
  quiet(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      while (this.#links.step()) {
        isBusy = true;
        this.#settle();
      }
      for (const rig of this.#rigs) if (rig.scheduler.endTurn()) isBusy = true;
      this.#settle();
    }
  }

  /** Callees answer what they have, until there is nothing more; then everybody leaves. */
  end(): void {
    this.complete();
    for (let isBusy = true; isBusy; ) {
      this.quiet();
      isBusy = false;
      for (const member of this.members)
        while (member.open.size > 0) {
          this.answer(member, 0, null);
          isBusy = true;
        }
    }
    const waiting = this.#calls.filter(({ isDone }) => !isDone);
    assert.deepEqual(
      waiting.map(({ number, caller }) => `call ${number} of ${caller.peer.id} at ${caller.traits.router}`),
      [],
      "calls without a reply",
    );
    for (const member of this.members) {
      this.#rig(member).leave(member.peer);
      this.#gone(member);
    }
    this.quiet();
    for (const rig of this.#rigs) {
      const held = Object.entries(rig.held()).filter(([, count]) => count !== 0);
      // What stands for the callers of each other router.
      assert.deepEqual(held, [["peers", this.#rigs.length - 1]]);
    }
  }

  // ---- what they were sent

  #settle(): void {
    const sent = this.members.map((member) => ({ member, messages: member.peer.take() }));
    for (const { member, messages } of sent) for (const message of messages) this.#onReply(member, message);
    for (const { member, messages } of sent)
      for (const message of messages)
        if (message[0] === Message.invocation) this.#onInvocation(member, message);
  }

  #onReply(member: Member, message: readonly unknown[]): void {
    if (message[0] === Message.interrupt) this.seen.interrupts++;
    const isResult = message[0] === Message.result;
    if (!isResult && message[0] !== Message.error) return;
    const request = message[isResult ? 1 : 2];
    const call = this.#calls.find((each) => each.caller === member && each.request === request)!;
    assert.equal(call.isDone, false, `a second reply to call ${call.number}`);
    if (isResult && !call.toAll)
      assert.deepEqual((message[3] as unknown[])[0], call.number, "its own result");
    if (isResult && (message[2] as { progress?: boolean }).progress === true) {
      assert.ok(call.wantsProgress);
      this.seen.progress++;
      return;
    }
    call.isDone = true;
    this.seen.replies++;
    if (isResult) this.seen.results++;
    if (message[4] === "wamp.error.canceled") this.seen.canceled++;
  }

  #onInvocation(callee: Member, message: readonly unknown[]): void {
    const call = this.#calls[(message[4] as number[])[0]!]!;
    const invocation = message[1] as number;
    const known = callee.open.get(invocation);
    // One that goes on.
    if (known !== undefined) return assert.equal(known, call);
    if (invocation <= callee.last) return;
    callee.last = invocation;
    assert.equal(message[2], callee.registration, "it is registered");
    callee.open.set(invocation, call);
    if (call.caller.traits.router !== callee.traits.router) this.seen.remote++;
    if (call.toAll) return;
    // Where there are several callees, calls that come back from one that is busy, or has left, are late at the next.
    if (call.asked++ === 0 && this.#policy === "single") {
      const last = callee.lastFrom.get(call.caller) ?? -1;
      assert.ok(call.number > last, `call ${call.number} after ${last}, of one caller to one callee`);
      callee.lastFrom.set(call.caller, call.number);
    }
    const { membership } = callee;
    const { current } = call;
    assert.ok(current === null || current.member!.isGone || call.isDone, "one callee at a time");
    call.current = membership;
    const outstanding = this.#calls.filter((each) => !each.isDone && each.current === membership).length;
    if (membership.concurrency > 0) assert.ok(outstanding <= membership.concurrency, "too many at a time");
  }
}

const limits = { framesPerTurn_max: 5 };
