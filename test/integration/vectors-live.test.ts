/**
 * The specification's vectors over live sockets: what they send to a router is sent to one, valid and invalid, in each
 * serializer and to realms of both profiles; and the multisession scenario step by step.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createRouter } from "../../src/main.ts";
import { decodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { tcpLeg, webSocketLegs } from "../support/router-legs.ts";
import { type Leg, World } from "../support/router-suite.ts";
import type { Dict, Wire } from "../support/wire.ts";

const vectors = join(fileURLToPath(new URL("../../..", import.meta.url)), "..", "shared", "vectors");
const skip = existsSync(vectors) ? {} : { skip: "the specification's vectors are not in ../shared/vectors" };

interface Sample {
  readonly description: string;
  readonly test_category?: string;
  readonly wmsg?: readonly unknown[];
  readonly expected_error?: { readonly type: string; readonly contains: string };
  readonly serializers?: Readonly<Record<string, readonly { readonly bytes_hex: string }[]>>;
  readonly expected_attributes?: Dict;
}
interface Scenario {
  readonly sequence: readonly { readonly from: string; readonly message: Dict & { readonly type: string } }[];
}

const readVectors = <T>(path: string): T => JSON.parse(readFileSync(join(vectors, path), "utf8")) as T;
const samplesOf = (name: string): readonly Sample[] =>
  readVectors<{ samples: readonly Sample[] }>(`singlemessage/${name}.json`).samples;

const legs: readonly Leg[] = [
  // The last adapter of a runtime always loads.
  ...Object.values(Serializer).map((serializer) => webSocketLegs(serializer).at(-1)!),
  tcpLeg(Serializer.msgpack),
];

const profiles = ["compat", "strict"] as const;
type Profile = (typeof profiles)[number];

/** The realm of the vectors' HELLO. */
const vectorRealm = "com.example.realm";

async function withWorld(leg: Leg, profile: Profile, body: (world: World) => Promise<void>): Promise<void> {
  const router = await createRouter({
    ...leg.listen,
    realms: ["realm1", vectorRealm].map((uri) => ({ uri, profile })),
  });
  const world = new World(leg, router);
  try {
    await body(world);
    await world.closeWires();
  } finally {
    await router.close();
  }
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

for (const leg of legs) for (const profile of profiles) vectorTests(leg, profile);

function vectorTests(leg: Leg, profile: Profile): void {
  const declare = (rule: string, body: (world: World) => Promise<void>): void =>
    void test(`${leg.name}: ${rule} (${profile})`, skip, () => withWorld(leg, profile, body));

  for (const name of ["publish", "subscribe"]) {
    const kind = name.toUpperCase();
    declare(
      `[B-07] [2.13 #12] each ${kind} of the vectors is accepted, or refused by ABORT protocol_violation`,
      async (world) => {
        const samples = samplesOf(`basic/${name}`).filter(({ wmsg }) => wmsg !== undefined);
        assert.ok(samples.length > 10);
        for (const sample of samples) await validation(world, sample);
        assert.equal(
          world.router.metrics.violations,
          samples.filter(({ expected_error }) => expected_error).length,
        );
      },
    );
  }

  declare(
    "[B-12] every encoding of the vectors' PUBLISH arrives as the EVENT that it means",
    async (world) => {
      let sent = 0;
      for (const name of ["basic/publish", "advanced/publish_with_publisher_exclusion_disabled"])
        for (const sample of samplesOf(name)) sent += await delivery(world, profile, sample);
      assert.ok(sent > 5, `${sent} encodings`);
    },
  );

  declare("[B-12 B-13] every encoding of the vectors' requests is answered", async (world) => {
    // What a router without the topic, procedure, subscription or registration in question answers.
    const answers: Readonly<Record<string, number>> = {
      subscribe: Message.subscribed,
      register: Message.registered,
      unsubscribe: Message.error,
      unregister: Message.error,
      call: Message.error,
    };
    for (const [name, answer] of Object.entries(answers))
      for (const { serializers } of samplesOf(`basic/${name}`))
        for (const { bytes_hex } of serializers?.[serializerName(leg.serializer)] ?? []) {
          const wire = await world.join();
          await sendForm(world, profile, wire, hex(bytes_hex));
          assert.equal((await wire.next())[0], answer, `${name} ${bytes_hex}`);
          await wire.expectQuiet();
          wire.close();
        }
  });

  declare("[B-01 B-03 B-05] every encoding of the vectors' other messages is understood", async (world) => {
    for (const [name, met] of Object.entries(others))
      for (const { serializers } of samplesOf(name))
        for (const { bytes_hex } of serializers?.[serializerName(leg.serializer)] ?? []) {
          const wire = await (name === "basic/hello" ? world.open() : world.join());
          wire.sendBytes(hex(bytes_hex));
          await met(wire);
          wire.close();
        }
  });

  declare("[P-02] the multisession vector, step by step", async (world) => {
    const { sequence } = readVectors<Scenario>("multisession/advanced/publisher_exclusion_disabled.json");
    const wire = await world.join({ roles: { publisher: {}, subscriber: {} } });
    const ids = new Map<unknown, unknown>();
    for (const { from, message } of sequence)
      if (from === "router") await received(wire, message, ids);
      else {
        const [type, request, ...rest] = layout(message);
        // The scenario's request ids are placeholders too where ids must count.
        const sent = profile === "strict" ? wire.request() : request;
        ids.set(`request ${request}`, sent);
        wire.send([type, sent, ...rest]);
      }
    await wire.expectQuiet();
  });
}

const violates = (wire: Wire): Promise<unknown> => wire.expectAbort("wamp.error.protocol_violation");

/** What a client sends that is no request, and how it is met by a router that has asked for nothing of it. */
const others: Readonly<Record<string, (wire: Wire) => Promise<unknown>>> = {
  "basic/hello": async (wire) => {
    const [type, , details] = await wire.next();
    assert.deepEqual([type, (details as Dict)["realm"]], [Message.welcome, vectorRealm]);
  },
  "basic/goodbye": (wire) => wire.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]),
  "basic/abort": (wire) => wire.expectEnd(),
  "advanced/cancel": (wire) => wire.expectQuiet(),
  "basic/yield": violates,
  "basic/error": violates,
  "basic/authenticate": violates,
};

/**
 * Sends a request as the vectors encode it. Their ids do not count from 1: a strict realm reads such a message, and refuses it
 * for its id alone; with the id that is due it is sent again.
 */
async function sendForm(world: World, profile: Profile, wire: Wire, bytes: Uint8Array): Promise<void> {
  if (profile === "compat") return wire.sendBytes(bytes);
  const [type, request, ...rest] = decodeMessage(wire.serializer, bytes);
  const due = wire.request();
  if (request === due) return wire.sendBytes(bytes);
  const refused = await world.join();
  refused.sendBytes(bytes);
  await refused.expectAbort("wamp.error.protocol_violation", /request id/);
  wire.send([type, due, ...rest]);
}

async function validation(world: World, sample: Sample): Promise<void> {
  const wire = await world.join();
  const message = [...sample.wmsg!];
  message[1] = wire.request();
  const options = message[2] as Dict;
  // The payload of these is said in hexadecimal digits.
  if (options["enc_algo"] !== undefined && wire.serializer !== Serializer.json)
    message[4] = hex(String(message[4]));
  wire.send(message);
  try {
    if (sample.expected_error !== undefined) {
      await wire.expectAbort(
        `wamp.error.${sample.expected_error.type}`,
        new RegExp(sample.expected_error.contains),
      );
      return;
    }
    if (message[0] === Message.subscribe) assert.equal((await wire.next())[0], Message.subscribed);
    else if (options["acknowledge"] === true) assert.equal((await wire.next())[0], Message.published);
    await wire.expectQuiet();
  } catch (cause) {
    throw new Error(sample.description, { cause });
  }
  wire.close();
}

/** Sends each encoding of a PUBLISH, and looks at what a subscriber gets. Returns how many there were. */
async function delivery(world: World, profile: Profile, sample: Sample): Promise<number> {
  const encodings = sample.serializers?.[serializerName(world.leg.serializer)] ?? [];
  const { topic, args, kwargs, payload, options } = sample.expected_attributes ?? {};
  for (const { bytes_hex } of encodings) {
    const [publisher, subscriber] = [await world.join(), await world.join()];
    await subscriber.subscribe(String(topic));
    await sendForm(world, profile, publisher, hex(bytes_hex));
    const event = await subscriber.event();
    const wanted: unknown[] = payload ? [hex(String(payload))] : [];
    if (args || kwargs) wanted.push(args ?? []);
    if (kwargs) wanted.push(kwargs);
    assert.deepEqual(event.payload, wanted, `${sample.description} ${bytes_hex}`);
    // What says how an opaque payload is to be read goes on with it.
    const { enc_algo, enc_serializer } = (options ?? {}) as Dict;
    const details = Object.entries({ enc_algo, enc_serializer }).filter(([, value]) => value !== undefined);
    assert.deepEqual(event.details, Object.fromEntries(details));
    publisher.close();
    subscriber.close();
  }
  return encodings.length;
}

/** A message of the scenario as an array. */
function layout(message: Dict & { readonly type: string }): unknown[] {
  const type = Message[message.type.toLowerCase() as keyof typeof Message];
  const { request_id, options, topic, args } = message;
  return [type, request_id, options, topic, ...(args === undefined ? [] : [args])];
}

/** The next message is this one, but for the ids of the router's own, which are placeholders bound at first sight. */
async function received(
  wire: Wire,
  message: Dict & { readonly type: string },
  ids: Map<unknown, unknown>,
): Promise<void> {
  const { request_id, subscription_id, publication_id, details, args } = message;
  const bound = (placeholder: unknown, actual: unknown): unknown => {
    if (!ids.has(placeholder)) ids.set(placeholder, actual);
    return ids.get(placeholder);
  };
  const actual = await wire.next();
  const expected =
    message.type === "SUBSCRIBED"
      ? [Message.subscribed, ids.get(`request ${request_id}`), bound(subscription_id, actual[2])]
      : [Message.event, bound(subscription_id, actual[1]), bound(publication_id, actual[2]), details, args];
  assert.deepEqual(actual, expected);
}
