/**
 * Whose public keys are whose, for clients that log in by `cryptosign` without saying who they are. Made for a realm when it is asked for
 * the first time, and kept up with the model's changes. Control path.
 */
import type { EffectiveRealm, Principal, Security, SecurityChange } from "../security/model.ts";

type Model = Pick<Security, "user" | "users" | "principal" | "onChange">;

/** Of one realm's own users. */
class RealmKeys {
  readonly #owners = new Map<string, Set<string>>();
  readonly #keys = new Map<string, readonly string[]>();

  set(user: string, keys: readonly string[]): void {
    for (const key of this.#keys.get(user) ?? []) {
      const owners = this.#owners.get(key);
      owners?.delete(user);
      if (owners?.size === 0) this.#owners.delete(key);
    }
    this.#keys.delete(user);
    if (keys.length === 0) return;
    this.#keys.set(user, keys);
    for (const key of keys) this.#owners.set(key, (this.#owners.get(key) ?? new Set()).add(user));
  }

  ownersOf(key: string): Iterable<string> {
    return this.#owners.get(key) ?? [];
  }
}

export class KeyOwners {
  readonly #model: Model;
  readonly #realms = new Map<string, RealmKeys>();

  constructor(model: Model) {
    this.#model = model;
    model.onChange((change) => this.#follow(change));
  }

  /** The one user of a realm, or of the realm that it shares users with, who has this key (hex in lower case); undefined: none, or several. */
  ownerOf(realm: EffectiveRealm, key: string): Principal | undefined {
    const owners: Principal[] = [];
    for (const uri of [realm.uri, realm.ssoRealmUri]) {
      if (uri === null) continue;
      for (const name of this.#keysOf(uri).ownersOf(key)) {
        const principal = this.#model.principal(realm.uri, name);
        if (principal?.credentialRealm === uri && principal.credentialUser.username === name)
          owners.push(principal);
      }
    }
    return owners.length === 1 ? owners[0] : undefined;
  }

  #keysOf(uri: string): RealmKeys {
    const known = this.#realms.get(uri);
    if (known !== undefined) return known;
    const keys = new RealmKeys();
    for (const { username, authorized_keys } of this.#model.users(uri)) keys.set(username, authorized_keys);
    this.#realms.set(uri, keys);
    return keys;
  }

  #follow({ kind, action, realm, name }: SecurityChange): void {
    if (kind === "realm" && action === "deleted") this.#realms.delete(realm);
    if (kind === "user")
      this.#realms.get(realm)?.set(name, this.#model.user(realm, name)?.authorized_keys ?? []);
  }
}
