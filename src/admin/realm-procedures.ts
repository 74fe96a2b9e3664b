/** `bondy.realm.*`: all of the master realm. */
import { aBool, aCount, aDict } from "../router/meta/meta-args.ts";
import type { Security } from "../security/model.ts";
import type { AdminCall, AdminHandler } from "./admin-call.ts";
import type { AdminProcedure } from "./catalogue.ts";
import { grantForm, keyForm, realmForm } from "./forms.ts";
import type { Listing } from "./listing.ts";
import { requiredRealm } from "./required.ts";

type Name = Extract<AdminProcedure, `realm.${string}`>;

/** As long as a ticket may live by default: nothing that is signed loses its validity by a rotation. */
const overlapDefault_s = 30 * 86_400;

export function realmProcedures(security: Security, listing: Listing): Readonly<Record<Name, AdminHandler>> {
  const uriOf = (call: AdminCall): string => call.text(0, "uri").toLowerCase();
  const setEnabled =
    (enabled: boolean): AdminHandler =>
    async (call) => {
      await security.setSecurityEnabled(uriOf(call), enabled);
      return [];
    };
  const isEnabled = (call: AdminCall): boolean => requiredRealm(security, uriOf(call)).securityEnabled;
  return {
    "realm.create": async (call) => [
      realmForm(security, await security.createRealm(call.arg(0, "realm", aDict))),
    ],
    "realm.get": (call) => [realmForm(security, requiredRealm(security, uriOf(call)).record)],
    "realm.list": (call) => listing.all(call, security.realms(), (record) => realmForm(security, record)),
    "realm.update": async (call) => [
      realmForm(security, await security.updateRealm(uriOf(call), call.arg(1, "realm", aDict))),
    ],
    "realm.delete": async (call) => {
      const force = call.named("force", aBool) ?? false;
      await security.deleteRealm(uriOf(call), { force });
      return [];
    },
    "realm.security.enable": setEnabled(true),
    "realm.security.disable": setEnabled(false),
    "realm.security.status": (call) => [isEnabled(call) ? "enabled" : "disabled"],
    "realm.security.is_enabled": (call) => [isEnabled(call)],
    "realm.grants": (call) => {
      const { uri } = requiredRealm(security, uriOf(call));
      return listing.all(call, security.grants(uri), grantForm);
    },
    "realm.rotate_keys": async (call) => {
      const overlap_s = call.named("overlap_s", aCount) ?? overlapDefault_s;
      return [keyForm(await security.rotateKeys(uriOf(call), overlap_s))];
    },
  };
}
