/** What every INVOCATION of a CALL says of the call, whichever callee it goes to. Hot. */
import type { PatternHandle } from "../../base/ids.ts";
import { Match } from "../../protocol/messages.ts";
import { Detail, Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Patterns } from "../patterns.ts";
import type { RouterSession } from "../types.ts";

/** `Detail` bits for the visited CALL, with what the writers take beside them put in place. -1: the caller may not be disclosed. */
export function invocationDetails(
  codec: Codec,
  patterns: Patterns,
  pattern: PatternHandle,
  caller: RouterSession,
): number {
  let details = patterns.match(pattern) === Match.exact ? 0 : Detail.uri;
  const realm = caller.realm!;
  if (realm.hasTrustLevels) {
    codec.putTrustLevel(realm.trustLevelOf(caller.identity!.authrole));
    details |= Detail.trustLevel;
  }
  if ((codec.u(Slot.true) & Option.discloseMe) === 0 && !patterns.discloseCaller(pattern)) return details;
  if (!realm.allowDisclosure) return -1;
  codec.putIdentity(caller.id, caller.identity!.authid, caller.identity!.authrole);
  return details | Detail.disclose;
}
