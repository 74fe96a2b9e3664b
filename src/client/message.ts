/** Checked access to the elements of a received message; each throws WampError `wamp.error.protocol_violation`. */
import { errors, WampError } from "../protocol/errors.ts";
import type { CallResult } from "./options.ts";

const violation = (message: string): WampError => new WampError(errors.protocolViolation.uri, message);

export function idAt(message: readonly unknown[], index: number): number {
  const value = message[index];
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw violation(`element ${index} of message ${String(message[0])} is no id`);
}

export function textAt(message: readonly unknown[], index: number): string {
  const value = message[index];
  if (typeof value === "string") return value;
  throw violation(`element ${index} of message ${String(message[0])} is no string`);
}

export function dictAt(message: readonly unknown[], index: number): Record<string, unknown> {
  const value = message[index];
  if (isDict(value)) return value;
  throw violation(`element ${index} of message ${String(message[0])} is no dictionary`);
}

/** Args and Kwargs; null is what some routers send for none. */
export function payloadAt(message: readonly unknown[], index: number): CallResult {
  const args = message[index] ?? [];
  const kwargs = message[index + 1] ?? {};
  if (!Array.isArray(args)) throw violation(`the arguments of message ${String(message[0])} are no list`);
  if (!isDict(kwargs))
    throw violation(`the keyword arguments of message ${String(message[0])} are no dictionary`);
  return { args, kwargs };
}

const isDict = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** What an ERROR, ABORT or GOODBYE says to a human: `message` among the details, or the first argument. */
export function textOf(
  details: Readonly<Record<string, unknown>>,
  args: readonly unknown[] = [],
): string | undefined {
  const said = details.message ?? args[0];
  return typeof said === "string" ? said : undefined;
}
