/**
 * The real router beside its model: connections without a socket that hand over each frame at once, so that the router sees
 * messages in exactly the order in which the model does, and the comparison of all that comes back.
 */
import assert from "node:assert/strict";
import type { Router } from "../../src/main.ts";
import type {
  Connection,
  ConnectionEvents,
  Identity,
  OutgoingFrame,
  TransportInfo,
} from "../../src/ports.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";
import { isOwnEvent, SessionTraffic } from "./model-traffic.ts";
import {
  anything,
  type Character,
  type Outcome,
  type Ref,
  type RouterModel,
  type Symbolic,
} from "./router-model.ts";

export interface Actor extends Character {
  readonly serializer: Serializer;
}

/** What a command does. */
export type Step =
  | { readonly slot: number; readonly does: "join" | "lose" }
  | { readonly slot: number; readonly sends: Symbolic }
  | "turn";

/** Makes something else of the frames of a loop turn: what a router would send that is wrong. */
export type Spoil = (frames: readonly Uint8Array[]) => readonly Uint8Array[];

class ModelConnection implements Connection {
  readonly info: TransportInfo = { kind: "local", peer: "model" };
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  readonly serializer: Serializer;
  readonly identity: Identity;
  events: ConnectionEvents | null = null;
  arrived: Uint8Array[] = [];
  /** The router has closed it, and has not been told yet that it is gone. */
  closing = false;

  constructor({ serializer, authid, authrole }: Actor) {
    this.serializer = serializer;
    this.identity = { authid, authrole, authmethod: "trust", authprovider: "local" };
  }
  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    assert.ok(this.events !== null && !this.closing, "the router sends to a connection that is gone");
    for (let i = from; i < count; i++) this.arrived.push(frames[i]!.bytes.slice());
    return count;
  }
  bufferedBytes(): number {
    return 0;
  }
  close(): void {
    this.closing = true;
  }
  terminate(): void {
    this.closing = true;
  }
  /** The peer's side, or what the router closed, is gone. */
  end(): void {
    const { events } = this;
    this.events = null;
    events?.onClose();
  }
}

interface Slot {
  readonly actor: Actor;
  connection: ModelConnection | null;
  /** Of the session whose messages are coming, and of those that were joined behind it. */
  traffic: SessionTraffic;
  readonly joined: SessionTraffic[];
  /** What must come: groups in order, the messages of one group in any order. */
  due: Symbolic[][];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const isRef = (value: unknown): value is Ref => typeof value === "object" && value !== null && "ref" in value;
const roles = ({ progress, canceling }: Character): object => ({
  caller: {},
  publisher: {},
  subscriber: {},
  callee: { features: { progressive_call_results: progress, call_canceling: canceling } },
});

export class ModelWorld {
  readonly router: Router;
  readonly #spoil: Spoil;
  readonly #slots: Slot[];
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<string, string>();
  steps = 0;
  /** Messages that came and were due. */
  compared = 0;

  constructor(router: Router, cast: readonly Actor[], spoil: Spoil = (frames) => frames) {
    this.router = router;
    this.#spoil = spoil;
    this.#slots = cast.map((actor) => ({
      actor,
      connection: null,
      traffic: new SessionTraffic(),
      joined: [],
      due: [],
    }));
  }

  /** Lets the model and the router do the same. */
  async take(step: Step, model: RouterModel): Promise<void> {
    this.steps++;
    if (step === "turn") return this.settle();
    const slot = this.#slots[step.slot]!;
    if ("sends" in step) {
      const session = model.sessions[step.slot]!;
      if (!this.#isKnown(step.sends)) await this.settle();
      const message = this.#resolve(step.sends) as unknown[];
      (slot.joined.at(-1) ?? slot.traffic).sent(message);
      const outcome = model.receive(session, step.sends);
      this.#deliver(slot, message);
      this.#expect(outcome);
    } else if (step.does === "join") {
      if (slot.connection?.closing) await this.settle();
      this.#expect(model.join(step.slot));
      this.#join(slot);
    } else {
      this.#lose(slot);
      const session = model.sessions[step.slot];
      if (session) this.#expect(model.leave(session));
    }
  }

  #join(slot: Slot): void {
    if (slot.connection === null) {
      const connection = new ModelConnection(slot.actor);
      connection.events = this.router.accept(connection);
      assert.ok(connection.events !== null, "the router takes the connection");
      slot.connection = connection;
    }
    slot.joined.push(new SessionTraffic());
    this.#deliver(slot, [Message.hello, slot.actor.realm, { roles: roles(slot.actor) }]);
  }

  /** What was on its way is lost; what came before must have been due. */
  #lose(slot: Slot): void {
    if (slot.connection === null) return;
    this.#compare(slot);
    slot.due = [];
    slot.joined.length = 0;
    slot.connection.end();
    slot.connection = null;
  }

  #deliver(slot: Slot, message: readonly unknown[]): void {
    slot.connection!.events!.onFrame(encodeMessage(slot.actor.serializer, message));
  }

  #expect(outcome: Outcome): void {
    const groups = new Map<number, Symbolic[]>();
    for (const [slot, message] of outcome) groups.set(slot, [...(groups.get(slot) ?? []), message]);
    for (const [slot, group] of groups) this.#slots[slot]!.due.push(group);
  }

  /** Ends the loop turn: all that is due has come now, and nothing else. */
  async settle(): Promise<void> {
    await turn();
    let ended = false;
    for (const slot of this.#slots) {
      this.#compare(slot);
      const [missing] = slot.due;
      assert.equal(missing, undefined, `${slot.actor.authid} did not get ${JSON.stringify(missing)}`);
      if (!slot.connection?.closing) continue;
      ended = true;
      slot.connection.end();
      slot.connection = null;
    }
    if (ended) await this.settle();
  }

  /** Everybody leaves, half of them with a word; returns what the router still holds. */
  async leave(model: RouterModel): Promise<object> {
    for (const [slot, { connection }] of this.#slots.entries()) {
      if (model.sessions[slot] && connection !== null && slot % 2 === 0)
        await this.take({ slot, sends: [Message.goodbye, {}, "wamp.close.normal"] }, model);
      await this.take({ slot, does: "lose" }, model);
    }
    await this.settle();
    return this.router.stats();
  }

  /** After a failure: nothing is looked at any more. */
  drop(): void {
    for (const slot of this.#slots) {
      slot.connection?.end();
      slot.connection = null;
    }
  }

  #compare(slot: Slot): void {
    const { connection, actor, due } = slot;
    if (connection === null) return;
    const arrived = this.#spoil(connection.arrived);
    connection.arrived = [];
    for (const bytes of arrived) {
      const message = decodeMessage(actor.serializer, bytes);
      if (message[0] === Message.welcome) slot.traffic = slot.joined.shift() ?? slot.traffic;
      slot.traffic.received(message);
      if (isOwnEvent(message)) continue;
      const [group] = due;
      const at = group?.findIndex((expected) => this.#fits(expected, message)) ?? -1;
      if (group === undefined || at < 0)
        throw new Error(
          `${actor.authid} got ${JSON.stringify(message)} where ${JSON.stringify(group)} was due`,
        );
      group.splice(at, 1);
      if (group.length === 0) due.shift();
      this.compared++;
    }
  }

  /** Binds names to the numbers that the router gave, if all else is equal. */
  #fits(expected: unknown, actual: unknown): boolean {
    const bound: [string, number][] = [];
    if (!this.#equal(expected, actual, bound)) return false;
    for (const [name, number] of bound) {
      this.#numbers.set(name, number);
      this.#names.set(`${kindOf(name)} ${number}`, name);
    }
    return true;
  }

  #equal(expected: unknown, actual: unknown, bound: [string, number][]): boolean {
    if (expected === anything) return true;
    if (isRef(expected)) return this.#isNamed(expected.ref, actual, bound);
    if (typeof expected !== "object" || expected === null) return Object.is(expected, actual);
    if (typeof actual !== "object" || actual === null || Array.isArray(expected) !== Array.isArray(actual))
      return false;
    const entries = Object.entries(expected);
    return (
      entries.length === Object.keys(actual).length &&
      entries.every(([key, value]) => this.#equal(value, (actual as Record<string, unknown>)[key], bound))
    );
  }

  /** The same name is always the same number, and one number is never two things of a kind. */
  #isNamed(name: string, actual: unknown, bound: [string, number][]): boolean {
    if (typeof actual !== "number" || !Number.isSafeInteger(actual) || actual < 1) return false;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known === actual;
    if (this.#names.has(`${kindOf(name)} ${actual}`)) return false;
    bound.push([name, actual]);
    return true;
  }

  #isKnown(value: unknown): boolean {
    if (isRef(value)) return this.#numbers.has(value.ref);
    if (typeof value !== "object" || value === null) return true;
    return Object.values(value).every((part) => this.#isKnown(part));
  }

  #resolve(value: unknown): unknown {
    if (isRef(value)) return this.#numbers.get(value.ref);
    if (Array.isArray(value)) return value.map((part) => this.#resolve(part));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, this.#resolve(part)]));
  }
}

const kindOf = (name: string): string => name.slice(0, name.indexOf(" "));
