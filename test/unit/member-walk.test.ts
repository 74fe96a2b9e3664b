/** Who holds a pattern, told over several steps while others come and go. Set SEED to repeat a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RealmHandle, SessionId, Target } from "../../src/base/ids.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Match, Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Memberships } from "../../src/router/memberships.ts";
import { memberIds } from "../../src/router/meta/member-walk.ts";
import { PatternKind, Patterns } from "../../src/router/patterns.ts";
import { Realm, realmDefaults } from "../../src/router/realm.ts";
import { RoutingState } from "../../src/router/routing-state.ts";
import { Targets } from "../../src/router/targets.ts";
import type { RouterSession } from "../../src/router/types.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import { openCodec } from "../support/codec.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const kind = PatternKind.subscription;

class Member extends RoutingState {
  readonly target: Target;
  readonly id: SessionId;
  constructor(target: Target, id: number) {
    super();
    this.target = target;
    this.id = id as SessionId;
  }
}

const subscribe = encodeMessage(Serializer.msgpack, [Message.subscribe, 1, {}, "com.a"]);

class World {
  readonly #codec = openCodec();
  readonly patterns = new Patterns(new PatternIndex(this.#codec.core), () => 0);
  readonly memberships = new Memberships(kind, this.patterns, seed);
  readonly targets = new Targets();
  readonly realm = new Realm(1 as RealmHandle, { ...realmDefaults, uri: "realm1" });
  readonly members: RouterSession[] = [];
  #lastId = 0;

  get pattern() {
    return this.patterns.find({ kind, realm: this.realm.handle, match: Match.exact, uri: "com.a" });
  }

  join(): void {
    const session = new Member(this.targets.take(), ++this.#lastId) as unknown as RouterSession;
    this.targets.put(session);
    this.#codec.visit(Serializer.msgpack, subscribe, this.realm.handle, 0);
    const pattern = this.pattern || this.patterns.add(kind, this.realm, this.#codec);
    assert.notEqual(pattern, 0);
    this.memberships.add(pattern as never, session);
    this.members.push(session);
  }

  leave(at: number): void {
    const [session] = this.members.splice(at, 1);
    this.memberships.remove(this.memberships.first(session!), session!);
    this.targets.free(session!.target);
  }
}

test(`who stays is told, in order of joining, nobody twice, and no step is long (SEED=${seed})`, () => {
  const change = fc.record({ leaving: fc.nat({ max: 40 }), where: fc.nat(), joining: fc.nat({ max: 40 }) });
  const property = fc.property(
    fc.constantFrom(1, 2, 63, 64, 65, 500, 3_000),
    fc.array(change),
    (count, changes) => {
      const world = new World();
      for (let i = 0; i < count; i++) world.join();
      const atFirst = new Set(world.members.map(({ id }) => id));
      const steps = memberIds({ ...world, kind }, world.pattern as never);
      let step = steps.next();
      for (let i = 0; step.done !== true; step = steps.next()) {
        assert.ok(step.value <= 64 + count / 8);
        const { leaving = 0, where = 0, joining = 0 } = changes[i++] ?? {};
        for (let n = 0; n < leaving && world.members.length > 0; n++)
          world.leave((where + n * 7) % world.members.length);
        for (let n = 0; n < joining; n++) world.join();
      }
      const told = step.value;
      assert.equal(new Set(told).size, told.length);
      const old = told.filter((id) => atFirst.has(id));
      assert.deepEqual(
        old,
        [...old].sort((a, b) => a - b),
      );
      const stayed = world.members.filter(({ id }) => atFirst.has(id));
      for (const { id } of stayed) assert.ok(told.includes(id), `session ${id} stayed`);
      // In the place of one that left another may be a member by the time that it is looked at.
      assert.ok(told.length <= count);
    },
  );
  fc.assert(property, { seed, numRuns: 60 });
});
