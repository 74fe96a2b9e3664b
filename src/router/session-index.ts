/** Joined sessions by their WAMP id, over all realms: what the meta API and resumption ask for. Eighteen bytes a session. */
import type { SessionId } from "../base/ids.ts";
import { IntTable } from "../base/int-table.ts";
import type { Realm } from "./realm.ts";
import type { Targets } from "./targets.ts";
import type { RouterSession } from "./types.ts";

const twoTo32 = 2 ** 32;

export class SessionIndex<S extends RouterSession = RouterSession> {
  readonly #targetById: IntTable;
  readonly #targets: Targets<S>;

  constructor(targets: Targets<S>, seed: number) {
    this.#targets = targets;
    this.#targetById = new IntTable(seed);
  }

  add(session: S): void {
    this.#targetById.set(Math.floor(session.id / twoTo32), session.id >>> 0, session.target);
  }
  remove(id: SessionId): void {
    this.#targetById.delete(Math.floor(id / twoTo32), id >>> 0);
  }
  /** The joined session with this id; null for any other value, also for what is no id at all. */
  get(id: unknown): S | null {
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id <= 0) return null;
    const target = this.#targetById.get(Math.floor(id / twoTo32), id >>> 0);
    return target === 0 ? null : this.#targets.get(target as S["target"]);
  }
  /** Joined sessions of one realm, in no particular order, and null for each step that found none; others may come and go meanwhile. */
  *walk(realm: Realm): Generator<S | null, undefined> {
    for (const session of this.#targets.walk()) yield session?.realm === realm ? session : null;
  }
  /** All joined sessions, in no particular order. */
  all(): S[] {
    return this.#targets.all().filter((session) => session.realm !== null);
  }
}
