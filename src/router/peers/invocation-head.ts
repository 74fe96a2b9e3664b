/** What the caller's router decides about an INVOCATION, and the callee's writes into it: `Detail` bits and what belongs to them. */
import type { RouterSession } from "../types.ts";
import { Detail, FSlot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { MessageReader, MessageWriter } from "./message.ts";

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
