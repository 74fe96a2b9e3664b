/**
 * Reading what somebody gave: unknown in, precise values out, and every problem on a list as `path: what is wrong`. A reader that
 * notes a problem answers something harmless in its place, so that reading goes on; nobody uses the result when the list has entries.
 */
import { didYouMean } from "../base/did-you-mean.ts";
import { fixedLimits } from "../base/limits.ts";

export type Dict = Readonly<Record<string, unknown>>;

export const emptyDict: Dict = Object.freeze({});
export const emptyList: readonly never[] = Object.freeze([]);

/** Names of realms, users, groups and aliases as they are kept and looked up. Bondy folds case; one look must be one name, so NFC too. */
export function fold(name: string): string {
  return name.normalize("NFC").toLowerCase().normalize("NFC");
}

export const utf8Bytes = (text: string): number => new TextEncoder().encode(text).length;

/** What may be shown of a wrong value: short, and never a secret (callers do not show those). */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "a map" : `a ${typeof value}`;
}

const isDict = (value: unknown): value is Dict =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null);

const controls = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** Half of a surrogate pair: not text that UTF-8 can carry. */
const halfPair = /\p{Cs}/u;

export class Check {
  readonly problems: string[] = [];

  add(path: string, problem: string): void {
    if (this.problems.length < fixedLimits.problems_max)
      this.problems.push(path === "" ? problem : `${path}: ${problem}`);
  }

  /** A map with no keys but these. */
  dict(value: unknown, path: string, keys: readonly string[]): Dict {
    if (!isDict(value)) {
      this.add(path, `must be a map, is ${shown(value)}`);
      return emptyDict;
    }
    for (const key of Object.keys(value))
      if (!keys.includes(key)) this.add(path, `unknown key ${shown(key)}${didYouMean(key, keys)}`);
    return value;
  }

  list(value: unknown, path: string, count_max: number): readonly unknown[] {
    if (!Array.isArray(value)) this.add(path, `must be a list, is ${shown(value)}`);
    else if (value.length > count_max)
      this.add(path, `has ${value.length} entries, ${count_max} are allowed`);
    else return value as readonly unknown[];
    return emptyList;
  }

  text(value: unknown, path: string, bytes_max: number): string {
    if (typeof value !== "string") this.add(path, `must be text, is ${shown(value)}`);
    else if (halfPair.test(value)) this.add(path, "is not valid Unicode");
    else if (value.length > bytes_max || utf8Bytes(value) > bytes_max)
      this.add(path, `is longer than ${bytes_max} bytes`);
    else return value;
    return "";
  }

  flag(value: unknown, path: string): boolean {
    if (typeof value !== "boolean") this.add(path, `must be true or false, is ${shown(value)}`);
    return value === true;
  }

  integer(value: unknown, path: string, range: readonly [least: number, most: number]): number {
    if (typeof value === "number" && Number.isInteger(value) && value >= range[0] && value <= range[1])
      return value;
    this.add(path, `must be a whole number from ${range[0]} to ${range[1]}, is ${shown(value)}`);
    return range[0];
  }

  oneOf<T extends string>(value: unknown, path: string, allowed: readonly T[]): T {
    const found = allowed.find((name) => name === value);
    if (found !== undefined) return found;
    const hint = typeof value === "string" ? didYouMean(value, allowed) : "";
    this.add(path, `must be one of ${allowed.join(", ")}, is ${shown(value)}${hint}`);
    return allowed[0]!;
  }

  /** A name of a user, group or alias, folded. */
  name(value: unknown, path: string, bytes_min: number): string {
    if (typeof value !== "string") {
      this.add(path, `must be text, is ${shown(value)}`);
      return "";
    }
    const name = fold(this.text(value, path, fixedLimits.nameBytes_max));
    const problem = nameProblem(name, bytes_min);
    if (problem !== undefined && name !== "") this.add(path, problem);
    else if (value === "") this.add(path, "must not be empty");
    return name;
  }

  names(value: unknown, path: string): readonly string[] {
    const list = this.list(value, path, fixedLimits.namesPerList_max);
    return unique(list.map((entry, index) => this.name(entry, `${path}[${index}]`, 1)));
  }

  /** A URI of a realm, procedure or topic by the loose rule: no white space, no "#", no empty component. */
  uri(value: unknown, path: string, bytes_max: number = fixedLimits.uriBytes_max): string {
    const uri = this.text(value, path, bytes_max);
    if (typeof value === "string" && (value === "" || (uri !== "" && !isLooseUri(uri))))
      this.add(path, `is not a URI: ${shown(value)}`);
    return uri;
  }

  /** Any JSON, copied and frozen: what is kept must read the same after it was written and read back. */
  plain(value: unknown, path: string): Dict {
    if (!isDict(value)) {
      this.add(path, `must be a map, is ${shown(value)}`);
      return emptyDict;
    }
    const copy = (this.#copy(value, path, 0) ?? emptyDict) as Dict;
    if (utf8Bytes(JSON.stringify(copy)) > fixedLimits.metaBytes_max) {
      this.add(path, `is larger than ${fixedLimits.metaBytes_max} bytes`);
      return emptyDict;
    }
    return Object.keys(copy).length === 0 ? emptyDict : copy;
  }

  #copy(value: unknown, path: string, depth: number): unknown {
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "string" && !halfPair.test(value)) return value;
    if (typeof value === "number" && Number.isFinite(value)) return value === 0 ? 0 : value;
    if (depth >= fixedLimits.metaDepth_max)
      this.add(path, `is nested more than ${fixedLimits.metaDepth_max} deep`);
    else if (Array.isArray(value))
      return Object.freeze(value.map((entry: unknown) => this.#copy(entry, path, depth + 1)));
    else if (isDict(value)) {
      const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
      if (entries.some(([key]) => key === "__proto__" || halfPair.test(key)))
        this.add(path, "has a key that is not allowed");
      else
        return Object.freeze(
          Object.fromEntries(entries.map(([key, entry]) => [key, this.#copy(entry, path, depth + 1)])),
        );
    } else this.add(path, `holds ${shown(value)}, which JSON cannot say`);
    return null;
  }
}

export const unique = <T>(list: readonly T[]): readonly T[] => Object.freeze([...new Set(list)]);

/** Absent and null say nothing. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

const looseUri = /^[^\s.#]+(\.[^\s.#]+)*$/;
export const isLooseUri = (uri: string): boolean => looseUri.test(uri) && !controls.test(uri);

/** Components may be empty. */
export const isLoosePattern = (uri: string): boolean => /^[^\s#]*$/.test(uri) && !controls.test(uri);

const reservedNames = ["all", "anonymous", "any", "from", "on", "to"];

function nameProblem(name: string, bytes_min: number): string | undefined {
  if (utf8Bytes(name) < bytes_min) return `is shorter than ${bytes_min} bytes`;
  if (utf8Bytes(name) > fixedLimits.nameBytes_max) return `is longer than ${fixedLimits.nameBytes_max} bytes`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u0020<=>\u007f-\u00bf]|[\s\p{Zl}\p{Zp}]/u.test(name))
    return `${shown(name)} has a character that names may not have (control characters, spaces, <, =, >)`;
  return reservedNames.includes(name) ? `${shown(name)} is reserved` : undefined;
}
