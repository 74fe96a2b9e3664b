/**
 * Patterns and memberships against a model that keeps them as lists: who joined which pattern in which order, what is left of it when
 * some have gone, whose ids come back. Set SEED to repeat a run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PatternHandle, RealmHandle, Target } from "../../src/base/ids.ts";
import { Match, Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { MemberFlag, Memberships } from "../../src/router/memberships.ts";
import { CallTrait, PatternKind, Patterns, Trait } from "../../src/router/patterns.ts";
import { Realm, realmDefaults } from "../../src/router/realm.ts";
import { RoutingState } from "../../src/router/routing-state.ts";
import type { RouterSession } from "../../src/router/types.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import { openCodec } from "../support/codec.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const about = `SEED=${seed}`;
const kind = PatternKind.registration;

class Member extends RoutingState {
  readonly target: Target;
  constructor(target: number) {
    super();
    this.target = target as Target;
  }
}

/** One pattern as the model has it. */
interface Modelled {
  readonly handle: PatternHandle;
  readonly id: number;
  readonly realm: Realm;
  readonly created_ms: number;
  readonly members: { readonly session: RouterSession; readonly row: number; flags: number }[];
  traits: number;
  callTraits: number;
  invoke: number;
  /** Row of the member whose turn is next; 0: the first. */
  cursor: number;
}

class World {
  readonly codec = openCodec();
  now_ms = 1_700_000_000_123;
  readonly patterns = new Patterns(new PatternIndex(this.codec.core), () => this.now_ms);
  readonly memberships = new Memberships(kind, this.patterns, seed);
  readonly realms = [1, 2].map((h) => new Realm(h as RealmHandle, { ...realmDefaults, uri: `r${h}` }));
  readonly sessions = Array.from({ length: 6 }, (_, i) => new Member(i + 1) as unknown as RouterSession);
  readonly model = new Map<string, Modelled>();
  /** Names in the order in which the patterns were made. */
  readonly order: string[] = [];
  readonly idsGiven = new Set<number>();

  /** At the end, or at a place among the members. */
  join(name: string, realm: Realm, uri: string, session: RouterSession, place = -1): void {
    const { codec, patterns, memberships, model } = this;
    const frame = encodeMessage(Serializer.msgpack, [Message.register, 1, {}, uri]);
    codec.visit(Serializer.msgpack, frame, realm.handle, 0);
    let known = model.get(name);
    assert.equal(codec.matchCount === 0 ? 0 : codec.matchAt(0), known?.handle ?? 0, about);
    if (known === undefined) {
      const handle = patterns.add(kind, realm, codec) as PatternHandle;
      const id: number = patterns.id(handle);
      assert.ok(!this.idsGiven.has(id), `id ${id} was given before, ${about}`);
      this.idsGiven.add(id);
      known = {
        handle,
        id,
        realm,
        created_ms: this.now_ms,
        members: [],
        traits: Match.exact,
        callTraits: 0,
        invoke: 0,
        cursor: 0,
      };
      model.set(name, known);
      this.order.push(name);
    }
    if (known.members.some((member) => member.session === session)) return;
    const { members } = known;
    const at = place < 0 ? members.length : place % (members.length + 1);
    const previous = place < 0 ? undefined : at === 0 ? 0 : members[at - 1]!.row;
    const row = memberships.add(known.handle, session, previous);
    members.splice(at, 0, { session, row, flags: 0 });
  }

  leave(name: string, session: RouterSession): void {
    const known = this.model.get(name);
    const at = known?.members.findIndex((member) => member.session === session) ?? -1;
    if (known === undefined || at < 0) return;
    const { row } = known.members[at]!;
    this.memberships.remove(row, session);
    known.members.splice(at, 1);
    if (known.cursor === row) known.cursor = known.members[at]?.row ?? 0;
    if (known.members.length < 2) known.cursor = 0;
    if (known.members.length > 0) return;
    assert.equal(this.patterns.isLive(known.handle), false, about);
    this.patterns.remove(known.handle);
    assert.equal(this.patterns.byId(kind, known.id), 0, about);
    this.model.delete(name);
    this.order.splice(this.order.indexOf(name), 1);
  }

  /** What a call by round robin does. */
  turn(known: Modelled): void {
    const { patterns, memberships } = this;
    const at = known.members.findIndex((member) => member.row === (known.cursor || known.members[0]!.row));
    const row = patterns.cursor(known.handle) || patterns.firstMember(known.handle);
    assert.equal(row, known.members[at]!.row, about);
    patterns.setCursor(known.handle, memberships.nextOfPattern(row));
    known.cursor = known.members[at + 1]?.row ?? 0;
  }

  mark(known: Modelled, bit: number): void {
    const { patterns, memberships } = this;
    const trait = [Trait.reserved, Trait.sharded, Trait.acknowledged, Trait.remote][bit % 4]!;
    if ((bit & 8) === 0) patterns.setTrait(known.handle, trait);
    else patterns.clearTrait(known.handle, trait);
    known.traits = (bit & 8) === 0 ? known.traits | trait : known.traits & ~trait;
    const callTrait = [CallTrait.shared, CallTrait.keyed, CallTrait.weighted, CallTrait.waiting][bit % 4]!;
    patterns.setCallTrait(known.handle, callTrait, (bit & 8) !== 0);
    known.callTraits = (bit & 8) !== 0 ? known.callTraits | callTrait : known.callTraits & ~callTrait;
    known.invoke = bit % 9;
    patterns.setInvoke(known.handle, known.invoke as 0);
    const member = known.members[bit % known.members.length]!;
    member.flags = bit & MemberFlag.forwardTimeout;
    memberships.setFlags(member.row, member.flags);
  }

  check(): void {
    const { patterns, memberships, model, sessions, realms } = this;
    assert.equal(patterns.count, model.size, about);
    assert.equal(
      memberships.count,
      [...model.values()].reduce((sum, known) => sum + known.members.length, 0),
    );
    for (const known of model.values()) this.#checkPattern(known);
    for (const realm of realms) {
      const names = this.order.filter((name) => model.get(name)!.realm === realm);
      assert.deepEqual(
        [...patterns.of(kind, realm)],
        names.map((name) => model.get(name)!.handle),
        about,
      );
      assert.deepEqual([...patterns.of(PatternKind.subscription, realm)], []);
    }
    for (const session of sessions) {
      const own = new Set<number>();
      for (let row = memberships.first(session); row !== 0; row = memberships.nextOfSession(row))
        own.add(row);
      const rows = [...model.values()].flatMap((k) =>
        k.members.filter((m) => m.session === session).map((m) => m.row),
      );
      assert.deepEqual([...own].sort(), rows.sort(), about);
    }
  }

  #checkPattern(known: Modelled): void {
    const { patterns, memberships, sessions } = this;
    const { handle, members } = known;
    const rows: number[] = [];
    for (let row = patterns.firstMember(handle); row !== 0; row = memberships.nextOfPattern(row))
      rows.push(row);
    const back: number[] = [];
    for (let row = patterns.lastMember(handle); row !== 0; row = memberships.previousOfPattern(row))
      back.push(row);
    assert.deepEqual(back.reverse(), rows, about);
    assert.deepEqual(
      rows,
      members.map((member) => member.row),
      about,
    );
    assert.equal(patterns.lastMember(handle), rows[rows.length - 1], about);
    assert.equal(patterns.memberCount(handle), rows.length, about);
    assert.equal(patterns.byId(kind, known.id), handle, about);
    assert.equal(patterns.created_ms(handle), known.created_ms, about);
    assert.deepEqual(
      [
        patterns.traits(handle),
        patterns.callTraits(handle),
        patterns.invoke(handle),
        patterns.discloseCaller(handle),
      ],
      [known.traits, known.callTraits, known.invoke, false],
      about,
    );
    assert.equal(patterns.realmHandle(handle), known.realm.handle, about);
    for (const session of sessions) {
      const member = members.find((m) => m.session === session);
      assert.equal(memberships.find(handle, session.target), member?.row ?? 0, about);
    }
    for (const { row, session, flags } of members) {
      assert.deepEqual(
        [memberships.pattern(row), memberships.target(row), memberships.flags(row)],
        [handle, session.target, flags],
        about,
      );
    }
  }
}

const step = fc.record({
  what: fc.constantFrom("join", "join", "join", "leave", "leave", "turn", "mark"),
  realm: fc.nat({ max: 1 }),
  uri: fc.constantFrom("a", "b", "c"),
  session: fc.nat({ max: 5 }),
  bit: fc.nat({ max: 15 }),
  later_ms: fc.nat({ max: 90_000 }),
});

test("patterns and their members are what the model says after every step, in any order of joining and leaving", (t) => {
  t.diagnostic(about);
  const scenario = fc.property(fc.array(step, { minLength: 20, maxLength: 200, size: "max" }), (steps) => {
    const world = new World();
    for (const { what, realm, uri, session, bit, later_ms } of steps) {
      world.now_ms += later_ms;
      const name = `${realm} ${uri}`;
      const known = world.model.get(name);
      if (what === "join")
        world.join(name, world.realms[realm]!, uri, world.sessions[session]!, bit < 8 ? -1 : bit - 8);
      else if (what === "leave") world.leave(name, world.sessions[session]!);
      else if (known !== undefined && what === "turn") world.turn(known);
      else if (known !== undefined) world.mark(known, bit);
      world.check();
    }
  });
  fc.assert(scenario, { seed, numRuns: 150 });
});

test("hash entries go with the members that needed them, also that of the one who is left alone", () => {
  const { codec, patterns, memberships, realms } = new World();
  codec.visit(Serializer.msgpack, encodeMessage(Serializer.msgpack, [Message.register, 1, {}, "a"]), 1, 0);
  const pattern = patterns.add(kind, realms[0]!, codec) as PatternHandle;
  let before_bytes = 0;
  for (let target = 1; target < 40_000; target += 2) {
    const pair = [target, target + 1].map((t) => new Member(t) as unknown as RouterSession);
    const rows = pair.map((session) => memberships.add(pattern, session));
    for (const [i, session] of pair.entries()) memberships.remove(rows[i]!, session);
    before_bytes ||= memberships.bytes;
  }
  assert.equal(memberships.bytes, before_bytes);
  assert.equal(patterns.memberCount(pattern), 0);
});
