/** What a router asks home to order for all routers, and how it is written between them. */
import { unreachable } from "../../base/assert.ts";
import type { SessionId } from "../../base/ids.ts";
import type { Invoke, Match } from "../../protocol/messages.ts";
import type { RegisterOptions } from "../dealer/register-options.ts";
import type { MessageReader, MessageWriter } from "./message.ts";

/** Names a subscription or registration. */
export interface Named {
  readonly realm: string;
  readonly match: Match;
  readonly uri: string;
}

/** The router has subscribers. The first of them made it ask. */
export interface SubscribeWish extends Named {
  readonly kind: "subscribe";
  readonly session: SessionId;
  /** It names topics of the router's own. */
  readonly isReserved: boolean;
  /** One of the node keys of its members; null: this member has none. */
  readonly nodeKey: string | null;
}

/** A session as others must know it to call it. */
export interface CalleeFacts {
  readonly id: SessionId;
  /** Its target there. */
  readonly slot: number;
  readonly clientFeatures: number;
  readonly peerFrameBytes_max: number;
  readonly authid: string;
  readonly authrole: string;
}

export interface RegisterWish extends Named {
  readonly kind: "register";
  readonly invoke: Invoke;
  readonly discloseCaller: boolean;
  /** Its realm lets a session register several times. */
  readonly mayRepeat: boolean;
  readonly options: RegisterOptions;
  readonly callee: CalleeFacts;
}

export type Wish =
  | SubscribeWish
  /** The router has no subscribers any more; `session` was the last. */
  | { readonly kind: "giveUp"; readonly id: number; readonly session: SessionId }
  /** No subscriber there has this node key any more. */
  | { readonly kind: "dropKey"; readonly id: number; readonly nodeKey: string }
  | RegisterWish
  /** `isWhole`: however often it has registered. */
  | {
      readonly kind: "unregister";
      readonly id: number;
      readonly session: SessionId;
      readonly isWhole: boolean;
    }
  /** A session has gone, with all its registrations. */
  | { readonly kind: "leave"; readonly session: SessionId }
  /** The router has gone, with all its sessions. */
  | { readonly kind: "gone" };

/** A wish that home has granted, as all routers carry it out. */
export interface Order {
  /** Place in the order of all. */
  readonly sequence: number;
  /** The router that wished it, and its number for it. */
  readonly origin: number;
  readonly number: number;
  /** Bits of the routers that are told by home. */
  readonly told: number;
  /** Of the subscription or registration that the wish names, and when that was made. 0 where it names none. */
  readonly id: number;
  readonly created_ms: number;
  /** The registration that this one takes the place of; 0: none. */
  readonly replaced: number;
  readonly wish: Wish;
}

const kinds = ["subscribe", "giveUp", "dropKey", "register", "unregister", "leave", "gone"] as const;

const Flag = { reserved: 1, nodeKey: 2, disclose: 1, mayRepeat: 2, force: 4, forwardTimeout: 8 } as const;

export function writeCallee(writer: MessageWriter, callee: CalleeFacts): void {
  writer.f64(callee.id).u32(callee.slot).u32(callee.clientFeatures).f64(callee.peerFrameBytes_max);
  writer.text(callee.authid).text(callee.authrole);
}
export const readCallee = (reader: MessageReader): CalleeFacts => ({
  id: reader.f64() as SessionId,
  slot: reader.u32(),
  clientFeatures: reader.u32(),
  peerFrameBytes_max: reader.f64(),
  authid: reader.text(),
  authrole: reader.text(),
});

export function writeWish(writer: MessageWriter, wish: Wish): void {
  writer.u8(kinds.indexOf(wish.kind));
  switch (wish.kind) {
    case "subscribe":
      writer.text(wish.realm).u8(wish.match).text(wish.uri).f64(wish.session);
      writer.u8((wish.isReserved ? Flag.reserved : 0) | (wish.nodeKey === null ? 0 : Flag.nodeKey));
      writer.text(wish.nodeKey ?? "");
      return;
    case "register": {
      const { options } = wish;
      writer.text(wish.realm).u8(wish.match).text(wish.uri).u8(wish.invoke);
      writer.u8(
        (wish.discloseCaller ? Flag.disclose : 0) |
          (wish.mayRepeat ? Flag.mayRepeat : 0) |
          (options.forceReregister ? Flag.force : 0) |
          (options.forwardTimeout ? Flag.forwardTimeout : 0),
      );
      writer.u32(options.concurrency).f64(options.shard);
      return writeCallee(writer, wish.callee);
    }
    case "giveUp":
      writer.f64(wish.id).f64(wish.session);
      return;
    case "dropKey":
      writer.f64(wish.id).text(wish.nodeKey);
      return;
    case "unregister":
      writer
        .f64(wish.id)
        .f64(wish.session)
        .u8(wish.isWhole ? 1 : 0);
      return;
    case "leave":
      writer.f64(wish.session);
      return;
    case "gone":
      return;
    default:
      return unreachable(wish);
  }
}

export function readWish(reader: MessageReader): Wish {
  const kind = kinds[reader.u8()]!;
  switch (kind) {
    case "subscribe": {
      const named = readName(reader);
      const session = reader.f64() as SessionId;
      const flags = reader.u8();
      const nodeKey = reader.text();
      const isReserved = (flags & Flag.reserved) !== 0;
      return { kind, ...named, session, isReserved, nodeKey: (flags & Flag.nodeKey) === 0 ? null : nodeKey };
    }
    case "register":
      return readRegistration(reader);
    case "giveUp":
      return { kind, id: reader.f64(), session: reader.f64() as SessionId };
    case "dropKey":
      return { kind, id: reader.f64(), nodeKey: reader.text() };
    case "unregister":
      return { kind, id: reader.f64(), session: reader.f64() as SessionId, isWhole: reader.u8() === 1 };
    case "leave":
      return { kind, session: reader.f64() as SessionId };
    case "gone":
      return { kind };
    default:
      return unreachable(kind);
  }
}

const readName = (reader: MessageReader): Named => ({
  realm: reader.text(),
  match: reader.u8() as Match,
  uri: reader.text(),
});

function readRegistration(reader: MessageReader): RegisterWish {
  const named = readName(reader);
  const invoke = reader.u8() as Invoke;
  const flags = reader.u8();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const options = {
    concurrency: reader.u32(),
    shard: reader.f64(),
    forceReregister: has(Flag.force),
    forwardTimeout: has(Flag.forwardTimeout),
  };
  const callee = readCallee(reader);
  return {
    kind: "register",
    ...named,
    invoke,
    discloseCaller: has(Flag.disclose),
    mayRepeat: has(Flag.mayRepeat),
    options,
    callee,
  };
}

export function writeOrder(writer: MessageWriter, order: Order): void {
  writer.f64(order.sequence).u8(order.origin).f64(order.number).u32(order.told);
  writer.f64(order.id).f64(order.created_ms).f64(order.replaced);
  writeWish(writer, order.wish);
}
export const readOrder = (reader: MessageReader): Order => ({
  sequence: reader.f64(),
  origin: reader.u8(),
  number: reader.f64(),
  told: reader.u32(),
  id: reader.f64(),
  created_ms: reader.f64(),
  replaced: reader.f64(),
  wish: readWish(reader),
});
