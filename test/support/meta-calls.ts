/** Calls of the router's own procedures, for tests. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Dict, Wire } from "./wire.ts";

/** Calls and returns what RESULT carries: args and kwargs, as far as they are there. */
export async function ask(wire: Wire, procedure: string, ...payload: readonly unknown[]): Promise<unknown[]> {
  const request = wire.call(procedure, {}, ...payload);
  const [type, answered, details, ...result] = await wire.next();
  const what = `${procedure}: ${JSON.stringify(result)}`;
  assert.deepEqual([type, answered, details], [Message.result, request, {}], what);
  return result;
}

/** Calls and returns the only positional result. */
export async function resultOf(
  wire: Wire,
  procedure: string,
  ...payload: readonly unknown[]
): Promise<unknown> {
  const [args, ...more] = await ask(wire, procedure, ...payload);
  assert.ok(Array.isArray(args) && args.length === 1 && more.length === 0, `${procedure} has one result`);
  return args[0];
}

/** Calls and expects ERROR with this URI, and a sentence that matches `says`. */
export async function refused(
  wire: Wire,
  uri: string,
  says: RegExp,
  procedure: string,
  ...payload: readonly unknown[]
): Promise<void> {
  const request = wire.call(procedure, {}, ...payload);
  const error = await wire.next();
  const what = `${procedure} ${JSON.stringify(payload)}: ${JSON.stringify(error)}`;
  assert.deepEqual(error.slice(0, 5), [Message.error, Message.call, request, {}, uri], what);
  assert.match(String((error[5] as unknown[])[0]), says, what);
}

/** A session that hears these topics: what it was sent, by topic. */
export class Watcher {
  readonly wire: Wire;
  readonly #topics = new Map<number, string>();

  private constructor(wire: Wire) {
    this.wire = wire;
  }

  static async of(wire: Wire, ...topics: readonly string[]): Promise<Watcher> {
    const watcher = new Watcher(wire);
    for (const topic of topics) watcher.#topics.set(await wire.subscribe(topic), topic);
    return watcher;
  }

  /** The next EVENT: its topic and its whole payload. */
  async next(): Promise<unknown[]> {
    const { subscription, details, payload } = await this.wire.event();
    assert.deepEqual(details, {});
    return [this.#topics.get(subscription), ...payload];
  }

  /** The next EVENTs, which are these and no others, in this order. */
  async expect(...events: readonly (readonly [topic: string, args: readonly unknown[]])[]): Promise<void> {
    for (const event of events) assert.deepEqual(await this.next(), event);
    await this.wire.expectQuiet();
  }
}

/** What a dictionary with `created` says, without it; it is an ISO-8601 time of today, or of the last minutes of yesterday. */
export function withoutCreated(details: unknown): Dict {
  const { created, ...rest } = details as Dict;
  assert.match(String(created), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.parse(String(created)) - Date.now()) < 600_000, String(created));
  return rest;
}
