/** Options of REGISTER that the visit does not know, decoded and checked. Control path. */
import type { Codec } from "../../wasm/codec.ts";
import { hashKey } from "./shard-hash.ts";

export interface RegisterOptions {
  /** Invocations that may be outstanding at this callee; 0: as many as come. */
  readonly concurrency: number;
  /** Take the procedure from whoever has registered it. */
  readonly forceReregister: boolean;
  /** The callee itself ends calls that take too long. */
  readonly forwardTimeout: boolean;
  /** nkey, a text of the callee's own choice, as a number: its shard of the registration. -1: it has named none. */
  readonly shard: number;
}

export const plainRegistration: RegisterOptions = {
  concurrency: 0,
  forceReregister: false,
  forwardTimeout: false,
  shard: -1,
};

const utf8 = new TextEncoder();
const concurrency_max = 2 ** 32 - 1;

/** Reads them from the visited REGISTER; a sentence that names the option when one has a wrong value. */
export function readRegisterOptions(codec: Codec): RegisterOptions | string {
  const options = codec.options();
  const name = "x_concurrency" in options && !("concurrency" in options) ? "x_concurrency" : "concurrency";
  // Null stands for "not given", as for the options that the visit knows.
  const concurrency = options[name] ?? null;
  if (concurrency !== null && !isPositive(concurrency))
    return `option "${name}" is a positive integer below 2^32`;
  const forceReregister = options["force_reregister"] ?? false;
  if (typeof forceReregister !== "boolean") return 'option "force_reregister" is true or false';
  const forwardTimeout = options["forward_timeout"] ?? false;
  if (typeof forwardTimeout !== "boolean") return 'option "forward_timeout" is true or false';
  const nkey = options["nkey"] ?? null;
  if (nkey !== null && typeof nkey !== "string") return 'option "nkey" is no text';
  const shard = nkey === null ? -1 : hashKey(utf8.encode(nkey));
  return { concurrency: concurrency ?? 0, forceReregister, forwardTimeout, shard };
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= concurrency_max;
}
