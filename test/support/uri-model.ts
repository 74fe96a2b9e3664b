/** The slow twin of assembly/uri.ts: the patterns of the specification ("URIs", Basic Profile), and the bounds of base/limits.ts. */
import { fixedLimits } from "../../src/base/limits.ts";
import { Match } from "../../src/protocol/messages.ts";
import { UriStatus } from "../../src/wasm/abi.ts";

const loose = {
  [Match.exact]: /^([^\s.#]+\.)*([^\s.#]+)$/,
  [Match.prefix]: /^([^\s.#]+\.)*([^\s.#]*)$/,
  [Match.wildcard]: /^(([^\s.#]+\.)|\.)*([^\s.#]+)?$/,
} as const;
const strict = {
  [Match.exact]: /^([0-9a-z_]+\.)*([0-9a-z_]+)$/,
  [Match.prefix]: /^([0-9a-z_]+\.)*([0-9a-z_]*)$/,
  [Match.wildcard]: /^(([0-9a-z_]+\.)|\.)*([0-9a-z_]+)?$/,
} as const;

export function uriStatusModel(uri: string, match: Match, isStrict: boolean): UriStatus {
  const components = uri.split(".");
  const tooLong = Buffer.byteLength(uri) > fixedLimits.uriBytes_max;
  if (tooLong || components.length > fixedLimits.uriComponents_max) return UriStatus.invalid;
  if (!(isStrict ? strict : loose)[match].test(uri)) return UriStatus.invalid;
  return ["wamp", "spanwire", "bondy"].includes(components[0]!) ? UriStatus.reserved : UriStatus.ok;
}
