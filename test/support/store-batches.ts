/** Numbered batches of records: whoever reads a store can say which batches are in it, and whether one is half there. */
import assert from "node:assert/strict";
import type { Store, StoreChange } from "../../src/ports.ts";
import type { Migration } from "../../src/store/lmdb.ts";
import { latin1 } from "./stores.ts";

/** Records of one batch. */
const size = 5;
/** Batches whose records stay; those before are deleted by the later ones, so that pages are freed and taken again. */
const kept = 20;
const digits = (number: number): string => String(number).padStart(8, "0");
const keyOf = (number: number, part: number): string => `batch/${digits(number)}/${part}`;
const textOf = (number: number, part: number): string =>
  `${number}.${part}${"x".repeat(part === 4 && number % 4 === 0 ? 5_000 : part * 60)}`;

export function batchOf(number: number): readonly StoreChange[] {
  const parts = Array.from({ length: size }, (_, part) => part);
  return [
    ...parts.map((part) => ({ key: keyOf(number, part), value: latin1(textOf(number, part)) })),
    ...(number < kept ? [] : parts.map((part) => ({ key: keyOf(number - kept, part), value: null }))),
    { key: "last", value: latin1(String(number)) },
  ];
}

/** The number of the batch that has not been committed yet. */
export function nextBatch(store: Store): number {
  const last = store.get("last");
  return last === undefined ? 0 : Number(Buffer.from(last).toString("latin1")) + 1;
}

/** Format 2 has every text backwards. */
const backwards = (text: string): string => [...text].reverse().join("");
export const migrations: readonly Migration[] = [
  {
    to: 2,
    migrate: ({ entries }) =>
      [...entries("batch/")].map(([key, value]) => ({
        key,
        value: latin1(backwards(Buffer.from(value).toString("latin1"))),
      })),
  },
];

/** Fails where a batch is half there, or one is missing. Answers how many there have been. */
export function checkBatches(contents: ReadonlyMap<string, string>, format: 1 | 2 = 1): number {
  const last = contents.get("last");
  const next = last === undefined ? 0 : Number(last) + 1;
  const expected = new Map<string, string>();
  for (let number = Math.max(0, next - kept); number < next; number++)
    for (let part = 0; part < size; part++) {
      const text = textOf(number, part);
      expected.set(keyOf(number, part), format === 1 ? text : backwards(text));
    }
  if (last !== undefined) expected.set("last", last);
  assert.deepEqual(contents, expected);
  return next;
}
