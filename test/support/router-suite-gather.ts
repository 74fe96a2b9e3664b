/** Sharded registration, calls to all callees: their answers gathered in one RESULT, across serializers and whatever goes wrong. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { otherSerializers, type Suite, type World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const canceled = "wamp.error.canceled";
export const allOf = { runmode: "all" };

export interface GroupCall {
  readonly caller: Wire;
  readonly callees: readonly Wire[];
  readonly call: number;
  /** The callees' invocation ids. */
  readonly invocations: readonly number[];
}

/** A call that all its callees have, unanswered. Their serializers differ; `roles` is for those whose place it has. */
export async function callAll(
  world: World,
  options: Dict = {},
  count = 3,
  roles: readonly (Dict | undefined)[] = [],
): Promise<GroupCall> {
  const caller = await world.join();
  const serializers = [world.leg.serializer, ...otherSerializers(world.leg.serializer)];
  const callees: Wire[] = [];
  for (let i = 0; i < count; i++) {
    const role = roles[i];
    const serializer = serializers[i % serializers.length]!;
    const wire = await world.join(role === undefined ? { serializer } : { serializer, roles: role });
    await wire.register("com.proc", { invoke: "all" });
    callees.push(wire);
  }
  return { caller, callees, ...(await callAgain(caller, callees, options)) };
}

export async function callAgain(
  caller: Wire,
  callees: readonly Wire[],
  options: Dict = {},
): Promise<Pick<GroupCall, "call" | "invocations">> {
  const call = caller.call("com.proc", options, ["question"], { k: 1 });
  const invocations: number[] = [];
  for (const callee of callees) {
    const { request, details, payload } = await callee.invocation();
    assert.deepEqual(payload, [["question"], { k: 1 }]);
    assert.deepEqual(details, options["yields"] === "progressive" ? { receive_progress: true } : {});
    invocations.push(request);
  }
  return { call, invocations };
}

export const fail = (callee: Wire, invocation: number, uri: string, ...payload: unknown[]): void =>
  callee.send([Message.error, Message.invocation, invocation, {}, uri, ...payload]);

/** ERROR of a callee's part that the router made: its URI and one text for people. */
export function assertMade(entry: unknown, uri: string): void {
  const { error, args, ...rest } = entry as { error: string; args: unknown[] };
  assert.deepEqual([error, args.length, rest], [uri, 1, {}], JSON.stringify(entry));
  assert.equal(typeof args[0], "string");
}

export function gatherSuite(suite: Suite): void {
  gathering(suite);
  gatheringErrors(suite);
  refusing(suite);
}

function gathering(suite: Suite): void {
  suite.test(
    "[R-09] a call to all callees: one RESULT with their answers in order of registration",
    async (world) => {
      for (const options of [{}, allOf, { yields: "gather" }, { ...allOf, yields: null }]) {
        const { caller, callees, call, invocations } = await callAll(world, options, 4);
        callees[3]!.yield(invocations[3]!, {}, [], { only: "kwargs" });
        callees[1]!.yield(invocations[1]!);
        callees[0]!.yield(invocations[0]!, {}, [1, [2, { a: null }], "ü", 1.5]);
        await caller.expectQuiet();
        callees[2]!.yield(invocations[2]!, {}, ["both"], { x: [true] });
        await caller.expect([
          Message.result,
          call,
          {},
          [
            { args: [1, [2, { a: null }], "ü", 1.5] },
            { args: [] },
            { args: ["both"], kwargs: { x: [true] } },
            { args: [], kwargs: { only: "kwargs" } },
          ],
        ]);
        await caller.expectQuiet();
        for (const callee of callees) callee.close();
        await until("they are gone", () => world.router.stats().registrations === 0);
      }
    },
  );

  suite.test(
    "[R-09] runmode all reaches every callee of a registration, whatever its policy",
    async (world) => {
      const caller = await world.join();
      for (const invoke of ["single", "first", "roundrobin"]) {
        const wires = await world.joinMany(invoke === "single" ? 1 : 3);
        for (const wire of wires) await wire.register(`com.${invoke}`, { invoke });
        const call = caller.call(`com.${invoke}`, allOf);
        for (const [i, wire] of wires.entries()) wire.yield((await wire.invocation()).request, {}, [i]);
        await caller.expect([Message.result, call, {}, wires.map((_, i) => ({ args: [i] }))]);
      }
    },
  );

  suite.test("[R-09] gathered payloads are the callees' values in the caller's serializer", async (world) => {
    const { caller, callees, call, invocations } = await callAll(world);
    const values = [
      Uint8Array.of(0, 255, 7),
      2n ** 64n - 1n,
      -(2 ** 53),
      0.1,
      "x".repeat(300),
      null,
      { "": [] },
    ];
    for (const [i, callee] of callees.entries()) callee.yield(invocations[i]!, {}, values, { values });
    await caller.expect([
      Message.result,
      call,
      {},
      callees.map(() => ({ args: values, kwargs: { values } })),
    ]);
  });

  suite.test("[R-09] an opaque payload is gathered with what says how to read it", async (world) => {
    const { caller, callees, call, invocations } = await callAll(world, {}, 2);
    const opaque = { enc_algo: "x_custom", enc_serializer: "cbor" };
    callees[0]!.yield(invocations[0]!, opaque, [Uint8Array.of(1, 2)]);
    fail(callees[1]!, invocations[1]!, "com.plain");
    await caller.expect([
      Message.result,
      call,
      {},
      [
        { args: [Uint8Array.of(1, 2)], details: opaque },
        { error: "com.plain", args: [] },
      ],
    ]);
  });

  suite.test("[R-09] many callees are gathered, more than a short list holds", async (world) => {
    const count = 40;
    const { caller, callees, call, invocations } = await callAll(world, {}, count);
    for (let i = count - 1; i >= 0; i--) callees[i]!.yield(invocations[i]!, {}, [i]);
    await caller.expect([Message.result, call, {}, Array.from({ length: count }, (_, i) => ({ args: [i] }))]);
  });

  suite.test("[R-09] a caller may be one of the callees", async (world) => {
    const { caller, callees } = await callAll(world, {}, 1);
    await caller.register("com.proc", { invoke: "all" });
    const { call, invocations } = await callAgain(caller, [callees[0]!, caller]);
    caller.yield(invocations[1]!, {}, ["mine"]);
    callees[0]!.yield(invocations[0]!, {}, ["theirs"]);
    await caller.expect([Message.result, call, {}, [{ args: ["theirs"] }, { args: ["mine"] }]]);
  });

  suite.test(
    "[R-09] a caller has one call in flight, and its id is taken until the call ends",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world);
      caller.send([Message.call, call, allOf, "com.proc"]);
      await caller.expectError(Message.call, call, "wamp.error.invalid_argument");
      for (const [i, callee] of callees.entries()) callee.yield(invocations[i]!);
      await caller.expect([Message.result, call, {}, callees.map(() => ({ args: [] }))]);
      caller.send([Message.cancel, call, {}]);
      await caller.expectQuiet();
      for (const callee of callees) await callee.expectQuiet();
    },
  );
}

function gatheringErrors(suite: Suite): void {
  suite.test(
    "[R-09] callees that fail are entries of the RESULT while one of them has not",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world);
      fail(callees[0]!, invocations[0]!, "com.broken", ["why"], { code: 7 });
      fail(callees[2]!, invocations[2]!, "no uri at all");
      callees[1]!.yield(invocations[1]!, {}, ["well"]);
      await caller.expect([
        Message.result,
        call,
        {},
        [
          { error: "com.broken", args: ["why"], kwargs: { code: 7 } },
          { args: ["well"] },
          { error: "wamp.error.invalid_uri", args: [] },
        ],
      ]);
    },
  );

  suite.test(
    "[R-09] when every callee fails: ERROR with the URI of the first in order, and all of them",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world);
      for (const i of [2, 0, 1]) fail(callees[i]!, invocations[i]!, `com.error${i}`, [i]);
      await caller.expect([
        Message.error,
        Message.call,
        call,
        {},
        "com.error0",
        [0, 1, 2].map((i) => ({ error: `com.error${i}`, args: [i] })),
      ]);
    },
  );

  suite.test(
    "[R-09] an answer that the caller's serializer cannot say is that callee's error",
    async (world) => {
      const { callees, invocations, ...rest } = await callAll(world);
      const { caller, call } = rest;
      const binary = callees.findIndex((callee) => callee.serializer === Serializer.cbor);
      for (const [i, callee] of callees.entries())
        callee.yield(invocations[i]!, {}, [i === binary ? Number.NaN : i]);
      const [type, request, , entries] = await caller.next();
      assert.deepEqual([type, request], [Message.result, call]);
      for (const [i, entry] of (entries as unknown[]).entries()) {
        if (i === binary && caller.serializer === Serializer.json)
          assertMade(entry, "wamp.error.invalid_payload");
        else assert.deepEqual(entry, { args: [i === binary ? Number.NaN : i] });
      }
    },
  );

  suite.test(
    "[R-09] a callee that leaves counts as canceled, one that unregisters may still answer",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world);
      callees[0]!.close();
      await until("it is gone", () => world.router.stats().registrations === 2);
      const other = await world.join();
      const registration = await other.register("com.proc", { invoke: "all" });
      await callees[1]!.unregister(registration);
      callees[1]!.yield(invocations[1]!, {}, ["last"]);
      await callees[2]!.leave();
      const [, request, , entries] = await caller.next();
      const [gone, answered, left] = entries as unknown[];
      assert.equal(request, call);
      assertMade(gone, canceled);
      assert.deepEqual(answered, { args: ["last"] });
      assertMade(left, canceled);
      // Who came later is not asked.
      await other.expectQuiet();
    },
  );

  suite.test("[R-09] when all callees leave: ERROR canceled, once", async (world) => {
    const { caller, callees, call } = await callAll(world);
    for (const callee of callees) callee.close();
    const [type, , request, , uri, entries] = await caller.next();
    assert.deepEqual([type, request, uri], [Message.error, call, canceled]);
    for (const entry of entries as unknown[]) assertMade(entry, canceled);
    assert.equal((entries as unknown[]).length, 3);
    await caller.expectQuiet();
  });
}

function refusing(suite: Suite): void {
  suite.test(
    "[R-09] options that a call to all callees cannot have are refused, and nobody is called",
    async (world) => {
      const roles = { caller: { features: { progressive_call_invocations: true } } };
      const [caller, callee] = [await world.join({ roles }), await world.join()];
      await callee.register("com.proc", { invoke: "all" });
      for (const [options, uri, says] of [
        [{ yields: "some" }, "wamp.error.invalid_argument", /"yields"/],
        [{ yields: 1 }, "wamp.error.invalid_argument", /"yields"/],
        [{ yields: "progressive" }, "wamp.error.invalid_argument", /"receive_progress"/],
        [{ progress: true }, "wamp.error.feature_not_supported", /./],
      ] as const) {
        const call = caller.call("com.proc", { ...options, runmode: "all" });
        const [, , request, , error, args] = await caller.next();
        assert.deepEqual([request, error], [call, uri], JSON.stringify(options));
        assert.match(String((args as unknown[])[0]), says);
      }
      await callee.expectQuiet();
    },
  );

  suite.test("[R-09 R-05] a caller is disclosed to all callees, where it asks for it", async (world) => {
    const { caller, callees } = await callAll(world);
    const call = caller.call("com.proc", { ...allOf, disclose_me: true });
    for (const callee of callees) {
      const { request, details } = await callee.invocation();
      assert.equal(details["caller"], caller.id);
      callee.yield(request);
    }
    await caller.expect([Message.result, call, {}, callees.map(() => ({ args: [] }))]);
  });

  suite.testWith(
    "[R-09 R-05] a realm that discloses nobody refuses such a call to all callees",
    { realms: [{ uri: "realm1", allowDisclosure: false }] },
    async (world) => {
      const { caller, callees } = await callAll(world);
      const call = caller.call("com.proc", { ...allOf, disclose_me: true });
      await caller.expectError(Message.call, call, "wamp.error.option_disallowed.disclose_me");
      for (const callee of callees) await callee.expectQuiet();
    },
  );
}
