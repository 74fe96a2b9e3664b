/** The callees of other routers that this one has in its tables. Control path. */
import type { SessionId } from "../../base/ids.ts";
import { Realm } from "../realm.ts";
import type { Realms } from "../realms.ts";
import type { Targets } from "../targets.ts";
import { RemoteCallee } from "./remote-callee.ts";
import { remoteIdentity } from "./remote-session.ts";
import type { CalleeFacts } from "./wishes.ts";

export class RemoteCallees {
  readonly #targets: Targets;
  readonly #realms: Realms;
  readonly #byRouter: Map<SessionId, RemoteCallee>[];

  constructor(targets: Targets, realms: Realms, count: number) {
    this.#targets = targets;
    this.#realms = realms;
    this.#byRouter = Array.from({ length: count }, () => new Map());
  }

  get count(): number {
    return this.#byRouter.reduce((sum, callees) => sum + callees.size, 0);
  }

  get(router: number, session: SessionId): RemoteCallee | null {
    return this.#byRouter[router]?.get(session) ?? null;
  }

  /** What stands for the session; made if it is not there. */
  take(router: number, realmUri: string, facts: CalleeFacts): RemoteCallee {
    const known = this.get(router, facts.id);
    if (known !== null) return known;
    const { id, slot, clientFeatures, peerFrameBytes_max, authid, authrole } = facts;
    // Where nobody has joined the realm yet, its rules do not matter yet either.
    const realm = this.#realms.get(realmUri) ?? new Realm(this.#realms.handleOf(realmUri), { uri: realmUri });
    const identity = remoteIdentity(authid, authrole);
    let callee: RemoteCallee | null = null;
    this.#targets.takeRemote((target) => {
      callee = new RemoteCallee(target, {
        router,
        id,
        slot,
        realm,
        identity,
        clientFeatures,
        peerFrameBytes_max,
      });
      return callee;
    });
    this.#byRouter[router]!.set(id, callee!);
    return callee!;
  }

  /** Forgets it if it has neither registrations nor calls in flight. */
  releaseIfIdle(router: number, session: SessionId): void {
    const callee = this.get(router, session);
    if (callee === null || callee.registrationCount > 0 || callee.invocationCount > 0) return;
    this.#byRouter[router]!.delete(session);
    this.#targets.free(callee.target);
  }

  /** All of one router. */
  of(router: number): readonly RemoteCallee[] {
    return [...this.#byRouter[router]!.values()];
  }
}
