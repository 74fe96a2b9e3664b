/** The realms that are open for sessions, by URI. Control path. */
import type { RealmHandle } from "../base/ids.ts";
import { type GivenRealm, Realm } from "./realm.ts";

/** Told of realms that come and go; an observer may refuse one by throwing RangeError. */
export interface RealmObserver {
  onOpen(realm: Realm): void;
  /** Nobody joins it any more; sessions that are in it still leave it. */
  onClose(realm: Realm): void;
}

export class Realms {
  readonly #byUri = new Map<string, Realm>();
  #observers: readonly RealmObserver[] = [];
  /** Never given twice: what is left of a closed realm in the index cannot meet a new one. */
  #lastHandle = 0;

  /** Says who is told; the composition root, once, before the first realm is opened. */
  connect(observers: readonly RealmObserver[]): void {
    this.#observers = observers;
  }

  get(uri: string): Realm | undefined {
    return this.#byUri.get(uri);
  }

  /** Opens a realm that nobody here has joined yet; undefined where there is none. Null: there are only those that are open. */
  opener: ((uri: string) => Realm | undefined) | null = null;

  /** The realm, opened if another router has sessions in it. */
  find(uri: string): Realm | undefined {
    return this.#byUri.get(uri) ?? this.opener?.(uri);
  }

  get uris(): readonly string[] {
    return [...this.#byUri.keys()];
  }

  all(): Iterable<Realm> {
    return this.#byUri.values();
  }

  /** Opens a realm that is not open. Throws RangeError for rules that cannot be. */
  open(options: GivenRealm): Realm {
    const realm = new Realm(++this.#lastHandle as RealmHandle, options);
    for (const observer of this.#observers) observer.onOpen(realm);
    this.#byUri.set(realm.uri, realm);
    return realm;
  }

  /** Closes a realm; the caller ends its sessions. */
  close(uri: string): Realm | undefined {
    const realm = this.#byUri.get(uri);
    if (realm === undefined) return undefined;
    this.#byUri.delete(uri);
    for (const observer of this.#observers) observer.onClose(realm);
    return realm;
  }
}
