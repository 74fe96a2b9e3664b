/** Patterns of one kind by what all routers call them; a realm is held while it has some. Control path. */
import type { PatternHandle, RealmHandle } from "../../base/ids.ts";
import { patternFacts } from "../meta-events.ts";
import type { PatternKind, Patterns } from "../patterns.ts";
import type { Realms } from "../realms.ts";
import type { Named } from "./wishes.ts";

export class SharedNames {
  readonly #kind: PatternKind;
  readonly #patterns: Patterns;
  readonly #realms: Realms;

  constructor(
    kind: PatternKind,
    { patterns, realms }: { readonly patterns: Patterns; readonly realms: Realms },
  ) {
    this.#kind = kind;
    this.#patterns = patterns;
    this.#realms = realms;
  }

  find({ realm, match, uri }: Named): PatternHandle | 0 {
    return this.#patterns.find({ kind: this.#kind, realm: this.#realms.handleOf(realm), match, uri });
  }

  /** The pattern is not there yet. It gets a new id for 0; 0 when the index is full. `isReserved`: it names topics of the router's own. */
  make(
    { realm, match, uri }: Named,
    { isReserved, id, created_ms }: { isReserved: boolean; id: number; created_ms: number },
  ): PatternHandle | 0 {
    const handle = this.#realms.hold(realm, isReserved);
    const pattern = this.#patterns.addShared({ kind: this.#kind, realm: handle, match, uri }, id, created_ms);
    if (pattern === 0) this.#realms.letGo(handle, isReserved);
    else if (isReserved) this.#patterns.setReserved(pattern);
    return pattern;
  }

  remove(pattern: PatternHandle): void {
    const isReserved = this.#patterns.isReserved(pattern);
    const realm = this.#patterns.realmHandle(pattern) as RealmHandle;
    this.#patterns.remove(pattern);
    this.#realms.letGo(realm, isReserved);
  }

  /** What a record says of any pattern. */
  record(pattern: PatternHandle): Named & { readonly id: number; readonly created_ms: number } {
    const realm = this.#realms.uriOf(this.#patterns.realmHandle(pattern) as RealmHandle);
    return { realm, ...patternFacts(this.#patterns, pattern) };
  }
}
