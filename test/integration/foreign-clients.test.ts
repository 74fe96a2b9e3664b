// Clients that others wrote, through the real command: every pair of client and serializer talks to every other one.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import {
  type ForeignClient,
  ForeignError,
  type ForeignKind,
  type Lacks,
  type Payload,
  payload,
  type SerializerName,
} from "../support/foreign.ts";
import { autobahnKind } from "../support/foreign-autobahn.ts";
import { Events } from "../support/foreign-events.ts";
import { spanwireKind } from "../support/foreign-spanwire.ts";
import { wampyKind } from "../support/foreign-wampy.ts";
import { type RunningRouter, startRouter } from "../support/router.ts";

interface Speaker {
  readonly name: string;
  readonly lacks: Lacks;
  readonly foreign: boolean;
  connect(): Promise<ForeignClient>;
}

let router: RunningRouter;
const open: ForeignClient[] = [];

before(async () => {
  router = await startRouter();
});
after(async () => {
  for (const client of open.splice(0)) await client.close();
  assert.equal(await router.stop(), 0);
});

const speakers: readonly Speaker[] = [autobahnKind, wampyKind, spanwireKind].flatMap((kind) => [
  ...kind.serializers.map((serializer) => speaker(kind, serializer, "WebSocket")),
  ...kind.rawsocketSerializers.map((serializer) => speaker(kind, serializer, "RawSocket")),
]);

/** Each speaker has two sessions for the whole file, so that a pair of equals is two sessions as well. */
function speaker(
  kind: ForeignKind,
  serializer: SerializerName,
  transport: "WebSocket" | "RawSocket",
): Speaker {
  return {
    name: `${kind.name} ${serializer}${transport === "WebSocket" ? "" : " over RawSocket"}`,
    lacks: kind.lacks,
    foreign: kind !== spanwireKind,
    connect: async () => {
      const url = transport === "WebSocket" ? router.url : router.rawsocketUrl;
      const client = await kind.connect({ url, realm: router.realm, serializer });
      open.push(client);
      return client;
    },
  };
}

const named = (name: string): Speaker => speakers.find((one) => one.name === name)!;

const sessions = new Map<string, Promise<ForeignClient>>();
function session(of: Speaker, which: "first" | "second"): Promise<ForeignClient> {
  const key = `${of.name} ${which}`;
  const given = sessions.get(key) ?? of.connect();
  sessions.set(key, given);
  return given;
}

/** Ours against ours proves nothing. */
const pairs = speakers.flatMap((a) =>
  speakers.filter((b) => a.foreign || b.foreign).map((b) => [a, b] as const),
);

let uriCount = 0;
/** A URI that nobody has used before, in the strict spelling that some clients insist on. */
const freshUri = (): string => `com.example.u${++uriCount}`;

/** Values that all the clients' own decoders can represent. */
const values = [
  0,
  1,
  -1,
  127,
  128,
  65_536,
  2 ** 31,
  2 ** 40,
  -(2 ** 35),
  1.5,
  "",
  'ü€😀\n"\\',
  true,
  false,
  null,
];
const rich = payload([...values, [[], [1, [2]]], { a: { b: [] } }], { k: "v", deep: { list: [1, 2, 3] } });

/** Plain data: some decoders make objects of classes of their own, and bigints where a number would do. */
const plain = (given: Payload): unknown =>
  JSON.parse(
    JSON.stringify(given, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)),
  );
const same = (actual: Payload, expected: Payload, what: string): void =>
  assert.deepEqual(plain(actual), plain(expected), what);

const rejectsWith = (promise: Promise<unknown>, uri: string, given?: Payload): Promise<void> =>
  assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof ForeignError, String(error));
    assert.equal(error.uri, uri);
    if (given !== undefined) same(error.payload, given, "the error's payload");
    return true;
  });

const timeout = 30_000;

for (const [a, b] of pairs) {
  test(`${a.name} calls ${b.name}: [B-13 R-01] clients of others call each other: args, errors, progress`, {
    timeout,
  }, async () => {
    const caller = await session(a, "first");
    const callee = await session(b, "second");
    const uri = freshUri();
    const unregister = await callee.register(uri, async (given, { progress }) => {
      switch (given.args[0]) {
        case "fail":
          throw new ForeignError("com.example.error.too_bad", payload(["reason", 1], { detail: [true] }));
        case "steps":
          for (const step of [1, 2, 3]) progress(payload([step], { of: 3 }));
          return payload(["done"]);
        default:
          return given;
      }
    });
    same(await caller.call(uri, rich).result, rich, "args and kwargs");
    same(await caller.call(uri, payload([1])).result, payload([1]), "args alone");
    same(await caller.call(uri).result, payload(), "nothing");
    const kwargs = payload([], { only: "kwargs" });
    same(await caller.call(uri, kwargs).result, kwargs, "kwargs alone");
    await rejectsWith(
      caller.call(uri, payload(["fail"])).result,
      "com.example.error.too_bad",
      payload(["reason", 1], { detail: [true] }),
    );
    const steps: unknown[] = [];
    const result = await caller.call(uri, payload(["steps"]), (given) => steps.push(plain(given))).result;
    same(result, payload(["done"]), "the last result");
    assert.deepEqual(
      steps,
      [1, 2, 3].map((step) => plain(payload([step], { of: 3 }))),
    );
    await rejectsWith(
      callee.register(uri, () => payload()),
      "wamp.error.procedure_already_exists",
    ).catch(
      // wampy knows its own registrations and does not even ask.
      (error: unknown) => assert.match(String(error), /already registered/i),
    );
    await unregister();
    await rejectsWith(caller.call(uri).result, "wamp.error.no_such_procedure");
  });

  test(`${a.name} publishes to ${b.name}: [B-12 P-05] clients of others hear each other: exact and patterns`, {
    timeout,
  }, async () => {
    const publisher = await session(a, "first");
    const subscriber = await session(b, "second");
    const base = freshUri();
    const events = { exact: new Events(), prefix: new Events(), wildcard: new Events() };
    const unsubscribe = await subscriber.subscribe(`${base}.a.b`, events.exact.handler);
    const endPrefix = await subscriber.subscribe(`${base}.a`, events.prefix.handler, { match: "prefix" });
    const endWildcard = await subscriber.subscribe(`${base}..b`, events.wildcard.handler, {
      match: "wildcard",
    });

    await publisher.publish(`${base}.a.b`, rich);
    for (const kind of ["exact", "prefix", "wildcard"] as const) {
      const { given, topic } = await events[kind].next();
      same(given, rich, kind);
      assert.equal(topic, `${base}.a.b`, kind);
    }
    // Prefixes are prefixes of the text, not of the components.
    await publisher.publish(`${base}.abc`);
    const { given, topic } = await events.prefix.next();
    same(given, payload(), "an event with nothing in it");
    assert.equal(topic, `${base}.abc`);
    await publisher.publish(`${base}.x.b`, payload([], { only: "kwargs" }));
    assert.equal((await events.wildcard.next()).topic, `${base}.x.b`);

    await unsubscribe();
    await publisher.publish(`${base}.a.b`, payload(["last"]));
    same((await events.prefix.next()).given, payload(["last"]), "prefix");
    same((await events.wildcard.next()).given, payload(["last"]), "wildcard");
    assert.equal(events.exact.count + events.prefix.count + events.wildcard.count, 0);
    if (b.lacks.unsubscribePattern === undefined) {
      await endPrefix();
      await endWildcard();
      const fence = new Events();
      await subscriber.subscribe(base, fence.handler);
      await publisher.publish(`${base}.a.b`);
      await publisher.publish(base);
      await fence.next();
      assert.equal(events.prefix.count + events.wildcard.count, 0);
    }
  });
}

for (const one of speakers.filter((speaker) => speaker.foreign)) {
  test(`${one.name}: [P-02] a client is not sent its own event`, { timeout }, async () => {
    const client = await session(one, "first");
    const topic = freshUri();
    const [own, fence] = [new Events(), new Events()];
    await client.subscribe(topic, own.handler);
    await client.subscribe(`${topic}.fence`, fence.handler);
    await client.publish(topic, payload([1]));
    const other = await session(one, "second");
    await other.publish(`${topic}.fence`);
    await fence.next();
    assert.equal(own.count, 0);
  });

  const noExclusion = one.lacks.excludeMeFalse ?? false;
  test(`${one.name}: [P-02] a client is sent its own event where exclude_me is false`, {
    timeout,
    skip: noExclusion,
  }, async () => {
    const client = await session(one, "first");
    const topic = freshUri();
    const own = new Events();
    await client.subscribe(topic, own.handler);
    await client.publish(topic, payload([1]), { exclude_me: false });
    same((await own.next()).given, payload([1]), "its own event");
  });

  test(`${one.name}: [P-05] a client unsubscribes from a prefix`, {
    timeout,
    skip: one.lacks.unsubscribePattern ?? false,
  }, async () => {
    const client = await session(one, "first");
    const end = await client.subscribe(freshUri(), () => {}, { match: "prefix" });
    await end();
  });

  for (const mode of ["kill", "skip", "killnowait"] as const) {
    const skip = mode === "kill" ? false : (one.lacks.softCancel ?? false);
    test(`${one.name}: [R-04] a client cancels a call with ${mode}`, { timeout, skip }, async () => {
      const caller = await session(one, "first");
      const callee = await session(named("spanwire msgpack"), "second");
      const uri = freshUri();
      let started = (): void => {};
      const running = new Promise<void>((resolve) => {
        started = resolve;
      });
      let wasInterrupted = false;
      let finish = (): void => {};
      let end = (): void => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const unregister = await callee.register(uri, async (_, { interrupted }) => {
        started();
        const finished = new Promise<void>((resolve) => {
          finish = resolve;
        });
        await Promise.race([interrupted.then(() => (wasInterrupted = true)), finished]);
        end();
        if (wasInterrupted) throw new ForeignError("wamp.error.canceled", payload(["stopped"]));
        return payload();
      });
      const call = caller.call(uri);
      await running;
      call.cancel(mode);
      // With `kill` the callee's own answer is the caller's; otherwise the router answers.
      await rejectsWith(
        call.result,
        "wamp.error.canceled",
        mode === "kill" ? payload(["stopped"]) : undefined,
      );
      // INTERRUPT may come behind the caller's answer, where the callee is another worker's.
      if (mode === "skip") finish();
      await ended;
      await unregister();
      assert.equal(wasInterrupted, mode !== "skip");
      // The session has survived it, on both sides.
      await caller.publish(freshUri());
      await callee.publish(freshUri());
    });
  }

  test(`${one.name}: [R-04] a call is canceled without its callee's help`, { timeout }, async () => {
    const callee = await session(one, "second");
    const caller = await session(named("spanwire json"), "first");
    const uri = freshUri();
    let started = (): void => {};
    let finish = (): void => {};
    const unregister = await callee.register(uri, async () => {
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      started();
      await finished;
      return payload(["too late"]);
    });
    for (const mode of ["skip", "kill", "killnowait"] as const) {
      const running = new Promise<void>((resolve) => {
        started = resolve;
      });
      const call = caller.call(uri);
      await running;
      call.cancel(mode);
      await rejectsWith(call.result, "wamp.error.canceled");
      finish();
    }
    await unregister();
    await callee.publish(freshUri());
  });
}

test("[R-08] a shared registration gives each callee the same number of calls", { timeout }, async () => {
  const uri = freshUri();
  const callees = await Promise.all(speakers.map((one) => session(one, "first")));
  const counts = callees.map(() => 0);
  const unregister: (() => Promise<void>)[] = [];
  for (const [index, callee] of callees.entries()) {
    const procedure = (): Payload => {
      counts[index]!++;
      return payload([index]);
    };
    unregister.push(await callee.register(uri, procedure, { invoke: "roundrobin" }));
  }
  const caller = await session(speakers[0]!, "second");
  const answers: unknown[] = [];
  for (let i = 0; i < 3 * callees.length; i++) answers.push((await caller.call(uri).result).args[0]);
  assert.deepEqual(
    counts,
    callees.map(() => 3),
  );
  // Round robin: every stretch of as many calls as callees has all of them.
  for (let i = 0; i < 3; i++) {
    assert.equal(new Set(answers.slice(i * callees.length, (i + 1) * callees.length)).size, callees.length);
  }
  for (const end of unregister) await end();
  await rejectsWith(caller.call(uri).result, "wamp.error.no_such_procedure");
});

test("[T-10 T-11 T-12] one publication reaches all clients in all serializers", { timeout }, async () => {
  const topic = freshUri();
  const received = speakers.map(() => new Events());
  for (const [index, one] of speakers.entries()) {
    const client = await session(one, "second");
    await client.subscribe(topic, received[index]!.handler);
  }
  for (const one of speakers) {
    const publisher = await session(one, "first");
    await publisher.publish(topic, payload([one.name], rich.kwargs));
    for (const [index, events] of received.entries()) {
      const { given } = await events.next();
      same(given, payload([one.name], rich.kwargs), `${one.name} to ${speakers[index]!.name}`);
    }
  }
});

test("[R-07] prefix and wildcard registrations tell every client which procedure was called", {
  timeout,
}, async () => {
  for (const one of speakers) {
    const callee = await session(one, "second");
    const base = freshUri();
    const answer = (_: Payload, { procedure }: { readonly procedure: string }): Payload =>
      payload([procedure]);
    await callee.register(`${base}.p`, answer, { match: "prefix" });
    await callee.register(`${base}..w`, answer, { match: "wildcard" });
    const caller = await session(speakers[0]!, "first");
    for (const called of [`${base}.p.x`, `${base}.pq`, `${base}.any.w`]) {
      same(await caller.call(called).result, payload([called]), `${one.name} ${called}`);
    }
  }
});

test("undefined, which some clients have a way to write, arrives as null", { timeout }, async () => {
  for (const one of [named("wampy msgpack"), named("wampy cbor"), named("autobahn cbor")]) {
    const publisher = await session(one, "first");
    const topic = freshUri();
    for (const other of ["autobahn json", "spanwire msgpack", "wampy cbor"]) {
      const events = new Events();
      const subscriber = await session(named(other), "second");
      const unsubscribe = await subscriber.subscribe(topic, events.handler);
      await publisher.publish(topic, payload([undefined, 1], { gone: undefined }));
      const { given } = await events.next();
      same(payload([given.args[0] ?? null, given.args[1]]), payload([null, 1]), `${one.name} to ${other}`);
      await unsubscribe();
    }
  }
});
