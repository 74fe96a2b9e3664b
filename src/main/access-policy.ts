/** Who may do what, by the security model. */
import type { AccessPolicy, AccessRules, Identity } from "../ports.ts";
import type { Security } from "../security/model.ts";

/** Who has no rights but what everybody has who comes without a name. */
const isNobody = ({ authmethod, user, roles = [] }: Identity): boolean =>
  authmethod === "anonymous" && user === undefined && roles.length === 0;

/**
 * Sessions that the embedding program opens without saying in which role may do everything. The rules of anonymous sessions, which come
 * and go most, are the same for all of a realm: they are kept until the model changes.
 */
export function accessPolicy(model: Pick<Security, "rulesFor" | "onChange">): AccessPolicy {
  /** By realm. */
  const ofNobody = new Map<string, AccessRules | null>();
  model.onChange(({ kind, action }) => {
    // Logins change credentials.
    if (kind !== "ticket" && action !== "credentials") ofNobody.clear();
  });
  return {
    rulesFor(realm, identity) {
      if (identity.authprovider === "local" && identity.authrole === "trusted") return null;
      if (!isNobody(identity)) return model.rulesFor(realm, identity);
      let rules = ofNobody.get(realm);
      if (rules === undefined) {
        rules = model.rulesFor(realm, identity);
        ofNobody.set(realm, rules);
      }
      return rules;
    },
  };
}
