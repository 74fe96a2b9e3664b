/**
 * Arguments of the router's own procedures, taken out of a call and checked. Control path.
 *
 * What is wrong or missing is refused with wamp.error.invalid_argument, which names the argument: its position, counted from 1,
 * and its name. Optional arguments are keyword arguments in the specification; behind the positional ones they are taken by
 * position too, as clients of other routers send them. null stands for an absent one.
 */
import { isDict } from "../../protocol/encoding.ts";
import { errors, WampError } from "../../protocol/errors.ts";
import { UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { ProcedureCall } from "../procedures.ts";
import type { Realm } from "../realm.ts";

export type Dict = Readonly<Record<string, unknown>>;

/** What an argument may be: in words, and how it is read. `undefined`: the value is of another kind. */
export interface Kind<T> {
  readonly name: string;
  read(value: unknown): T | undefined;
}

/** 0, under which nothing is found, for numbers that cannot be an id. */
export const anId: Kind<number> = {
  name: "an id",
  read: (value) => {
    if (typeof value === "bigint") return 0;
    if (typeof value !== "number") return undefined;
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  },
};

const textOr = (name: string): Kind<string> => ({
  name,
  read: (value) => (typeof value === "string" ? value : undefined),
});
export const aText = textOr("a string");
export const aUri = textOr("a URI");

export const aBool: Kind<boolean> = {
  name: "true or false",
  read: (value) => (typeof value === "boolean" ? value : undefined),
};

export const aCount: Kind<number> = {
  name: "an integer, 0 or more",
  read: (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined,
};

export const aList: Kind<readonly unknown[]> = {
  name: "a list",
  read: (value) => (Array.isArray(value) ? value : undefined),
};

export const aDict: Kind<Dict> = {
  name: "a dictionary",
  read: (value) => (isDict(value) && !(value instanceof Uint8Array) ? value : undefined),
};

export const texts: Kind<readonly string[]> = {
  name: "a list of strings",
  read: (value) =>
    Array.isArray(value) && value.every((item): item is string => typeof item === "string")
      ? value
      : undefined,
};

export function oneOf<T extends string>(names: readonly T[]): Kind<T> {
  return {
    name: `one of ${names.join(", ")}`,
    read: (value) => names.find((name) => name === value),
  };
}

export const invalidArgument = (message: string): WampError =>
  new WampError(errors.invalidArgument.uri, message);

/** The argument at `position`, counted from 0. */
export function positional<T>(call: ProcedureCall, position: number, name: string, kind: Kind<T>): T {
  if (position >= call.args.length)
    throw invalidArgument(`argument ${position + 1} ("${name}") is missing: ${kind.name}`);
  return read(call.args[position], `argument ${position + 1} ("${name}")`, kind);
}

/** An optional argument: the keyword argument, or the one at `position`, counted from 0. */
export function optional<T>(
  call: ProcedureCall,
  position: number,
  name: string,
  kind: Kind<T>,
): T | undefined {
  const byName = call.kwargs[name] ?? undefined;
  if (byName !== undefined) return read(byName, `keyword argument "${name}"`, kind);
  const given = call.args[position] ?? undefined;
  return given === undefined ? undefined : read(given, `argument ${position + 1} ("${name}")`, kind);
}

function read<T>(value: unknown, which: string, kind: Kind<T>): T {
  const known = kind.read(value);
  if (known === undefined) throw invalidArgument(`${which} must be ${kind.name}`);
  return known;
}

/** Refuses, with wamp.error.invalid_uri, what no client may publish to, register or define. */
export function requireOwnUri(codec: Codec, realm: Realm, uri: string, what: string): void {
  const status = codec.checkUri(uri, 0, realm.visitFlags);
  if (status === UriStatus.ok) return;
  const shown = JSON.stringify(uri.slice(0, 200));
  throw new WampError(
    errors.invalidUri.uri,
    status === UriStatus.reserved
      ? `${what} ${shown} is reserved: names under "wamp", "spanwire" and "bondy" belong to the router`
      : `${what} ${shown} is not a valid URI here`,
  );
}

/** Refuses callers that nobody has identified to end what belongs to others, unless their realm lets them. */
export function requireKillRight(call: ProcedureCall): void {
  if (call.realm.allowKill || call.caller.identity?.authrole !== "anonymous") return;
  throw new WampError(errors.notAuthorized.uri, `${call.uri} is not for anonymous sessions in this realm`);
}
