/** The realms that are open for sessions, by URI. Control path. */
import type { RealmHandle } from "../base/ids.ts";
import { type GivenRealm, Realm } from "./realm.ts";

/** Told of realms that come and go; an observer may refuse one by throwing RangeError. */
export interface RealmObserver {
  onOpen(realm: Realm): void;
  /** Nobody joins it any more; sessions that are in it still leave it. */
  onClose(realm: Realm): void;
}

/** A realm with patterns, of this router's sessions or of other routers', whether or not it is open here. */
interface Held {
  readonly uri: string;
  readonly handle: RealmHandle;
  patterns: number;
  /** Those among them that name topics of the router's own. */
  reserved: number;
}

export class Realms {
  readonly #held = new Map<string, Held>();
  readonly #heldByHandle = new Map<RealmHandle, Held>();
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
    const held = this.#held.get(options.uri);
    const realm = new Realm(held?.handle ?? (++this.#lastHandle as RealmHandle), options);
    realm.reservedPatterns = held?.reserved ?? 0;
    for (const observer of this.#observers) observer.onOpen(realm);
    this.#byUri.set(realm.uri, realm);
    return realm;
  }

  // ---- where there are other routers, whose sessions may have joined a realm that nobody has joined here

  /** The handle under which the patterns of a realm are found, if it is open or has some; otherwise 0, under which there are none. */
  handleOf(uri: string): RealmHandle {
    return this.#held.get(uri)?.handle ?? this.#byUri.get(uri)?.handle ?? (0 as RealmHandle);
  }

  /** Notes a pattern of a realm that may be not open here. Returns the handle under which it belongs. */
  hold(uri: string, isReserved: boolean): RealmHandle {
    let held = this.#held.get(uri);
    if (held === undefined) {
      const handle = this.#byUri.get(uri)?.handle ?? (++this.#lastHandle as RealmHandle);
      held = { uri, handle, patterns: 0, reserved: 0 };
      this.#held.set(uri, held);
      this.#heldByHandle.set(handle, held);
    }
    this.#count(held, 1, isReserved);
    return held.handle;
  }

  /** Notes that a pattern that was noted is gone. */
  letGo(handle: RealmHandle, isReserved: boolean): void {
    const held = this.#heldByHandle.get(handle)!;
    this.#count(held, -1, isReserved);
    if (held.patterns > 0) return;
    this.#held.delete(held.uri);
    this.#heldByHandle.delete(handle);
  }

  #count(held: Held, change: 1 | -1, isReserved: boolean): void {
    held.patterns += change;
    if (!isReserved) return;
    held.reserved += change;
    const realm = this.#byUri.get(held.uri);
    if (realm !== undefined) realm.reservedPatterns = held.reserved;
  }

  /** URI of the realm of a pattern that was noted. */
  uriOf(handle: RealmHandle): string {
    return this.#heldByHandle.get(handle)!.uri;
  }

  /** Closes a realm; the caller ends its sessions. */
  close(uri: string): Realm | undefined {
    const realm = this.#byUri.get(uri);
    if (realm === undefined) return undefined;
    this.#byUri.delete(uri);
    realm.isClosed = true;
    for (const observer of this.#observers) observer.onClose(realm);
    return realm;
  }
}
