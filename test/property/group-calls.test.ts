/**
 * Calls to all callees in random interleavings – answers in any order and too late, CANCEL in every mode, timeouts, departures of
 * either side – against the model: the same messages to the same peers after every step, one final reply per call, and nothing left
 * when all have gone. Set SEED to repeat a run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClientFeature } from "../../src/protocol/features.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { DealerRig, type Peer } from "../support/dealer-rig.ts";
import { type Answer, GroupModel, type ModelPeer, timeout_ms, type Yields } from "../support/group-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const invocations_max = 3;

/** Four places; whoever leaves one is followed by somebody alike. */
const { calleeCanceling, calleeProgress } = ClientFeature;
const places = [
  { serializer: Serializer.json, features: calleeCanceling | calleeProgress },
  { serializer: Serializer.msgpack, features: calleeProgress },
  { serializer: Serializer.cbor, features: calleeCanceling },
  { serializer: Serializer.json, features: calleeCanceling | calleeProgress },
] as const;

const place = fc.nat({ max: places.length - 1 });
const pick = fc.nat();
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("register" as const), place }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("unregister" as const), place }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        place,
        yields: fc.constantFrom<Yields>("gather", "first", "progressive"),
        timed: fc.boolean(),
      }),
    },
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("answer" as const),
        place,
        pick,
        kind: fc.constantFrom<Answer["kind"]>("result", "result", "error", "error", "progress"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("cancel" as const),
        place,
        pick,
        mode: fc.constantFrom("skip" as const, "kill" as const, "killnowait" as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), place }) },
  ),
  { maxLength: 60, size: "max" },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

interface Member {
  readonly peer: Peer;
  readonly model: ModelPeer;
  registration: number;
  requests: number;
  /** Its calls by request id; true: has had its final reply. */
  readonly replied: Map<number, boolean>;
}

class Interleaving {
  readonly #rig = new DealerRig({ invocationsPerSession_max: invocations_max });
  readonly #model = new GroupModel(invocations_max);
  #joins = 0;
  readonly #members: Member[] = places.map((_, i) => this.#joined(i));
  #payloads = 0;
  finals = 0;

  #joined(i: number): Member {
    const traits = places[i]!;
    const { features } = traits;
    const model = {
      name: `${i}, number ${++this.#joins}`,
      canInterrupt: (features & calleeCanceling) !== 0,
      takesProgress: (features & calleeProgress) !== 0,
      invocations: 0,
      outstanding: 0,
    };
    const peer = this.#rig.join(traits);
    return { peer, model, registration: 0, requests: 0, replied: new Map() };
  }

  run(all: readonly Step[]): void {
    for (const step of all) {
      this.#model.sent = new Map();
      this.#do(step);
      this.#compare(JSON.stringify(step));
    }
    for (const i of places.keys()) {
      this.#model.sent = new Map();
      this.#leave(this.#members[i]!);
      this.#compare("the end");
    }
    const held = this.#rig.held();
    assert.deepEqual(
      Object.values(held),
      Object.values(held).map(() => 0),
      JSON.stringify(held),
    );
  }

  #do(step: Step): void {
    if (step.do === "wait") {
      this.#rig.scheduler.advance(timeout_ms + 100);
      return this.#model.timeOut();
    }
    const member = this.#members[step.place]!;
    switch (step.do) {
      case "register":
        return this.#register(member);
      case "unregister":
        return this.#unregister(member);
      case "call":
        return this.#call(member, step.yields, step.timed);
      case "answer":
        return this.#answer(member, step.pick, step.kind);
      case "cancel":
        return this.#cancel(member, step.pick, step.mode);
      case "leave":
        this.#leave(member);
        this.#members[step.place] = this.#joined(step.place);
    }
  }

  #register(member: Member): void {
    if (member.registration !== 0) return;
    this.#rig.say(member.peer, [Message.register, ++member.requests, { invoke: "all" }, "com.proc"]);
    const [[type, , id] = []] = member.peer.take();
    assert.equal(type, Message.registered);
    member.registration = id as number;
    this.#model.members.push(member.model);
  }

  #unregister(member: Member): void {
    if (member.registration === 0) return;
    this.#rig.say(member.peer, [Message.unregister, ++member.requests, member.registration]);
    assert.equal(member.peer.take()[0]?.[0], Message.unregistered);
    member.registration = 0;
    this.#model.members = this.#model.members.filter((model) => model !== member.model);
  }

  #call(member: Member, yields: Yields, timed: boolean): void {
    const request = ++member.requests;
    member.replied.set(request, false);
    const payload = this.#payload();
    const options = {
      yields,
      ...(timed ? { timeout: timeout_ms } : {}),
      ...(yields === "progressive" ? { receive_progress: true } : {}),
    };
    this.#rig.say(member.peer, [Message.call, request, options, "com.proc", ...payload]);
    this.#model.call(member.model, request, yields, timed, payload);
  }

  /** Often of an invocation that has been answered, or whose call is over. */
  #answer(member: Member, which: number, kind: Answer["kind"]): void {
    const { invocations } = member.model;
    if (invocations === 0) return;
    const invocation = Math.max(1, invocations - (which % (invocations_max + 2)));
    const payload = this.#payload();
    const uri = `com.error${which % 3}`;
    this.#rig.say(
      member.peer,
      kind === "error"
        ? [Message.error, Message.invocation, invocation, {}, uri, ...payload]
        : [Message.yield, invocation, kind === "progress" ? { progress: true } : {}, ...payload],
    );
    this.#model.answer(member.model, invocation, { kind, uri, payload });
  }

  #cancel(member: Member, which: number, mode: "skip" | "kill" | "killnowait"): void {
    const calls = [...member.replied.keys()];
    const request = calls[Math.max(0, calls.length - 1 - (which % 4))];
    if (request === undefined) return;
    this.#rig.say(member.peer, [Message.cancel, request, { mode }]);
    this.#model.cancel(member.model, request, mode);
  }

  #leave(member: Member): void {
    this.#rig.leave(member.peer);
    this.#model.leave(member.model);
  }

  #payload(): unknown[] {
    const number = ++this.#payloads;
    return [[], [[number]], [[number, [null]], { k: number }], [[], { k: number }]][number % 4]!;
  }

  #compare(step: string): void {
    for (const { peer, model, replied } of this.#members) {
      const sent = peer.take();
      for (const message of sent) this.#noteReply(message, replied);
      const expected = this.#model.sent.get(model.name) ?? [];
      assert.deepEqual(inOrder(sent.map(withoutTexts)), inOrder(expected), `to ${model.name} after ${step}`);
    }
    const { pending, groupRows } = this.#rig.held();
    const rows = this.#model.calls.reduce((sum, { open }) => sum + 1 + open.length, 0);
    assert.deepEqual([pending, groupRows], [rows, rows], step);
  }

  /** In the order in which they came: nothing follows a final reply. */
  #noteReply(message: readonly unknown[], replied: Map<number, boolean>): void {
    const isResult = message[0] === Message.result;
    if (!isResult && message[0] !== Message.error) return;
    const request = message[isResult ? 1 : 2] as number;
    assert.equal(replied.get(request), false, `call ${request} has had its final reply`);
    if (isResult && (message[2] as { progress?: boolean }).progress === true) return;
    replied.set(request, true);
    this.finals++;
  }
}

/** One step may send a peer several messages, for different calls. */
const inOrder = (messages: readonly unknown[]): string[] => messages.map((m) => JSON.stringify(m)).sort();

/** The model knows neither ids of registrations nor texts for people, which are the only arguments of their errors. */
function withoutTexts(message: readonly unknown[]): unknown {
  if (message[0] === Message.invocation) return message.with(2, "registration");
  return JSON.parse(JSON.stringify(message), (_, value: unknown) =>
    Array.isArray(value) && value.length === 1 && typeof value[0] === "string" ? ["*"] : value,
  );
}

test("[R-09] calls to all callees end in one reply as the model has it, in any interleaving", (t) => {
  t.diagnostic(`seed ${seed}`);
  let finals = 0;
  fc.assert(
    fc.property(steps, (all) => {
      const interleaving = new Interleaving();
      interleaving.run(all);
      finals += interleaving.finals;
    }),
    { seed, numRuns: 400 },
  );
  assert.ok(finals > 400, `saw ${finals} final replies`);
});
