/** `bondy.group.*` */
import { aDict, texts } from "../router/meta/meta-args.ts";
import type { Security } from "../security/model.ts";
import type { AdminCall, AdminHandler } from "./admin-call.ts";
import type { AdminProcedure } from "./catalogue.ts";
import { grantForm, groupForm } from "./forms.ts";
import type { Listing } from "./listing.ts";
import { requiredGroup, requiredRealm } from "./required.ts";

type Name = Extract<AdminProcedure, `group.${string}`>;

export function groupProcedures(security: Security, listing: Listing): Readonly<Record<Name, AdminHandler>> {
  const nameOf = (call: AdminCall): string => call.text(1, "name");
  const changeGroups = async (
    call: AdminCall,
    verb: "add" | "remove",
    names: readonly string[],
  ): Promise<readonly unknown[]> => [
    groupForm(await security.changeGroupGroups(call.realm, nameOf(call), { [verb]: names })),
  ];
  const one = (call: AdminCall): readonly string[] => [call.text(2, "group")];
  const several = (call: AdminCall): readonly string[] => call.arg(2, "groups", texts);
  return {
    "group.add": async (call) => [
      groupForm(await security.addGroup(call.realm, call.arg(1, "group", aDict))),
    ],
    "group.get": (call) => [groupForm(requiredGroup(security, call.realm, nameOf(call)))],
    "group.list": (call) => {
      requiredRealm(security, call.realm);
      return listing.all(call, security.groups(call.realm), groupForm);
    },
    "group.update": async (call) => [
      groupForm(await security.updateGroup(call.realm, nameOf(call), call.arg(2, "group", aDict))),
    ],
    "group.delete": async (call) => {
      await security.deleteGroup(call.realm, nameOf(call));
      return [];
    },
    "group.add_group": (call) => changeGroups(call, "add", one(call)),
    "group.add_groups": (call) => changeGroups(call, "add", several(call)),
    "group.remove_group": (call) => changeGroups(call, "remove", one(call)),
    "group.remove_groups": (call) => changeGroups(call, "remove", several(call)),
    "group.grants": (call) => {
      const { name } = requiredGroup(security, call.realm, nameOf(call));
      return listing.all(call, security.grantsOf(call.realm, `group/${name}`), grantForm);
    },
  };
}
