/** Calls procedures of realms in the router's own name: what authenticators and authorizers are asked by. Control path. */
import type { ClientSession } from "../client/session.ts";

/** Joins a realm inside this process. */
export type JoinRealm = (realm: string) => Promise<ClientSession>;

export class ProcedureCaller {
  readonly #join: JoinRealm;
  /** One session a realm, made when it is first needed; it ends with its realm. */
  readonly #sessions = new Map<string, Promise<ClientSession>>();

  constructor(join: JoinRealm) {
    this.#join = join;
  }

  /** Resolves with the first positional result. Rejects as the call does, within `timeout_ms`. */
  async call(
    realm: string,
    procedure: string,
    args: readonly unknown[],
    timeout_ms: number,
  ): Promise<unknown> {
    const session = await this.#session(realm);
    const result = await session.call(procedure, [...args], {}, { timeout_ms });
    return result.args[0];
  }

  #session(realm: string): Promise<ClientSession> {
    const known = this.#sessions.get(realm);
    if (known !== undefined) return known;
    const made = this.#join(realm);
    this.#sessions.set(realm, made);
    const forget = (): void => {
      if (this.#sessions.get(realm) === made) this.#sessions.delete(realm);
    };
    made.then(({ closed }) => closed.then(forget), forget);
    return made;
  }
}
