/**
 * Changes of the security model as events: in the realm that has changed, those of realms in the master realm. Made
 * only where a subscription could hear them. Access control decided who may subscribe; in a realm without it only sessions of the
 * embedding program hear them, since anybody might be listening there.
 */
import type { MetaEvents } from "../router/meta-events.ts";
import type { Realm } from "../router/realm.ts";
import type { RouterSession, SessionObserver } from "../router/types.ts";
import type { SecurityChange, SecurityModel } from "../security/model.ts";
import { masterRealm } from "../security/view.ts";
import { type AdminTopic, namesOf } from "./catalogue.ts";
import { isIdentified } from "./rights.ts";

type Action = SecurityChange["action"];

/** Changes that are in no table are not announced: tickets and keys say too much of who does what when. */
const topicOf: Readonly<
  Partial<Record<SecurityChange["kind"], Readonly<Partial<Record<Action, AdminTopic>>>>>
> = {
  user: {
    created: "user.added",
    updated: "user.updated",
    deleted: "user.deleted",
    credentials: "user.credentials_changed",
  },
  group: { created: "group.added", updated: "group.updated", deleted: "group.deleted" },
  source: { created: "source.added", updated: "source.added", deleted: "source.deleted" },
  grant: { created: "grant.created", updated: "grant.created", deleted: "grant.revoked" },
  realm: { created: "realm.created", updated: "realm.updated", deleted: "realm.deleted" },
};

export interface ChangeTopicsParts {
  readonly model: Pick<SecurityModel, "realm">;
  readonly events: MetaEvents;
  readonly realmOf: (uri: string) => Realm | undefined;
}

export class ChangeTopics implements SessionObserver {
  readonly #parts: ChangeTopicsParts;

  constructor(parts: ChangeTopicsParts) {
    this.#parts = parts;
  }

  /** To be told of every change: `security.onChange`. */
  readonly onChange = ({ kind, action, realm, name }: SecurityChange): void => {
    const topic = topicOf[kind]?.[action];
    if (topic === undefined) return;
    const isOfRealm = kind === "realm";
    const hearing = this.#parts.realmOf(isOfRealm ? masterRealm : realm);
    if (hearing !== undefined) this.#publish(hearing, topic, isOfRealm ? [name] : [realm, name]);
  };

  /** A session of a user is there. */
  onJoin({ identity }: RouterSession, realm: Realm): void {
    if (realm.reservedPatterns === 0 || !isIdentified(identity) || identity.user === undefined) return;
    this.#publish(realm, "user.logged_in", [realm.uri, identity.user]);
  }

  onLeave(): void {}

  #publish(realm: Realm, topic: AdminTopic, args: readonly string[]): void {
    const { model, events } = this.#parts;
    const isOpen = model.realm(realm.uri)?.securityEnabled !== true;
    const options = isOpen ? { options: { eligible_authrole: ["trusted"] } } : {};
    for (const uri of namesOf(topic)) events.emit({ realm, topic: uri, args, ...options });
  }
}
