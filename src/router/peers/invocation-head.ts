/** The head of `invoke`: which call it is, whom it is for, and what the caller's router decides about the INVOCATION. */
import type { RegistrationId, SessionId } from "../../base/ids.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Detail, FSlot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { RouterSession } from "../types.ts";
import type { MessageReader, MessageWriter } from "./message.ts";
import { ServeFlag } from "./refusals.ts";

/** A call as the caller's router knows it. */
export interface RemoteNumber {
  readonly router: number;
  /** The callee's slot there, and the invocation's number. */
  readonly slotThere: number;
  readonly number: number;
}

/** What comes before `Detail` bits and frame; read into one object again and again. */
export class InvocationHead implements RemoteNumber {
  router = 0;
  slotThere = 0;
  number = 0;
  /** The CALL's. */
  format: Serializer = 1;
  /** `ServeFlag` bits. */
  serve = 0;
  /** The place that was offered, which it takes; 0: none. */
  place = 0;
  session = 0 as SessionId;
  registration = 0 as RegistrationId;

  read(router: number, message: MessageReader): this {
    this.router = router;
    this.slotThere = message.u32();
    this.number = message.f64();
    this.format = message.u8() as Serializer;
    this.serve = message.u8();
    this.place = (this.serve & ServeFlag.offered) !== 0 ? message.u32() : 0;
    this.session = message.f64() as SessionId;
    this.registration = message.f64() as RegistrationId;
    return this;
  }
}

/** Adds what the codec has been given for the next INVOCATION of this caller. */
export function putHead(writer: MessageWriter, codec: Codec, details: number, caller: RouterSession): void {
  writer.u32(details);
  if ((details & Detail.disclose) !== 0)
    writer.f64(caller.id).text(caller.identity!.authid).text(caller.identity!.authrole);
  if ((details & Detail.trustLevel) !== 0) writer.f64(codec.f(FSlot.trustLevel));
  if ((details & Detail.timeout) !== 0) writer.f64(codec.f(FSlot.timeoutOut));
}

/** Gives it to the codec for the INVOCATION that it writes next. Returns the `Detail` bits. */
export function takeHead(message: MessageReader, codec: Codec): number {
  const details = message.u32();
  if ((details & Detail.disclose) !== 0) codec.putIdentity(message.f64(), message.text(), message.text());
  if ((details & Detail.trustLevel) !== 0) codec.putTrustLevel(message.f64());
  if ((details & Detail.timeout) !== 0) codec.putTimeout(message.f64());
  return details;
}
