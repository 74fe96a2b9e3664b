/** The guard and what decides behind it, without sockets: what is asked of an authorizer, what is remembered, what is left behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RealmHandle, SessionId, Target } from "../../src/base/ids.ts";
import { type Limits, limitsFrom } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { RandomIds } from "../../src/base/random-ids.ts";
import type { AccessRules } from "../../src/ports.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Match, Message } from "../../src/protocol/messages.ts";
import { Permission } from "../../src/protocol/permissions.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { setUpAccess } from "../../src/router/access-setup.ts";
import { PendingCalls } from "../../src/router/dealer/pending.ts";
import { Verdict } from "../../src/router/guard.ts";
import { Memberships } from "../../src/router/memberships.ts";
import { PatternKind, Patterns } from "../../src/router/patterns.ts";
import { Realm } from "../../src/router/realm.ts";
import { compileRules } from "../../src/security/access-rules.ts";
import type { GrantRecord } from "../../src/security/records.ts";
import { Address, MatchStatus, Slot, Status } from "../../src/wasm/abi.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import { grantOf } from "../support/access-realms.ts";
import { openCodec } from "../support/codec.ts";
import { Peer } from "../support/dealer-rig.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

class GuardRig {
  readonly codec = openCodec();
  readonly scheduler = new VirtualScheduler();
  readonly patterns = new Patterns(new PatternIndex(this.codec.core), () => 0);
  readonly subscriptions = new Memberships(PatternKind.subscription, this.patterns, 1);
  readonly realm = new Realm(1 as RealmHandle, { uri: "realm1" });
  readonly metrics = new Metrics();
  readonly parts;
  rules: AccessRules | null;
  /** Groups that sessions are in by now. */
  roles: readonly string[] | null = null;
  #peers = 0;

  constructor(rules: AccessRules | null, limits: Partial<Limits> = {}) {
    this.rules = rules;
    this.parts = setUpAccess({
      codec: this.codec,
      patterns: this.patterns,
      subscriptions: this.subscriptions,
      registrations: new Memberships(PatternKind.registration, this.patterns, 2),
      pending: new PendingCalls(3),
      limits: limitsFrom(limits),
      metrics: this.metrics,
      log: silentLog,
      policy: { rulesFor: (_, { roles }) => (roles === undefined ? this.rules : rulesOf(grantsTo(roles))) },
      identityOf: ({ identity }) => (this.roles === null ? identity! : { ...identity!, roles: this.roles }),
      ids: new RandomIds((words) => words.fill(7)),
      scheduler: this.scheduler,
    });
  }

  join(realm = this.realm): Peer {
    const number = ++this.#peers;
    const peer = new Peer(number as Target, number as SessionId, realm, {
      serializer: Serializer.msgpack,
      features: 0,
    });
    this.parts.access.onJoin(peer, realm);
    return peer;
  }

  ask(peer: Peer, ...message: readonly [type: number, ...rest: unknown[]]): Verdict {
    const status = this.codec.visit(Serializer.msgpack, encodeMessage(Serializer.msgpack, message), 1, 0);
    assert.equal(status, Status.ok);
    return peer.access === null ? Verdict.allowed : this.parts.guard.check(peer, message[0]);
  }
  call(peer: Peer, uri: string, options: object = {}): Verdict {
    return this.ask(peer, Message.call, 1, options, uri);
  }
}

const rulesOf = (
  grants: readonly GrantRecord[],
  authorizer: string | null = null,
  mostSpecific = false,
): AccessRules => compileRules(grants, ["all"], mostSpecific, authorizer);

const grantsTo = (groups: readonly string[]): GrantRecord[] =>
  groups.map((group) => grantOf("all", "wamp.call", `${group}.`, "prefix"));

test("a session is decided about by the groups that it is in by now", () => {
  const rig = new GuardRig(rulesOf(grantsTo(["a"])));
  const peer = rig.join();
  assert.equal(rig.call(peer, "a.x"), Verdict.allowed);
  rig.roles = ["b"];
  assert.equal(rig.call(peer, "a.x"), Verdict.allowed);
  rig.parts.access.expire(new Set(["realm2"]), [peer]);
  assert.equal(rig.call(peer, "a.x"), Verdict.allowed);
  rig.parts.access.expire(new Set(["realm1"]), [peer]);
  assert.equal(rig.call(peer, "a.x"), Verdict.refused);
  assert.equal(rig.call(peer, "b.x"), Verdict.allowed);
});

test("what a rule allows is allowed at once, and what none allows waits for the authorizer", () => {
  const rig = new GuardRig(rulesOf([grantOf("all", "wamp.call", "com.open.", "prefix")], "com.authorizer"));
  const { access, guard } = rig.parts;
  const peer = rig.join();
  assert.equal(rig.call(peer, "com.open.a"), Verdict.allowed);
  assert.equal(rig.call(peer, "com.closed.a"), Verdict.pending);
  const { question } = guard;
  assert.deepEqual(question, { permission: Permission.call, uri: "com.closed.a", match: Match.exact });
  // Once, for this session.
  access.settle(peer, question, true, false);
  assert.equal(rig.call(rig.join(), "com.closed.a"), Verdict.pending);
  assert.equal(rig.call(peer, "com.closed.a"), Verdict.allowed);
  access.forget(peer);
  assert.equal(rig.call(peer, "com.closed.a"), Verdict.pending);
  access.settle(peer, question, false, false);
  assert.equal(rig.call(peer, "com.closed.a"), Verdict.refused);
  access.forget(peer);
  // For all who have the same rules, until rights change.
  access.settle(peer, question, true, true);
  assert.equal(rig.call(peer, "com.closed.a"), Verdict.allowed);
  assert.equal(rig.call(rig.join(), "com.closed.a"), Verdict.allowed);
  assert.equal(rig.call(peer, "com.closed.b"), Verdict.pending);
  access.expire(new Set(["realm1"]), [peer]);
  assert.equal(rig.call(peer, "com.closed.a"), Verdict.pending);
});

test("an answer that comes when rules decide by now changes nothing", () => {
  const rig = new GuardRig(rulesOf([], "com.authorizer"));
  const { access, guard } = rig.parts;
  const peer = rig.join();
  assert.equal(rig.call(peer, "a.b"), Verdict.pending);
  const { question } = guard;
  rig.rules = rulesOf([]);
  access.expire(new Set(["realm1"]), [peer]);
  for (const cache of [true, false]) {
    access.settle(peer, question, true, cache);
    assert.equal(rig.call(peer, "a.b"), Verdict.refused);
  }
});

test("the authorizer is asked about disclosure too, and not about giving up what is one's own", () => {
  const rig = new GuardRig(rulesOf([], "com.authorizer"));
  const { access, guard } = rig.parts;
  const peer = rig.join();
  assert.equal(rig.call(peer, "a.b", { disclose_me: true }), Verdict.pending);
  access.settle(peer, guard.question, true, true);
  assert.equal(rig.call(peer, "a.b", { disclose_me: true }), Verdict.pending);
  assert.equal(guard.question.permission, Permission.discloseCaller);
  access.settle(peer, guard.question, false, true);
  assert.equal(rig.call(peer, "a.b", { disclose_me: true }), Verdict.refused);
  assert.equal(rig.call(peer, "a.b"), Verdict.allowed);
  const pattern = subscribe(rig, peer, "a.", "prefix");
  assert.equal(rig.ask(peer, Message.unsubscribe, 2, pattern), Verdict.allowed);
});

/** Subscribes past the guard; the subscription's id. */
function subscribe(rig: GuardRig, peer: Peer, topic: string, match: "exact" | "prefix"): number {
  rig.codec.visit(
    Serializer.msgpack,
    encodeMessage(Serializer.msgpack, [Message.subscribe, 1, { match }, topic]),
    1,
    0,
  );
  const pattern = rig.patterns.add(PatternKind.subscription, rig.realm, rig.codec);
  assert.ok(pattern !== 0);
  rig.subscriptions.add(pattern, peer);
  return rig.patterns.id(pattern);
}

test("where the most specific rule decides, the authorizer is not asked about what a rule denies", () => {
  const deny = grantOf("all", ["wamp.call", "wamp.unsubscribe"], "a.", "prefix", "deny");
  const rig = new GuardRig(rulesOf([deny], "com.authorizer", true));
  const peer = rig.join();
  assert.equal(rig.call(peer, "a.b"), Verdict.refused);
  assert.equal(rig.call(peer, "b.a"), Verdict.pending);
  assert.equal(rig.ask(peer, Message.unsubscribe, 2, subscribe(rig, peer, "a.b", "exact")), Verdict.refused);
});

test("a decision leaves the matches of the visited message as they are", () => {
  const everything = grantOf("all", "wamp.publish", "", "prefix");
  const rig = new GuardRig(rulesOf([everything, grantOf("all", "wamp.publish", "a.b")]));
  const peer = rig.join();
  const ids = ["", "a", "a."].map((prefix) => subscribe(rig, peer, prefix, "prefix"));
  for (const round of ["decided", "remembered"]) {
    assert.equal(rig.ask(peer, Message.publish, 1, {}, "a.b", [round]), Verdict.allowed);
    const found = Array.from({ length: rig.codec.matchCount }, (_, i) => rig.codec.matchAt(i));
    assert.deepEqual(found.length, ids.length);
    assert.deepEqual(
      found.map((handle) => rig.patterns.uri(handle as never)),
      ["", "a", "a."],
    );
    assert.equal(rig.codec.u(Slot.matchStatus), MatchStatus.ok);
    assert.deepEqual(rig.codec.args(), [round]);
  }
  assert.equal(rig.metrics.accessDecided, 1);
});

test("URIs without end take no more memory than the bounds allow, and decisions stay right", () => {
  const rig = new GuardRig(rulesOf([grantOf("all", "wamp.call", "even.", "prefix")]), {
    accessDecisions_max: 16,
    accessDecisionsTotal_max: 24,
  });
  const { access } = rig.parts;
  const mine = rig.join();
  rig.rules = rulesOf([grantOf("all", "wamp.call", "odd.", "prefix")]);
  const other = rig.join();
  for (let i = 0; i < 2_000; i++) {
    const [peer, name] = i % 3 === 0 ? [other, "odd"] : [mine, "even"];
    assert.equal(rig.call(peer, `${name}.x${i % 97}`), Verdict.allowed);
    assert.equal(rig.call(peer, `none.x${i}`), Verdict.refused);
    assert.ok(access.decisionCount <= 24);
    assert.ok(rig.patterns.index.count <= 24 + 2);
  }
  access.onLeave(mine);
  access.onLeave(other);
  assert.deepEqual([access.tableCount, access.decisionCount, rig.patterns.index.count], [0, 0, 0]);
});

test("a table whose decisions fill all the room gives some up for another", () => {
  const rig = new GuardRig(rulesOf([]), { accessDecisions_max: 8, accessDecisionsTotal_max: 8 });
  const mine = rig.join();
  for (let i = 0; i < 8; i++) rig.call(mine, `a.x${i}`);
  rig.rules = rulesOf([grantOf("all", "wamp.call", "a.", "prefix")]);
  const other = rig.join();
  for (let i = 0; i < 8; i++) assert.equal(rig.call(other, `a.x${i}`), Verdict.allowed);
  assert.equal(rig.parts.access.decisionCount, 8);
  const before = rig.metrics.accessDecided;
  rig.call(other, "a.x7");
  assert.equal(rig.metrics.accessDecided, before, "the latest is remembered");
});

test("sessions with the same rules share a table within their realm, and nothing with another realm", () => {
  const rig = new GuardRig(rulesOf([grantOf("all", "wamp.call", "a.b")]));
  const { access } = rig.parts;
  const two = new Realm(2 as RealmHandle, { uri: "realm2" });
  const peers = [rig.join(), rig.join(), rig.join(two)];
  assert.equal(access.tableCount, 2);
  for (const peer of peers) rig.call(peer, "a.b");
  assert.equal(rig.metrics.accessDecided, 2);
  access.onLeave(peers[0]!);
  assert.equal(access.tableCount, 2);
  access.onLeave(peers[1]!);
  assert.equal(access.tableCount, 1);
  assert.equal(rig.call(peers[2]!, "a.b"), Verdict.allowed);
});

test("more rules for one URI than can be looked at refuse it, and rules that nothing can match are no rules", () => {
  const wildcards = Array.from({ length: 4_097 }, (_, i) =>
    Array.from({ length: 13 }, (__, bit) => ((i >> bit) & 1 ? "a" : "")).join("."),
  );
  const wide = wildcards.map((uri) => grantOf("all", "wamp.call", uri, "wildcard"));
  const impossible = ["a.#", "x".repeat(1_025), Array.from({ length: 70 }, () => "a").join(".")];
  const rig = new GuardRig(
    rulesOf([
      ...wide,
      grantOf("all", "wamp.call", "b"),
      ...impossible.map((uri) => grantOf("all", "wamp.call", uri)),
    ]),
  );
  const peer = rig.join();
  assert.equal(rig.call(peer, wildcards.at(-1)!.replaceAll(/(^|(?<=\.))(?=\.|$)/g, "a")), Verdict.refused);
  assert.equal(rig.call(peer, "b"), Verdict.allowed);
});

test("matches go where they are told, and one too many is said", () => {
  const rig = new GuardRig(null);
  const { index } = rig.patterns;
  const handles = ["", "a", "a.", "a.b"].map((uri) => index.insertText(9, Match.prefix, uri));
  const out = rig.codec.core.reserve(16);
  const length = index.put("a.b.c");
  assert.equal(index.matchInto(9, Address.text, length, out, 4), 4);
  assert.deepEqual([...new Uint32Array(rig.codec.core.bytes.buffer, out, 4)], handles);
  assert.equal(index.matchInto(9, Address.text, length, out, 3), 4);
  assert.equal(index.matchInto(8, Address.text, length, out, 3), 0);
});

test("a session without access control stays without, and one whose control is switched on loses its freedom", () => {
  const rig = new GuardRig(null);
  const peer = rig.join();
  assert.equal(peer.access, null);
  rig.rules = rulesOf([]);
  rig.parts.access.expire(new Set(["realm1"]), [peer]);
  assert.equal(rig.call(peer, "a.b"), Verdict.refused);
  rig.rules = null;
  rig.parts.access.expire(new Set(["realm1"]), [peer]);
  assert.equal(rig.call(peer, "a.b"), Verdict.allowed);
  assert.equal(peer.access, null);
});
