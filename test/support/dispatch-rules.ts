/**
 * What must hold of calls to a registration with any policy, concurrency and rerouting, checked against all that its peers are sent:
 *
 * - a CALL has one final reply, and no INVOCATION after it; no callee is asked twice;
 * - a callee never has more invocations outstanding than it allowed;
 * - calls are sent in the order in which they came, but where the routing key decides;
 * - at the end of a turn no call waits for a callee that is free.
 */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { DealerRig, type Peer } from "./dealer-rig.ts";

export const dispatchPolicies = [
  "single",
  "roundrobin",
  "random",
  "first",
  "last",
  "qll",
  "qlls",
  "jch",
] as const;
export type DispatchPolicy = (typeof dispatchPolicies)[number];

/** One registration of one peer, from REGISTERED to its end. */
interface Membership {
  readonly registration: number;
  /** 0: as many as come. */
  readonly concurrency: number;
}

interface Call {
  readonly number: number;
  readonly caller: Member;
  readonly request: number;
  isDone: boolean;
  /** Who has been asked, and the membership under which one of them has it now. */
  readonly asked: Member[];
  current: Membership | null;
}

export interface Member {
  readonly peer: Peer;
  requests: number;
  membership: Membership | null;
  /** Invocations that it has not answered, by id. */
  readonly open: Map<number, Call>;
}

const procedure = "com.proc";

export class DispatchRules {
  readonly rig = new DealerRig({ framesPerTurn_max: 5 });
  readonly members: Member[] = [];
  readonly #policy: DispatchPolicy;
  readonly #calls: Call[] = [];
  #lastSent = -1;
  /** What was seen, so that a test can tell that it saw anything. */
  readonly seen = { replies: 0, waited: 0, rerouted: 0 };

  constructor(policy: DispatchPolicy, members: number) {
    this.#policy = policy;
    for (let i = 0; i < members; i++) this.members.push(this.#join());
  }

  #join(): Member {
    const peer = this.rig.join({ serializer: Serializer.msgpack, features: ~0 });
    return { peer, requests: 0, membership: null, open: new Map() };
  }

  register(member: Member, concurrency: number, force: boolean): void {
    const limit = concurrency === 0 ? {} : { concurrency };
    const request = ++member.requests;
    const options = { invoke: this.#policy, force_reregister: force, ...limit };
    this.rig.say(member.peer, [Message.register, request, options, procedure]);
    const answer = member.peer.inbox.pop()!;
    this.settle();
    if (answer[0] === Message.registered)
      member.membership = { registration: answer[2] as number, concurrency };
    else assert.equal(answer[4], "wamp.error.procedure_already_exists");
  }

  unregister(member: Member): void {
    if (member.membership === null) return;
    const { registration } = member.membership;
    this.rig.say(member.peer, [Message.unregister, ++member.requests, registration]);
    assert.deepEqual(member.peer.inbox.pop(), [Message.unregistered, member.requests]);
    member.membership = null;
    this.settle();
  }

  call(caller: Member, rkey: string, timeout: number): void {
    const request = ++caller.requests;
    const number = this.#calls.length;
    this.#calls.push({ number, caller, request, isDone: false, asked: [], current: null });
    this.rig.say(caller.peer, [Message.call, request, { rkey, timeout }, procedure, [number]]);
    this.settle();
  }

  answer(callee: Member, pick: number, uri: string | null): void {
    const open = [...callee.open];
    if (open.length === 0) return;
    const [invocation, call] = open[pick % open.length]!;
    callee.open.delete(invocation);
    if (call.asked.at(-1) === callee) call.current = null;
    if (uri === null) this.rig.say(callee.peer, [Message.yield, invocation, {}]);
    else this.rig.say(callee.peer, [Message.error, Message.invocation, invocation, {}, uri]);
    this.settle();
  }

  cancel(caller: Member, pick: number, mode: string): void {
    const mine = this.#calls.filter((call) => call.caller === caller);
    if (mine.length === 0) return;
    this.rig.say(caller.peer, [Message.cancel, mine[pick % mine.length]!.request, { mode }]);
    this.settle();
  }

  advance(by_ms: number): void {
    this.rig.scheduler.advance(by_ms);
    this.settle();
  }

  /** Ends turns until nothing is left to do. */
  endTurns(): void {
    while (this.rig.scheduler.endTurn()) this.settle();
    this.#assertNobodyWaitsInVain();
  }

  leave(member: Member): void {
    this.rig.leave(member.peer);
    for (const call of this.#calls) if (call.caller === member) call.isDone = true;
    this.members[this.members.indexOf(member)] = this.#join();
    this.settle();
  }

  assertNothingLeft(): void {
    for (const { peer } of this.members) this.rig.leave(peer);
    this.rig.scheduler.endTurn();
    const held = Object.entries(this.rig.held()).filter(([, count]) => count !== 0);
    assert.deepEqual(held, []);
  }

  // ---- what the peers were sent

  settle(): void {
    const sent = this.members.map((member) => ({ member, messages: member.peer.take() }));
    for (const { member, messages } of sent) for (const message of messages) this.#onReply(member, message);
    const invocations = sent.flatMap(({ member, messages }) =>
      messages.filter(([type]) => type === Message.invocation).map((message) => ({ member, message })),
    );
    invocations.sort((a, b) => numberOf(a.message) - numberOf(b.message));
    for (const { member, message } of invocations) this.#onInvocation(member, message);
    assert.equal(this.rig.held()["queued"], this.#waiting().length);
  }

  #onReply(member: Member, message: readonly unknown[]): void {
    if (message[0] === Message.unregistered && message[1] === 0) member.membership = null;
    if (message[0] !== Message.result && message[0] !== Message.error) return;
    const request = message[message[0] === Message.result ? 1 : 2];
    const call = this.#calls.find((each) => each.caller === member && each.request === request)!;
    assert.equal(call.isDone, false, `a second reply to call ${call.number}`);
    call.isDone = true;
    this.seen.replies++;
  }

  #onInvocation(callee: Member, message: readonly unknown[]): void {
    const call = this.#calls[numberOf(message)]!;
    const { membership } = callee;
    assert.equal(call.isDone, false, `call ${call.number} is over`);
    assert.equal(call.asked.includes(callee), false, `call ${call.number} came back`);
    assert.ok(membership !== null, "it is a callee");
    assert.equal(message[2], membership.registration);
    if (call.asked.length > 0) this.seen.rerouted++;
    else if (this.#policy !== "jch") {
      assert.ok(call.number > this.#lastSent, `call ${call.number} after ${this.#lastSent}`);
      this.#lastSent = call.number;
    }
    call.asked.push(callee);
    call.current = membership;
    callee.open.set(message[1] as number, call);
    assert.ok(this.#load(membership) <= (membership.concurrency || Number.POSITIVE_INFINITY), "too many");
  }

  #load(membership: Membership): number {
    return this.#calls.filter((call) => !call.isDone && call.current === membership).length;
  }

  #waiting(): Call[] {
    const waiting = this.#calls.filter((call) => !call.isDone && call.current === null);
    this.seen.waited += waiting.length;
    return waiting;
  }

  /** Of the callees that a waiting call has not asked yet those are busy that its policy would take. */
  #assertNobodyWaitsInVain(): void {
    const callees = this.members.filter(({ membership }) => membership !== null);
    for (const call of this.#waiting()) {
      const left = callees.filter((callee) => !call.asked.includes(callee));
      const busy = left.filter(({ membership }) => {
        const { concurrency } = membership!;
        return concurrency > 0 && this.#load(membership!) >= concurrency;
      });
      const isSpread = ["roundrobin", "random", "qll", "qlls"].includes(this.#policy);
      const need = isSpread ? left.length : 1;
      assert.ok(left.length > 0 && busy.length >= need, `call ${call.number} waits for nobody`);
    }
  }
}

const numberOf = (message: readonly unknown[]): number => (message[4] as number[])[0]!;
