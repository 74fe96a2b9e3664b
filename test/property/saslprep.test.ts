/** The router's SASLprep against the client's, which is written in another way: where they differ, a password works in one place only. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { saslprep } from "../../src/auth/saslprep.ts";
import { saslPrep as clients } from "../../src/client/saslprep.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

/** Dense where the tables are. */
const point = fc.oneof(
  fc.integer({ min: 0x20, max: 0x17f }),
  fc.integer({ min: 0x300, max: 0x36f }),
  fc.integer({ min: 0x590, max: 0x74f }),
  fc.integer({ min: 0x1800, max: 0x180f }),
  fc.integer({ min: 0x2000, max: 0x206f }),
  fc.integer({ min: 0x2160, max: 0x2fff }),
  fc.integer({ min: 0xd7f0, max: 0xffff }),
  fc.integer({ min: 0, max: 0x10ffff }),
);
const text = fc.array(point, { maxLength: 6 }).map((points) => String.fromCodePoint(...points));

const outcome = (prepare: () => string | undefined): string | undefined => {
  try {
    return prepare();
  } catch {
    return undefined;
  }
};

test("what both accept they prepare alike, and the router accepts nothing that the client forbids", () => {
  fc.assert(
    fc.property(text, (given) => {
      const ours = saslprep(given);
      const theirs = outcome(() => clients(given));
      if (ours !== undefined) assert.equal(theirs, ours);
      // Prepared text stays as it is.
      if (ours !== undefined) assert.equal(saslprep(ours), ours);
    }),
    { seed, numRuns: 5_000 },
  );
});
