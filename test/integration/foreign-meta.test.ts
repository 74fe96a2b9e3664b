// The router's own procedures and events as clients that others wrote see them: over the wire, in every serializer they have.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { createRouter, type Router } from "../../src/main.ts";
import {
  type ForeignClient,
  ForeignError,
  type ForeignKind,
  payload,
  type SerializerName,
} from "../support/foreign.ts";
import { autobahnKind } from "../support/foreign-autobahn.ts";
import { Events } from "../support/foreign-events.ts";
import { wampyKind } from "../support/foreign-wampy.ts";
import { until } from "../support/wire.ts";

const realm = "realm1";
/** A client that answers GOODBYE is gone long before; one that does not is not, while the test waits. */
const limits = { goodbye_ms: 60_000 };

let router: Router;
before(async () => {
  router = await createRouter({
    realms: [{ uri: realm, allowKill: true, allowDisclosure: true }],
    websocket: { port: 0 },
    rawsocket: { port: 0 },
    limits,
  });
});
after(async () => {
  assert.equal(router.stats().sessions, 0, "sessions were left behind");
  await router.close();
});

/** Plain data: some decoders make bigints where a number would do, and objects of classes of their own. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? Number(item) : item)));

/** The only positional result; null where the client has no way to tell it from none. */
async function ask(client: ForeignClient, uri: string, args: unknown[] = [], kwargs = {}): Promise<unknown> {
  const { args: results } = await client.call(uri, payload(args, kwargs)).result;
  return plain(results[0] ?? null);
}

const rejectsWith = (promise: Promise<unknown>, uri: string): Promise<void> =>
  assert.rejects(promise, (error: unknown) => error instanceof ForeignError && error.uri === uri);

const ways: readonly (readonly [ForeignKind, SerializerName, "websocket" | "rawsocket"])[] = [
  autobahnKind,
  wampyKind,
].flatMap((kind) => [
  ...kind.serializers.map((serializer) => [kind, serializer, "websocket"] as const),
  ...kind.rawsocketSerializers.map((serializer) => [kind, serializer, "rawsocket"] as const),
]);

for (const [kind, serializer, transport] of ways) {
  const join = (): Promise<ForeignClient> =>
    kind.connect({ url: router.listeners[transport === "websocket" ? 0 : 1]!.url, realm, serializer });
  const name = `${kind.name} in ${serializer} over ${transport}`;
  const options = { timeout: 30_000 };

  test(`[S-01 S-04] ${name}: who is there, who comes and goes`, options, async () => {
    const client = await join();
    const [joined, left] = [new Events(), new Events()];
    await client.subscribe("wamp.session.on_join", joined.handler);
    await client.subscribe("wamp.session.on_leave", left.handler);
    const other = await join();
    const details = plain((await joined.next()).given.args[0]) as Record<string, unknown>;
    const id = Number(other.sessionId);
    assert.equal(details["session"], id);
    assert.equal(await ask(client, "wamp.session.count"), 2);
    const ids = (await ask(client, "wamp.session.list")) as number[];
    assert.deepEqual(new Set(ids), new Set([Number(client.sessionId), id]));
    assert.deepEqual(await ask(client, "wamp.session.get", [id]), details);
    await rejectsWith(ask(client, "wamp.session.get", [1]), "wamp.error.no_such_session");
    await other.close();
    const gone = plain((await left.next()).given.args);
    assert.deepEqual(gone, [id, details["authid"], details["authrole"]]);
    await client.close();
  });

  test(`[R-13 P-11] ${name}: what is registered and subscribed to`, options, async () => {
    const client = await join();
    for (const [noun, members, begin] of [
      ["registration", "callees", () => client.register("com.own", () => payload())],
      ["subscription", "subscribers", () => client.subscribe("com.own", () => {})],
    ] as const) {
      const end = await begin();
      const id = (await ask(client, `wamp.${noun}.lookup`, ["com.own"])) as number;
      const found = await ask(client, `wamp.${noun}.match`, ["com.own"]);
      assert.deepEqual(found, noun === "registration" ? id : [id]);
      const details = (await ask(client, `wamp.${noun}.get`, [id])) as Record<string, unknown>;
      assert.deepEqual([details["id"], details["uri"], details["match"]], [id, "com.own", "exact"]);
      assert.ok(Math.abs(Date.parse(String(details["created"])) - Date.now()) < 60_000);
      const lists = { exact: [id], prefix: [], wildcard: [] };
      assert.deepEqual(await ask(client, `wamp.${noun}.list`), lists);
      assert.deepEqual(await ask(client, `wamp.${noun}.list_${members}`, [id]), [Number(client.sessionId)]);
      assert.equal(await ask(client, `wamp.${noun}.count_${members}`, [id]), 1);
      await end();
      assert.equal(await ask(client, `wamp.${noun}.lookup`, ["com.own"]), null);
      assert.equal(await ask(client, `wamp.${noun}.match`, ["com.own"]), null);
    }
    await client.close();
  });

  test(`[S-02 P-10] ${name}: is killed, answers, and its testament is published`, options, async () => {
    const [client, other] = [await join(), await join()];
    const wills = new Events();
    await client.subscribe("com.will", wills.handler);
    await ask(other, "wamp.session.add_testament", ["com.will", ["gone"], { who: "me" }]);
    const kwargs = { reason: "com.enough", message: "go" };
    await ask(client, "wamp.session.kill", [other.sessionId], kwargs);
    const { given } = await wills.next();
    assert.deepEqual(plain(given), plain(payload(["gone"], { who: "me" })));
    await until("it has answered and is gone", () => router.connectionCount === 1);
    await client.close();
  });

  test(`[R-10 P-09] ${name}: loses a registration and a subscription, and lives on`, options, async () => {
    const [client, other] = [await join(), await join()];
    await other.register("com.taken", () => payload([1]));
    const events = new Events();
    await other.subscribe("com.taken", events.handler);
    const registration = await ask(client, "wamp.registration.lookup", ["com.taken"]);
    const subscription = await ask(client, "wamp.subscription.lookup", ["com.taken"]);
    const reason = { reason: "moving" };
    await ask(client, "wamp.registration.remove_callee", [registration, other.sessionId], reason);
    await ask(client, "wamp.subscription.remove_subscriber", [subscription, other.sessionId], reason);
    await rejectsWith(client.call("com.taken").result, "wamp.error.no_such_procedure");
    await client.publish("com.taken");
    const fence = new Events();
    await other.subscribe("com.fence", fence.handler);
    await client.publish("com.fence");
    await fence.next();
    assert.equal(events.count, 0);
    await other.close();
    await client.close();
  });

  test(`[R-12 P-12] ${name}: describes, and reads what others have described`, options, async () => {
    const [client, other] = [await join(), await join()];
    const defined = new Events();
    await client.subscribe("wamp.reflect.on_define", defined.handler);
    const description = { summary: "Adds", args: ["a: int"] };
    await ask(other, "wamp.reflect.define", ["com.add", "procedure", description]);
    const [session, told] = plain((await defined.next()).given.args) as unknown[];
    assert.deepEqual(
      [session, told],
      [Number(other.sessionId), { uri: "com.add", type: "procedure", description }],
    );
    assert.deepEqual(await ask(client, "wamp.reflection.procedure.describe", ["com.add"]), description);
    const procedures = (await ask(client, "wamp.reflection.procedure.list")) as string[];
    assert.ok(procedures.includes("com.add") && procedures.includes("wamp.session.count"));
    await other.close();
    await client.close();
  });
}
