/**
 * The specification's vectors over live sockets: what they send to a router is sent to one, valid and invalid, in each
 * serializer; and the multisession scenario step by step.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createRouter } from "../../src/main.ts";
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

async function withWorld(leg: Leg, body: (world: World) => Promise<void>): Promise<void> {
  const router = await createRouter(leg.listen);
  const world = new World(leg, router);
  try {
    await body(world);
    await world.closeWires();
  } finally {
    await router.close();
  }
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

for (const leg of legs) {
  for (const name of ["publish", "subscribe"]) {
    test(
      `${leg.name}: each ${name.toUpperCase()} of the vectors is accepted, or refused by ABORT protocol_violation`,
      skip,
      () =>
        withWorld(leg, async (world) => {
          const samples = samplesOf(`basic/${name}`).filter(({ wmsg }) => wmsg !== undefined);
          assert.ok(samples.length > 10);
          for (const sample of samples) await validation(world, sample);
          assert.equal(
            world.router.metrics.violations,
            samples.filter(({ expected_error }) => expected_error).length,
          );
        }),
    );
  }

  test(`${leg.name}: every encoding of the vectors' PUBLISH arrives as the EVENT that it means`, skip, () =>
    withWorld(leg, async (world) => {
      let sent = 0;
      for (const name of ["basic/publish", "advanced/publish_with_publisher_exclusion_disabled"])
        for (const sample of samplesOf(name)) sent += await delivery(world, sample);
      assert.ok(sent > 5, `${sent} encodings`);
    }),
  );

  test(`${leg.name}: every encoding of the vectors' requests is answered`, skip, () =>
    withWorld(leg, async (world) => {
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
            wire.sendBytes(hex(bytes_hex));
            assert.equal((await wire.next())[0], answer, `${name} ${bytes_hex}`);
            await wire.expectQuiet();
            wire.close();
          }
    }),
  );

  test(`${leg.name}: the multisession vector, step by step`, skip, () =>
    withWorld(leg, async (world) => {
      const { sequence } = readVectors<Scenario>("multisession/advanced/publisher_exclusion_disabled.json");
      const wire = await world.join({ roles: { publisher: {}, subscriber: {} } });
      const ids = new Map<unknown, unknown>();
      for (const { from, message } of sequence)
        if (from === "router") await received(wire, message, ids);
        else wire.send(layout(message));
      await wire.expectQuiet();
    }),
  );
}

async function validation(world: World, sample: Sample): Promise<void> {
  const wire = await world.join();
  const message = [...sample.wmsg!];
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
async function delivery(world: World, sample: Sample): Promise<number> {
  const encodings = sample.serializers?.[serializerName(world.leg.serializer)] ?? [];
  const { topic, args, kwargs, payload, options } = sample.expected_attributes ?? {};
  for (const { bytes_hex } of encodings) {
    const [publisher, subscriber] = [await world.join(), await world.join()];
    await subscriber.subscribe(String(topic));
    publisher.sendBytes(hex(bytes_hex));
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
      ? [Message.subscribed, request_id, bound(subscription_id, actual[2])]
      : [Message.event, bound(subscription_id, actual[1]), bound(publication_id, actual[2]), details, args];
  assert.deepEqual(actual, expected);
}
