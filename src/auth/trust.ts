/** Authentication method `trust` (bondy.md 4.1): a user is believed where a source rule says so for its address. */
import type { Method } from "./method.ts";

export const trustMethod: Method = {
  name: "trust",
  suits: ({ principal }) => principal !== undefined,
  begin: ({ principal }) =>
    principal === undefined ? { kind: "failed", why: "no such user" } : { kind: "proved" },
};
