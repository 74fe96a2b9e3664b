/**
 * The admin procedures and topics, each in a few lines: who may call it, its arguments, what reflection says of it. Each answers
 * under `bondy.<name>` and `spanwire.<name>`; the first is the canonical one, which grants name. The names are the type of the tables
 * of handlers, so that a procedure without an entry, or an entry without a procedure, does not compile.
 */
import type { TopicText } from "../router/meta/meta-catalogue.ts";
import type { ProcedureText } from "../router/procedures.ts";

/**
 * Who may call a procedure, beside the router's own access control on the URI that is called.
 * `everyone`: it tells nothing of others. `identified`: who has logged in, about itself. `realm`: who holds the right, on its own
 * realm, and from the master realm on any. `master`: who holds the right in the master realm.
 */
export type Reach = "everyone" | "identified" | "realm" | "master";

/** The arguments of `realm` procedures begin with the realm; when one argument less than needed is there, it is the session's own. */
export interface AdminText extends ProcedureText {
  readonly reach: Reach;
  /** A user that has logged in may, where the argument behind the realm names itself. */
  readonly self?: true;
}

const uri = ["uri: uri"];
const realm = "realm?: uri";
const name = [realm, "name: string"];
const grant = "{permissions, uri, match, roles, effect, meta}";
const grants = [`grants: ${grant}[]`];
const realmForm = ["realm: {uri, description, security_status, authmethods, public_keys …}"];
const userForm = ["user: {username, groups, aliases, enabled, meta, has_password, has_authorized_keys …}"];
const groupForm = ["group: {name, groups, meta}"];
const sourceForm = "{usernames, authmethod, cidr, meta}";
const sessionForm = "{session, realm, authid, authrole, authroles, authmethod, authprovider, transport}";
const entry = "{type, id, uri, match, invoke?, created, session}";

const realmTexts = {
  "realm.create": { reach: "master", summary: "Makes a realm.", args: ["realm: dict"], result: realmForm },
  "realm.get": { reach: "master", summary: "What a realm is.", args: uri, result: realmForm },
  "realm.list": { reach: "master", summary: "All realms.", result: ["realms: list"] },
  "realm.update": {
    reach: "master",
    summary: "Changes a realm; what is not named stays.",
    args: [...uri, "realm: dict"],
    result: realmForm,
  },
  "realm.delete": {
    reach: "master",
    summary: "Ends a realm and its sessions; one with users only by force.",
    args: uri,
    kwargs: ["force?: bool"],
  },
  "realm.security.enable": { reach: "master", summary: "Turns access control on.", args: uri },
  "realm.security.disable": { reach: "master", summary: "Turns access control off.", args: uri },
  "realm.security.status": {
    reach: "master",
    summary: "Whether access control is on.",
    args: uri,
    result: ["enabled | disabled"],
  },
  "realm.security.is_enabled": {
    reach: "master",
    summary: "Whether access control is on.",
    args: uri,
    result: ["enabled: bool"],
  },
  "realm.grants": {
    reach: "master",
    summary: "All grants of a realm, with its prototype's.",
    args: uri,
    result: grants,
  },
  "realm.rotate_keys": {
    reach: "master",
    summary: "Makes a new signing key; the others verify on for a while.",
    args: uri,
    kwargs: ["overlap_s?: int"],
    result: ["{kid, created, public_key}"],
  },
} as const satisfies Readonly<Record<string, AdminText>>;

const userTexts = {
  "user.add": { reach: "realm", summary: "Adds a user.", args: [realm, "user: dict"], result: userForm },
  "user.get": { reach: "realm", summary: "What a user is.", args: name, result: userForm },
  "user.list": { reach: "realm", summary: "All users.", args: [realm], result: ["users: list"] },
  "user.update": {
    reach: "realm",
    summary: "Changes a user; not its name or password.",
    args: [...name, "user: dict"],
    result: userForm,
  },
  "user.delete": { reach: "realm", summary: "Deletes a user, and ends its sessions.", args: name },
  "user.enable": { reach: "realm", summary: "Lets a user log in.", args: name },
  "user.disable": { reach: "realm", summary: "Keeps a user out, and ends its sessions.", args: name },
  "user.is_enabled": {
    reach: "realm",
    summary: "Whether a user may log in.",
    args: name,
    result: ["enabled: bool"],
  },
  "user.change_password": {
    reach: "realm",
    self: true,
    summary:
      "Gives a user another password, and ends its sessions. Every user may, for itself, with the old one.",
    args: [...name, "password: string", "old?: string"],
  },
  "user.add_alias": {
    reach: "realm",
    summary: "Gives a user another name to log in by.",
    args: [...name, "alias: string"],
  },
  "user.remove_alias": { reach: "realm", summary: "Takes it away.", args: [...name, "alias: string"] },
  "user.add_group": { reach: "realm", summary: "Puts a user in a group.", args: [...name, "group: string"] },
  "user.add_groups": {
    reach: "realm",
    summary: "Puts a user in groups.",
    args: [...name, "groups: string[]"],
  },
  "user.remove_group": {
    reach: "realm",
    summary: "Takes a user out of a group.",
    args: [...name, "group: string"],
  },
  "user.remove_groups": {
    reach: "realm",
    summary: "Takes a user out of groups.",
    args: [...name, "groups: string[]"],
  },
  "user.grants": { reach: "realm", summary: "Grants to the user itself.", args: name, result: grants },
} as const satisfies Readonly<Record<string, AdminText>>;

const groupTexts = {
  "group.add": { reach: "realm", summary: "Adds a group.", args: [realm, "group: dict"], result: groupForm },
  "group.get": { reach: "realm", summary: "What a group is.", args: name, result: groupForm },
  "group.list": {
    reach: "realm",
    summary: "All groups, with the prototype's.",
    args: [realm],
    result: ["groups: list"],
  },
  "group.update": {
    reach: "realm",
    summary: "Changes a group.",
    args: [...name, "group: dict"],
    result: groupForm,
  },
  "group.delete": {
    reach: "realm",
    summary: "Deletes a group, its grants and its memberships.",
    args: name,
  },
  "group.add_group": {
    reach: "realm",
    summary: "Puts a group in another one, to have what that is granted.",
    args: [...name, "group: string"],
    result: groupForm,
  },
  "group.add_groups": {
    reach: "realm",
    summary: "Puts a group in others.",
    args: [...name, "groups: string[]"],
    result: groupForm,
  },
  "group.remove_group": {
    reach: "realm",
    summary: "Takes a group out of another one.",
    args: [...name, "group: string"],
    result: groupForm,
  },
  "group.remove_groups": {
    reach: "realm",
    summary: "Takes a group out of others.",
    args: [...name, "groups: string[]"],
    result: groupForm,
  },
  "group.grants": { reach: "realm", summary: "Grants to the group itself.", args: name, result: grants },
} as const satisfies Readonly<Record<string, AdminText>>;

const accessTexts = {
  "source.add": {
    reach: "realm",
    summary: "Says from where users may come, and how they log in there.",
    args: [realm, "source: dict"],
    result: [`source: ${sourceForm}`],
  },
  "source.delete": {
    reach: "realm",
    summary: "Takes it back, for all methods where none is given.",
    args: [realm, "usernames: string | string[]", "cidr: string", "authmethod?: string"],
  },
  "source.get": {
    reach: "realm",
    summary: "The sources of a user name at an address range.",
    args: [realm, "username: string", "cidr: string", "authmethod?: string"],
    result: [`source: ${sourceForm}`],
  },
  "source.list": {
    reach: "realm",
    summary: "All sources.",
    args: [realm],
    result: [`sources: ${sourceForm}[]`],
  },
  "source.match": {
    reach: "realm",
    summary: "The sources that apply to a user from an address, the most specific first.",
    args: [realm, "username?: string", "address?: string"],
    result: [`sources: ${sourceForm}[]`],
  },
  "grant.create": { reach: "realm", summary: "Grants.", args: [realm, `grant: ${grant}`] },
  "grant.revoke": {
    reach: "realm",
    summary: "Takes the named permissions away from the named roles on the named resources.",
    args: [realm, `grant: ${grant}`],
  },
  "grant.list": {
    reach: "realm",
    summary: "All grants, or those to one role, as `user/…`, `group/…`, `all` or `anonymous`.",
    args: [realm, "role?: string"],
    result: grants,
  },
  "rbac.authorize": {
    reach: "realm",
    summary: "Whether a user has a permission on a URI.",
    args: [realm, "authid: string", "permission: uri", "resource: uri"],
    result: ["granted: bool"],
  },
  "ticket.issue": {
    reach: "identified",
    summary: "Gives the caller a ticket to log in with.",
    kwargs: [
      "expiry_time_secs?: int",
      "allow_sso?: bool",
      "client_ticket?: string",
      "client_id?: string",
      "device_id?: string",
    ],
    result: ["{ticket, id, issued_at, expires_at, scope}"],
  },
  "ticket.verify": {
    reach: "realm",
    summary: "What a ticket says, if it is good.",
    args: [realm, "ticket: string"],
    result: ["claims: dict"],
  },
  "ticket.revoke": {
    reach: "realm",
    summary: "Revokes a ticket, and ends the sessions that logged in with it.",
    args: [realm, "id: string"],
    result: ["revoked: bool"],
  },
  "ticket.revoke_all": {
    reach: "realm",
    summary: "Revokes all tickets of a user, and ends the sessions that logged in with them.",
    args: [realm, "authid: string"],
  },
} as const satisfies Readonly<Record<string, AdminText>>;

const viewTexts = {
  "session.self": { reach: "everyone", summary: "The caller's own session.", result: [sessionForm] },
  "session.list": {
    reach: "realm",
    summary: "The sessions of a realm.",
    args: [realm],
    kwargs: ["authid?: string", "authrole?: string"],
    result: [`sessions: ${sessionForm}[]`],
  },
  "session.get": {
    reach: "realm",
    summary: "What a session is.",
    args: [realm, "session: id"],
    result: [sessionForm],
  },
  "session.kill": {
    reach: "realm",
    summary: "Ends a session.",
    args: [realm, "session: id"],
    kwargs: ["reason?: uri", "message?: string"],
  },
  "session.kill_by_authid": {
    reach: "realm",
    summary: "Ends all sessions with an authid but the caller's.",
    args: [realm, "authid: string"],
    kwargs: ["reason?: uri", "message?: string"],
    result: ["killed: id[]"],
  },
  "registration.list": {
    reach: "realm",
    summary: "Who has registered what.",
    args: [realm],
    result: [`${entry}[]`],
  },
  "registration.callee.list": {
    reach: "realm",
    summary: "The callees of a realm, or of one procedure.",
    args: [realm, "procedure?: uri"],
    result: [`${entry}[]`],
  },
  "subscription.list": {
    reach: "realm",
    summary: "Who has subscribed to what.",
    args: [realm],
    result: [`${entry}[]`],
  },
  "registry.list": {
    reach: "realm",
    summary: "Who has registered or subscribed to what.",
    args: [realm],
    result: [`${entry}[]`],
  },
  ping: { reach: "everyone", summary: "Answers.", result: ["pong"] },
  "router.load": { reach: "master", summary: "How busy it is, what it sheds.", result: ["load: dict"] },
  "backup.create": {
    reach: "master",
    summary: "Writes a copy of the router's durable state to a path on its machine.",
    args: ["backup: {path}"],
  },
  "explain.access": {
    reach: "realm",
    summary: "Whether a user has a permission on a URI, why or why not, and what would change it.",
    args: [realm, "authid: string", "permission: uri", "uri: uri"],
    result: ["explanation: dict"],
  },
  "explain.denial": {
    reach: "realm",
    summary: "What a denial was, by the id that its error carries.",
    args: [realm, "id: string"],
    result: ["denial: dict"],
  },
  "explain.match": {
    reach: "realm",
    summary: "Whom an event reaches and which registration a call takes, why, and what nearly matches.",
    args: [realm, "uri: uri"],
    result: ["{uri, subscriptions: list, registrations: list, near_misses: list}"],
  },
} as const satisfies Readonly<Record<string, AdminText>>;

export const adminProcedures = {
  ...realmTexts,
  ...userTexts,
  ...groupTexts,
  ...accessTexts,
  ...viewTexts,
} as const;
export type AdminProcedure = keyof typeof adminProcedures;

/** Topics of changes, without their first component. Those of realms are published in the master realm, the others in the realm. */
const both = ["realm: uri", "name: string"];
export const adminTopics = {
  "user.added": { summary: "A user was added.", args: both },
  "user.updated": { summary: "A user was changed.", args: both },
  "user.deleted": { summary: "A user was deleted.", args: both },
  "user.credentials_changed": { summary: "A user has another password or other keys.", args: both },
  "user.logged_in": { summary: "A session of a user has joined.", args: both },
  "group.added": { summary: "A group was added.", args: both },
  "group.updated": { summary: "A group was changed.", args: both },
  "group.deleted": { summary: "A group was deleted.", args: both },
  "source.added": { summary: "A source was added.", args: both },
  "source.deleted": { summary: "A source was deleted.", args: both },
  "grant.created": { summary: "A role was granted something.", args: both },
  "grant.revoked": { summary: "Something granted was taken away from a role.", args: both },
  "realm.created": { summary: "A realm was made.", args: ["realm: uri"] },
  "realm.updated": { summary: "A realm was changed.", args: ["realm: uri"] },
  "realm.deleted": { summary: "A realm was deleted.", args: ["realm: uri"] },
} as const satisfies Readonly<Record<string, TopicText>>;
export type AdminTopic = keyof typeof adminTopics;

export const canonicalName = (procedure: AdminProcedure): string => `bondy.${procedure}`;

/** Under which URIs a procedure or topic goes. */
export const namesOf = (suffix: string): readonly string[] => [`bondy.${suffix}`, `spanwire.${suffix}`];

/** What Bondy called them up to version 0.8, and what two of them are called in between. */
export const formerNames: Readonly<Record<string, AdminProcedure>> = {
  "bondy.security.create_realm": "realm.create",
  "bondy.security.delete_realm": "realm.delete",
  "bondy.security.list_realms": "realm.list",
  "bondy.security.update_realm": "realm.update",
  "bondy.security.enable": "realm.security.enable",
  "bondy.security.disable": "realm.security.disable",
  "bondy.security.status": "realm.security.status",
  "bondy.security.is_enabled": "realm.security.is_enabled",
  "bondy.security.add_user": "user.add",
  "bondy.security.change_password": "user.change_password",
  "bondy.security.delete_user": "user.delete",
  "bondy.security.find_user": "user.get",
  "bondy.security.list_users": "user.list",
  "bondy.security.update_user": "user.update",
  "bondy.security.add_group": "group.add",
  "bondy.security.delete_group": "group.delete",
  "bondy.security.find_group": "group.get",
  "bondy.security.list_groups": "group.list",
  "bondy.security.update_group": "group.update",
  "bondy.security.add_source": "source.add",
  "bondy.security.delete_source": "source.delete",
  "bondy.security.find_source": "source.get",
  "bondy.security.list_sources": "source.list",
  "bondy.callee.list": "registration.callee.list",
  "bondy.wamp.callee.list": "registration.callee.list",
};
