/** Stored events and sessions as the stores of retained events and of histories see them, for tests of their own. */
import type { RealmHandle } from "../../src/base/ids.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { ReceiverFilter } from "../../src/router/broker/filter.ts";
import type { StoredEvent } from "../../src/router/broker/stored-event.ts";
import { Realm, type RealmOptions } from "../../src/router/realm.ts";
import type { RouterSession } from "../../src/router/types.ts";

let publications = 0;

/** An event with `bytes` bytes of payload; `for` are the sessions that its receiver lists admit. */
export function storedEvent(
  topic: string,
  given: { readonly bytes?: number; readonly for?: readonly number[]; readonly excluded?: number } = {},
): StoredEvent {
  const frame = encodeMessage(Serializer.msgpack, [
    Message.publish,
    1,
    {},
    topic,
    ["x".repeat(given.bytes ?? 0)],
  ]);
  const admitted = given.for;
  // Only `admits` is asked of a filter.
  const filter = admitted && { admits: (session: RouterSession) => admitted.includes(session.id) };
  return {
    topic,
    publication: ++publications,
    published_ms: 0,
    frame,
    serializer: Serializer.msgpack,
    discloser: null,
    trustLevel: -1,
    filter: (filter ?? null) as ReceiverFilter | null,
    namesSessions: false,
    excluded: given.excluded ?? 0,
  };
}

/** A session of which only the id matters. */
export const sessionWithId = (id: number): RouterSession => ({ id }) as RouterSession;

export const realmWith = (options: Partial<RealmOptions> = {}, handle = 1): Realm =>
  new Realm(handle as RealmHandle, {
    uri: `realm${handle}`,
    profile: "compat",
    strictUris: false,
    allowDisclosure: true,
    ...options,
  });
