/** Records that a call names, or bondy.error.not_found. */
import { notFound } from "../security/errors.ts";
import type { EffectiveRealm, SecurityModel } from "../security/model.ts";
import type { GroupRecord, UserRecord } from "../security/records.ts";

export function requiredRealm(model: SecurityModel, uri: string): EffectiveRealm {
  const realm = model.realm(uri);
  if (realm === undefined) throw notFound(`realm ${JSON.stringify(uri)}`);
  return realm;
}

export function requiredUser(model: SecurityModel, realm: string, name: string): UserRecord {
  requiredRealm(model, realm);
  const user = model.user(realm, name);
  if (user === undefined) throw notFound(`user ${JSON.stringify(name)} in ${realm}`);
  return user;
}

export function requiredGroup(model: SecurityModel, realm: string, name: string): GroupRecord {
  requiredRealm(model, realm);
  const group = model.group(realm, name);
  if (group === undefined) throw notFound(`group ${JSON.stringify(name)} in ${realm}`);
  return group;
}
