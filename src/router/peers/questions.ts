/**
 * Questions to other routers, answered at once or later, with values as MessagePack has them. Control path. A router that goes down
 * before it has answered has nothing to say: its answer is undefined. A long list is sent in parts, a share of them per turn, so that
 * neither who answers nor who has asked is stopped by it.
 */
import { fixedLimits } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { errors, WampError } from "../../protocol/errors.ts";
import { pieceWeight_max, weightOf } from "../../protocol/long-message.ts";
import { Serializer } from "../../protocol/serializers.ts";
import type { Steps, TurnShare } from "../turn-share.ts";
import { kindRange, PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import type { PeerHandler, Peers } from "./peers.ts";

/** Answers a question. What it throws, or rejects with, is the answer's error. */
type Answerer = (args: readonly unknown[]) => unknown;

interface Open {
  readonly peer: number;
  /** What has come of a long list. */
  parts: unknown[] | null;
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: WampError) => void;
}

/** How an answer ends: whole; as the last part of a list; as that of a list that is alone in another; or not. */
const Outcome = { value: 0, error: 1, list: 2, onlyList: 3 } as const;
/** What the weight of a part costs, in steps, encoded or decoded. */
const weightCost = 4;

export class Questions implements PeerHandler {
  readonly #peers: Peers;
  readonly #log: Log;
  readonly #answerers = new Map<string, Answerer>();
  readonly #open = new Map<number, Open>();
  readonly #turnShare: TurnShare;
  #last = 0;

  constructor(peers: Peers, turnShare: TurnShare, log: Log) {
    this.#peers = peers;
    this.#turnShare = turnShare;
    this.#log = log;
    peers.handle(kindRange.questions, this);
  }

  /** Says who answers questions of this name. */
  answer(name: string, answerer: Answerer): void {
    this.#answerers.set(name, answerer);
  }

  /** Resolves with the answer, undefined where the router is down. Rejects with WampError. */
  ask(peer: number, name: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#open.size >= fixedLimits.openQuestions_max)
      return Promise.reject(
        new WampError(errors.unavailable.uri, "too many questions to other workers wait"),
      );
    const number = ++this.#last;
    this.#peers.writer.begin(PeerKind.ask).u32(number).text(name);
    if (!this.#peers.send(peer, encodeMessage(Serializer.msgpack, [...args]), false))
      return Promise.resolve(undefined);
    return new Promise((resolve, reject) => this.#open.set(number, { peer, parts: null, resolve, reject }));
  }

  /** The answers of all routers that are up, in no particular order; undefined for those that went down meanwhile. */
  askAll(name: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    const { upMask } = this.#peers;
    const answers: Promise<unknown>[] = [];
    for (let peer = 0; peer < this.#peers.count; peer++)
      if ((upMask & (1 << peer)) !== 0) answers.push(this.ask(peer, name, args));
    return Promise.all(answers);
  }

  onDown(peer: number): void {
    for (const [number, open] of this.#open)
      if (open.peer === peer) {
        this.#open.delete(number);
        open.resolve(undefined);
      }
  }

  onMessage(peer: number, message: MessageReader): void {
    const number = message.u32();
    if (message.kind === PeerKind.ask) {
      const name = message.text();
      void this.#answer(peer, number, name, decodeMessage(Serializer.msgpack, message.rest()));
    } else this.#settle(number, message);
  }

  #settle(number: number, message: MessageReader): void {
    const open = this.#open.get(number);
    // Its asker was told when the router went down.
    if (open === undefined) return;
    if (message.kind === PeerKind.part) {
      open.parts ??= [];
      for (const value of decodeMessage(Serializer.msgpack, message.rest())) open.parts.push(value);
      return;
    }
    this.#open.delete(number);
    const outcome = message.u8();
    const values = decodeMessage(Serializer.msgpack, message.rest());
    if (outcome === Outcome.value) return open.resolve(values[0]);
    if (outcome === Outcome.list) return open.resolve(open.parts);
    if (outcome === Outcome.onlyList) return open.resolve([open.parts]);
    const [uri, text, args, kwargs] = values as [string, string, unknown[], Record<string, unknown>];
    open.reject(new WampError(uri, text, { args, kwargs }));
  }

  async #answer(peer: number, number: number, name: string, args: readonly unknown[]): Promise<void> {
    let outcome: number = Outcome.value;
    let values: readonly unknown[];
    try {
      const value = await this.#answerers.get(name)!(args);
      outcome = longList(value);
      values = outcome === Outcome.value ? [value] : [];
      if (outcome !== Outcome.value) {
        const list = (outcome === Outcome.list ? value : (value as unknown[])[0]) as readonly unknown[];
        await this.#turnShare.goOn(0, this.#sendParts(peer, number, list));
      }
    } catch (cause) {
      outcome = Outcome.error;
      values = this.#errorOf(name, cause);
    }
    this.#peers.writer.begin(PeerKind.answer).u32(number).u8(outcome);
    // It may be down by now, and then nobody waits.
    this.#peers.send(peer, encodeMessage(Serializer.msgpack, values), false);
  }

  *#sendParts(peer: number, number: number, list: readonly unknown[]): Steps<void> {
    for (let from = 0, at = 0; from < list.length; from = at) {
      let weight = 0;
      for (; at < list.length && (at === from || weight < pieceWeight_max); at++)
        weight += weightOf(list[at]);
      this.#peers.writer.begin(PeerKind.part).u32(number);
      // It may be down by now, and then nobody waits.
      this.#peers.send(peer, encodeMessage(Serializer.msgpack, list.slice(from, at)), false);
      yield weight * weightCost;
    }
  }

  #errorOf(name: string, cause: unknown): readonly unknown[] {
    if (cause instanceof WampError) return [cause.uri, cause.message, cause.args, cause.kwargs];
    this.#log.error("router", "a question of another worker could not be answered", { name, cause });
    return [errors.unavailable.uri, "a worker of the router could not answer; see its log", [], {}];
  }
}

/** Whether an answer is sent in parts, and as which kind of list. */
function longList(value: unknown): number {
  if (!Array.isArray(value) || weightOf(value) <= pieceWeight_max) return Outcome.value;
  return value.length === 1 && Array.isArray(value[0]) ? Outcome.onlyList : Outcome.list;
}
