/** The sentence that goes with wamp.error.invalid_uri: what was refused and why. Control path. */
import { Slot, UriStatus } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";

const shown_max = 200;

export function uriProblem(codec: Codec, what: "topic" | "procedure"): string {
  const uri = JSON.stringify(codec.text(codec.u(Slot.uri), Math.min(codec.u(Slot.uriLen), shown_max)));
  return codec.u(Slot.uriStatus) === UriStatus.reserved
    ? `${what} ${uri} is reserved: names under "wamp", "spanwire" and "bondy" belong to the router`
    : `${what} ${uri} is not a valid URI here`;
}
