/** What a schema says about a value, as findings in plain words, with a near name where a name is not known. Control path. */
import { z } from "zod";
import { didYouMean } from "../base/did-you-mean.ts";
import type { Finding, Path } from "./problems.ts";

type Issue = z.core.$ZodIssue;

/** The part of JSON Schema that names of options are looked up in. */
interface Names {
  readonly properties?: Readonly<Record<string, Names & { readonly const?: unknown }>>;
  readonly items?: Names;
  readonly anyOf?: readonly Names[];
  readonly oneOf?: readonly Names[];
  readonly additionalProperties?: Names | boolean;
}

/** Every problem that the schema sees in the value; [] where there is none. */
export function findingsOf(error: z.ZodError, schema: z.ZodType, value: unknown): Finding[] {
  const names = z.toJSONSchema(schema, { io: "input" }) as Names;
  return error.issues.flatMap((issue) => findings(issue, [], value, names));
}

function findings(issue: Issue, above: Path, value: unknown, names: Names): Finding[] {
  const path = [...above, ...issue.path.map(keyOf)];
  if (issue.code === "unrecognized_keys") {
    const known = namesAt(names, path, value);
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `there is no such option${didYouMean(key, known)}`,
      atKey: true,
    }));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The branch whose kind of value was given knows best what is wrong with it.
    const near = issue.errors.filter((branch) =>
      branch.every((inner) => inner.path.length > 0 || isInside(inner)),
    );
    if (near.length === 1) return near[0]!.flatMap((inner) => findings(inner, path, value, names));
  }
  return [{ path, message: messageOf(issue, valueAt(value, path)) }];
}

/** It is about the inside of a value of the right kind. */
const isInside = ({ code }: Issue): boolean => code !== "invalid_type" && code !== "invalid_value";

const keyOf = (key: PropertyKey): string | number => (typeof key === "number" ? key : String(key));

function valueAt(value: unknown, path: Path): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== "object" || inner === null) return undefined;
    inner = (inner as Readonly<Record<string, unknown>>)[step];
  }
  return inner;
}

function messageOf(issue: Issue, given: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return given === undefined
        ? `is missing: ${article(issue.expected)}`
        : `expected ${article(issue.expected)}`;
    case "invalid_value":
      return oneOf(issue.values, given);
    case "invalid_union":
      return "options" in issue && Array.isArray(issue.options) ? oneOf(issue.options, given) : issue.message;
    case "too_big":
      return `expected ${counted(issue.origin)}${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`;
    case "too_small":
      return `expected ${counted(issue.origin)}${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`;
    default:
      return issue.message;
  }
}

/** What a bound of this kind of value counts. */
function counted(origin: string): string {
  return origin === "string" ? "a text with a length of " : "";
}

const kinds: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "options by name",
  record: "values by name",
};

const article = (expected: string): string => kinds[expected] ?? expected;

function oneOf(values: readonly unknown[], given: unknown): string {
  const texts = values.map(String);
  const hint = typeof given === "string" ? didYouMean(given, texts) : "";
  const missing = given === undefined ? "is missing: " : "expected ";
  return `${missing}${texts.length > 1 ? "one of " : ""}${texts.join(", ")}${hint}`;
}

/** The options that there are at a path, for the kind of object that stands there. */
function namesAt(names: Names, path: Path, value: unknown): string[] {
  let here: readonly Names[] = branches(names, value);
  let inner = value;
  for (const step of path) {
    inner = valueAt(inner, [step]);
    here = here.flatMap((at) => {
      const { properties, items, additionalProperties } = at;
      const below = typeof step === "number" ? items : (properties?.[step] ?? additionalProperties);
      return typeof below === "object" ? branches(below, inner) : [];
    });
  }
  return here.flatMap(({ properties }) => Object.keys(properties ?? {}));
}

/** The alternatives of a union that fit the value's own `kind`; the schema itself where it is none. */
function branches(names: Names, value: unknown): readonly Names[] {
  const all = names.oneOf ?? names.anyOf;
  if (all === undefined) return [names];
  const kind = valueAt(value, ["kind"]);
  return all.filter(
    ({ properties }) => properties?.kind?.const === undefined || properties.kind.const === kind,
  );
}
