/** Authentication method `trust`, as Bondy has it: a user is believed where a source rule says so for its address. */
import type { Method } from "./method.ts";

export const trustMethod: Method = {
  name: "trust",
  // A disabled user is not let in at once, and must not show by being refused at once where others are asked something.
  suits: ({ principal }) => principal?.enabled === true,
  begin: ({ principal }) =>
    principal === undefined ? { kind: "failed", why: "no such user" } : { kind: "proved" },
};
