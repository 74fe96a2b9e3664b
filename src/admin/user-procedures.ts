/** `bondy.user.*` */
import { errors, WampError } from "../protocol/errors.ts";
import { aDict, aText, type Dict, invalidArgument, texts } from "../router/meta/meta-args.ts";
import { fold } from "../security/check.ts";
import type { MayChange, Security } from "../security/model.ts";
import type { AdminCall, AdminHandler } from "./admin-call.ts";
import type { AdminProcedure } from "./catalogue.ts";
import { grantForm, userForm } from "./forms.ts";
import type { Listing } from "./listing.ts";
import { requiredRealm, requiredUser } from "./required.ts";

type Name = Extract<AdminProcedure, `user.${string}`>;

/** What of a user is kept in its sign-on realm. */
const credentialKeys = ["password", "authorized_keys"] as const;

/**
 * Users who are changing their own password, one change each at a time: to look at the old one takes a derivation of its hash, during
 * which no other change is made. Beyond: wamp.error.unavailable.
 */
class OwnChanges {
  readonly #users = new Set<string>();

  async run(call: AdminCall, change: () => Promise<void>): Promise<void> {
    const who = `${call.own} ${call.call.caller.identity?.user}`;
    if (this.#users.has(who))
      throw new WampError(errors.unavailable.uri, "another change of this password is not done yet");
    this.#users.add(who);
    try {
      await change();
    } finally {
      this.#users.delete(who);
    }
  }
}

export function userProcedures(security: Security, listing: Listing): Readonly<Record<Name, AdminHandler>> {
  const nameOf = (call: AdminCall): string => call.text(1, "name");
  const ownChanges = new OwnChanges();
  /** Who administers a realm does not administer the realm where its users have their passwords and keys. */
  const mayChangeOf =
    (call: AdminCall): MayChange =>
    (home) => {
      if (home !== fold(call.realm)) call.requireIn(home);
    };
  const requireHomeOf = (call: AdminCall, user: Dict): void => {
    const home = user["sso_realm_uri"];
    if (typeof home === "string" && credentialKeys.some((key) => key in user)) call.requireIn(home);
  };
  const setEnabled =
    (enabled: boolean): AdminHandler =>
    async (call) => {
      await security.setUserEnabled(call.realm, nameOf(call), enabled);
      return [];
    };
  const changeGroups = async (
    call: AdminCall,
    verb: "add" | "remove",
    names: readonly string[],
  ): Promise<readonly unknown[]> => {
    await security.changeUserGroups(call.realm, nameOf(call), { [verb]: names });
    return [];
  };
  const one = (call: AdminCall): readonly string[] => [call.text(2, "group")];
  const several = (call: AdminCall): readonly string[] => call.arg(2, "groups", texts);
  return {
    "user.add": async (call) => {
      const given = call.arg(1, "user", aDict);
      requireHomeOf(call, given);
      const user = await security.addUser(call.realm, given);
      return [userForm(security, call.realm, user)];
    },
    "user.get": (call) => [userForm(security, call.realm, requiredUser(security, call.realm, nameOf(call)))],
    "user.list": (call) => {
      const { realm } = call;
      requiredRealm(security, realm);
      return listing.all(call, security.users(realm), (user) => userForm(security, realm, user));
    },
    "user.update": async (call) => {
      const given = call.arg(2, "user", aDict);
      requireHomeOf(call, given);
      const user = await security.updateUser(call.realm, nameOf(call), given, mayChangeOf(call));
      return [userForm(security, call.realm, user)];
    },
    "user.delete": async (call) => {
      await security.deleteUser(call.realm, nameOf(call));
      return [];
    },
    "user.enable": setEnabled(true),
    "user.disable": setEnabled(false),
    "user.is_enabled": (call) => {
      const { username, enabled } = requiredUser(security, call.realm, nameOf(call));
      return [security.principal(call.realm, username)?.enabled ?? enabled];
    },
    "user.change_password": async (call) => {
      const password = call.text(2, "password");
      const old = call.option(3, "old", aText);
      if (call.isSelf && old === undefined)
        throw invalidArgument('argument 4 ("old") is missing: a user that changes its own password knows it');
      if (!call.isSelf)
        await security.changePassword(call.realm, nameOf(call), password, old, mayChangeOf(call));
      else await ownChanges.run(call, () => security.changePassword(call.realm, nameOf(call), password, old));
      return [];
    },
    "user.add_alias": async (call) => {
      await security.addAlias(call.realm, nameOf(call), call.text(2, "alias"));
      return [];
    },
    "user.remove_alias": async (call) => {
      await security.removeAlias(call.realm, nameOf(call), call.text(2, "alias"));
      return [];
    },
    "user.add_group": (call) => changeGroups(call, "add", one(call)),
    "user.add_groups": (call) => changeGroups(call, "add", several(call)),
    "user.remove_group": (call) => changeGroups(call, "remove", one(call)),
    "user.remove_groups": (call) => changeGroups(call, "remove", several(call)),
    "user.grants": (call) => {
      const { username } = requiredUser(security, call.realm, nameOf(call));
      return listing.all(call, security.grantsOf(call.realm, `user/${username}`), grantForm);
    },
  };
}
