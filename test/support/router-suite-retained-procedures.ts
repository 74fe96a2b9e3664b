/** The router's procedures about retained events: looked at, counted and deleted by topic. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import type { Dict, Wire } from "./wire.ts";

const retain = { retain: true };

/** Positional results of a CALL that succeeds. */
export async function results(wire: Wire, procedure: string, ...payload: unknown[]): Promise<unknown[]> {
  const request = wire.call(procedure, {}, ...payload);
  const [type, answered, details, args = [], ...rest] = await wire.next();
  assert.deepEqual([type, answered, details, rest], [Message.result, request, {}, []]);
  return args as unknown[];
}

export function retainedProcedureSuite(suite: Suite): void {
  suite.test(
    "[P-08] a retained event can be deleted by its topic, and is then sent to nobody",
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      await publisher!.publish("com.a", retain, [1]);
      await publisher!.publish("com.b", retain, [2]);
      assert.deepEqual(await results(wire!, "spanwire.retained.count"), [2]);
      assert.deepEqual(await results(wire!, "spanwire.retained.delete", ["com.a"]), [true]);
      assert.deepEqual(await results(wire!, "spanwire.retained.delete", ["com.a"]), [false]);
      assert.deepEqual(await results(wire!, "spanwire.retained.count"), [1]);
      await wire!.subscribe("com.a", { get_retained: true });
      await wire!.expectQuiet();
      // An empty payload is an event like any other.
      await publisher!.publish("com.b", retain);
      await wire!.subscribe("com.b", { get_retained: true });
      assert.deepEqual((await wire!.event()).payload, []);
    },
  );

  suite.test("[P-08] retained events can be looked at and listed without a subscription", async (world) => {
    const [publisher, wire] = await world.joinMany(2);
    for (const topic of ["com.a.x", "com.a.y", "com.b.x"]) await publisher!.publish(topic, retain, [topic]);
    const publication = await publisher!.publish("com.c", { ...retain, disclose_me: true }, [1], { k: 2 });
    const [found] = (await results(wire!, "spanwire.retained.get", ["com.c"])) as [Dict];
    const { timestamp, ...rest } = found;
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const { id, authid, authrole } = publisher!;
    const details = { publisher: id, publisher_authid: authid, publisher_authrole: authrole };
    assert.deepEqual(rest, { topic: "com.c", publication, details, args: [1], kwargs: { k: 2 } });
    assert.deepEqual(await results(wire!, "spanwire.retained.get", ["com.none"]), [null]);
    const list = async (...args: unknown[]) => (await results(wire!, "spanwire.retained.list", args))[0];
    assert.deepEqual(await list(), ["com.a.x", "com.a.y", "com.b.x", "com.c"]);
    assert.deepEqual(await list("com.a."), ["com.a.x", "com.a.y"]);
    assert.deepEqual(await list("com..x", { match: "wildcard" }), ["com.a.x", "com.b.x"]);
    assert.deepEqual(await list("", { limit: 1 }), ["com.a.x"]);
  });

  suite.test("[P-08] a caller sees no event that it would not have received", async (world) => {
    const [publisher, wire] = await world.joinMany(2);
    await publisher!.publish("com.a", { ...retain, exclude: [wire!.id] }, ["secret"]);
    assert.deepEqual(await results(wire!, "spanwire.retained.get", ["com.a"]), [null]);
    assert.deepEqual(await results(wire!, "spanwire.retained.list"), [[]]);
  });

  suite.test(
    "[P-08] malformed arguments of these procedures are refused with invalid_argument",
    async (world) => {
      const wire = await world.join();
      const refused: readonly [string, readonly unknown[]][] = [
        ["spanwire.retained.get", []],
        ["spanwire.retained.get", [7]],
        ["spanwire.retained.delete", [["com.a"]]],
        ["spanwire.retained.list", [1]],
        ["spanwire.retained.list", ["com", "prefix"]],
        ["spanwire.retained.list", ["com", { match: "suffix" }]],
        ["spanwire.retained.list", ["com", { limit: 0 }]],
      ];
      for (const [procedure, args] of refused)
        await wire.expectError(Message.call, wire.call(procedure, {}, args), "wamp.error.invalid_argument");
    },
  );
}
