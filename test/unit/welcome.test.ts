import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SessionId } from "../../src/base/ids.ts";
import { fixedLimits, limitsFrom } from "../../src/base/limits.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { routerRoles } from "../../src/protocol/features.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { WelcomeTemplate } from "../../src/protocol/welcome-template.ts";
import { Outbox } from "../../src/session/outbox.ts";
import { Welcomes } from "../../src/session/welcomes.ts";
import { openCodec } from "../support/codec.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

const serializers = [Serializer.json, Serializer.msgpack, Serializer.cbor] as const;
const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

function written(template: WelcomeTemplate, session: number, authid: string): Uint8Array {
  const room = new Uint8Array(template.room(authid.length));
  return room.slice(0, template.write(room, session, authid));
}

test("WELCOME from a template is what the encoder makes of the same details, authid last", () => {
  const details = { realm: "realm1", authrole: 'a "role"', roles: routerRoles, agent: "spanwire" };
  for (const serializer of serializers) {
    const template = new WelcomeTemplate(serializer, details);
    const property = fc.property(
      fc.integer({ min: 2 ** 32, max: 2 ** 53 }),
      fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ minLength: 20, maxLength: 40 })),
      (session, authid) => {
        const whole = encodeMessage(serializer, [Message.welcome, session, { ...details, authid }]);
        assert.deepEqual(written(template, session, authid), whole);
      },
    );
    fc.assert(property, { seed, numRuns: 200 });
  }
});

test("an id that needs few bytes is the same integer", () => {
  for (const serializer of serializers)
    for (const session of [1, 255, 65_536, 2 ** 32 - 1]) {
      const template = new WelcomeTemplate(serializer, { realm: "realm1" });
      const message = decodeMessage(serializer, written(template, session, "somebody"));
      assert.deepEqual(message, [Message.welcome, session, { realm: "realm1", authid: "somebody" }]);
    }
});

test("an authid that is no well-formed text is repaired, and a long one has its length", () => {
  for (const serializer of serializers)
    for (const authid of ["\ud800 alone", "x".repeat(21_845), "ü".repeat(300)]) {
      const template = new WelcomeTemplate(serializer, {});
      const [, , details] = decodeMessage(serializer, written(template, 7, authid));
      assert.deepEqual(details, { authid: authid.replace("\ud800", "\ufffd") });
    }
});

function setUp(): Welcomes {
  const codec = openCodec();
  const [scheduler, limits, metrics] = [new VirtualScheduler(), limitsFrom({}), new Metrics()];
  const outbox = new Outbox({ codec, scheduler, limits, metrics, policy: "drop-newest" });
  return new Welcomes({ codec, outbox, agent: "spanwire/test" });
}

const who = { authid: "joe", authrole: "user", authmethod: "ticket", authprovider: "static" };

test("sessions of one kind share what they are told, and those of another are told their own", () => {
  const welcomes = setUp();
  const told = (serializer: Serializer, realm: string, authrole: string, authid: string): void => {
    const identity = { ...who, authid, authrole };
    const { bytes } = welcomes.plain({ serializer }, 5 as SessionId, realm, identity);
    const [type, session, details] = decodeMessage(serializer, bytes);
    assert.deepEqual([type, session], [Message.welcome, 5]);
    assert.deepEqual(details, welcomes.details(realm, identity, undefined));
  };
  for (let round = 0; round < 2; round++)
    for (const serializer of serializers)
      for (const realm of ["realm1", "realm2"])
        for (const role of ["user", "admin", "user,admin"]) told(serializer, realm, role, `${role} ${round}`);
  assert.equal(welcomes.count, 3 * 2 * 3);
});

test("kinds beyond the bound push out those before them", () => {
  const welcomes = setUp();
  for (let i = 0; i <= fixedLimits.welcomeTemplates_max; i++) {
    const identity = { ...who, authrole: `role${i}` };
    welcomes.plain({ serializer: Serializer.cbor }, 1 as SessionId, "realm1", identity);
    assert.ok(welcomes.count <= fixedLimits.welcomeTemplates_max);
  }
  assert.equal(welcomes.count, 1);
});

test("who has a long name, or is told more, is not one of a kind", () => {
  const welcomes = setUp();
  assert.ok(welcomes.isPlain(who, undefined));
  assert.ok(!welcomes.isPlain(who, {}));
  assert.ok(!welcomes.isPlain({ ...who, authid: "x".repeat(1_024) }, undefined));
  assert.deepEqual(welcomes.details("realm1", who, { more: 1 })["authextra"], { more: 1 });
});
