/** The whole directory on its way to a router that comes, or to home from one that has it: in parts, so that no message is large. */
import { unreachable } from "../../base/assert.ts";
import type { Invoke, Match } from "../../protocol/messages.ts";
import { MessageReader, type MessageWriter } from "./message.ts";
import type { Peers } from "./peers.ts";
import type { InterestRecord, SharedInterests } from "./shared-interests.ts";
import type { RegistrationRecord, SharedCallee, SharedRegistrations } from "./shared-registrations.ts";
import { readCallee, writeCallee } from "./wishes.ts";

/** A part is sent when it has so many bytes. */
const partBytes = 64 << 10;
const Part = { last: 1, hasState: 2 } as const;
const Entry = { end: 0, head: 1, interest: 2, registration: 3 } as const;

/** Where the order of all stands. */
export interface DirectoryHead {
  /** The last order that has been carried out. */
  readonly sequence: number;
  /** How often home has begun anew. */
  readonly life: number;
}

export interface DirectoryState {
  readonly head: DirectoryHead;
  readonly interests: Iterable<InterestRecord>;
  readonly registrations: Iterable<RegistrationRecord>;
}

/** Sends what the directory holds; null: the router has nothing of it. */
export function sendState(
  peers: Peers,
  kind: number,
  to: number,
  state: {
    readonly head: DirectoryHead;
    interests: SharedInterests;
    registrations: SharedRegistrations;
  } | null,
): void {
  const { writer } = peers;
  if (state === null) {
    writer.begin(kind).u8(Part.last).u8(Entry.end);
    peers.send(to, null, false);
    return;
  }
  const { sequence, life } = state.head;
  writer.begin(kind).u8(Part.hasState).u8(Entry.head).f64(sequence).u32(life);
  const next = (): void => {
    if (writer.head().length < partBytes) return;
    writer.u8(Entry.end);
    peers.send(to, null, false);
    writer.begin(kind).u8(Part.hasState);
  };
  for (const record of state.interests.records()) {
    writeInterest(writer.u8(Entry.interest), record);
    next();
  }
  for (const record of state.registrations.records()) {
    writeRegistration(writer.u8(Entry.registration), record);
    next();
  }
  writer.u8(Entry.end);
  peers.send(to, null, false);
  writer
    .begin(kind)
    .u8(Part.hasState | Part.last)
    .u8(Entry.end);
  peers.send(to, null, false);
}

/** The parts of one router's directory as they come. */
export class StateParts {
  #parts: Uint8Array[] = [];

  /** Keeps a part. Returns what they are together when it was the last: null for nothing; undefined: more follow. */
  take(message: MessageReader): DirectoryState | null | undefined {
    const flags = message.u8();
    const rest = message.rest();
    // A reader looks for its message behind the byte of the kind.
    const part = new Uint8Array(rest.length + 1);
    part.set(rest, 1);
    this.#parts.push(part);
    if ((flags & Part.last) === 0) return undefined;
    const parts = this.#parts;
    this.#parts = [];
    return (flags & Part.hasState) === 0 ? null : readState(parts);
  }

  drop(): void {
    this.#parts = [];
  }
}

function readState(parts: readonly Uint8Array[]): DirectoryState {
  let head: DirectoryHead = { sequence: 0, life: 0 };
  const interests: InterestRecord[] = [];
  const registrations: RegistrationRecord[] = [];
  const reader = new MessageReader();
  for (const part of parts) {
    reader.begin(part);
    for (let entry = reader.u8(); entry !== Entry.end; entry = reader.u8())
      switch (entry) {
        case Entry.head:
          head = { sequence: reader.f64(), life: reader.u32() };
          break;
        case Entry.interest:
          interests.push(readInterest(reader));
          break;
        case Entry.registration:
          registrations.push(readRegistration(reader));
          break;
        default:
          return unreachable(entry as never);
      }
  }
  return { head, interests, registrations };
}

function writeInterest(writer: MessageWriter, record: InterestRecord): void {
  writer.text(record.realm).u8(record.match).text(record.uri).f64(record.id).f64(record.created_ms);
  writer
    .u8(record.isReserved ? 1 : 0)
    .u32(record.holders)
    .u32(record.keys.length);
  for (const [nodeKey, routers] of record.keys) writer.text(nodeKey).u32(routers);
}

const readInterest = (reader: MessageReader): InterestRecord => ({
  realm: reader.text(),
  match: reader.u8() as Match,
  uri: reader.text(),
  id: reader.f64(),
  created_ms: reader.f64(),
  isReserved: reader.u8() === 1,
  holders: reader.u32(),
  keys: Array.from({ length: reader.u32() }, () => [reader.text(), reader.u32()] as const),
});

function writeRegistration(writer: MessageWriter, record: RegistrationRecord): void {
  writer.text(record.realm).u8(record.match).text(record.uri).f64(record.id).f64(record.created_ms);
  writer
    .u8(record.invoke)
    .u8(record.discloseCaller ? 1 : 0)
    .u32(record.callees.length);
  for (const { router, sequence, number, turns, options, facts } of record.callees) {
    writer.u8(router).f64(sequence).f64(number).u32(turns);
    writer
      .u32(options.concurrency)
      .f64(options.shard)
      .u8(options.forwardTimeout ? 1 : 0);
    writeCallee(writer, facts);
  }
}

const readRegistration = (reader: MessageReader): RegistrationRecord => ({
  realm: reader.text(),
  match: reader.u8() as Match,
  uri: reader.text(),
  id: reader.f64(),
  created_ms: reader.f64(),
  invoke: reader.u8() as Invoke,
  discloseCaller: reader.u8() === 1,
  callees: Array.from({ length: reader.u32() }, () => readSharedCallee(reader)),
});

const readSharedCallee = (reader: MessageReader): SharedCallee => ({
  router: reader.u8(),
  sequence: reader.f64(),
  number: reader.f64(),
  turns: reader.u32(),
  options: {
    concurrency: reader.u32(),
    shard: reader.f64(),
    forwardTimeout: reader.u8() === 1,
    forceReregister: false,
  },
  facts: readCallee(reader),
});
