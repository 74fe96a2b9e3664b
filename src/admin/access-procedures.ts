/** `bondy.source.*`, `bondy.grant.*`, `bondy.rbac.authorize` */
import ipaddr from "ipaddr.js";
import { aDict, aText, invalidArgument, type Kind, oneOf } from "../router/meta/meta-args.ts";
import type { Steps } from "../router/turn-share.ts";
import type { Security } from "../security/model.ts";
import { authMethods, type GrantRecord, type Role, type SourceRecord } from "../security/records.ts";
import type { AdminCall, AdminHandler } from "./admin-call.ts";
import type { AdminProcedure } from "./catalogue.ts";
import { grantForm, sourceForm } from "./forms.ts";
import { normalCidr } from "../security/cidr.ts";
import { notFound } from "../security/errors.ts";
import { chosen, type Listing } from "./listing.ts";
import { requiredRealm, requiredUser } from "./required.ts";

type Name = Extract<AdminProcedure, `source.${string}` | `grant.${string}` | `rbac.${string}`>;

const anAuthMethod = oneOf(authMethods);

const aRole: Kind<Role> = {
  name: "all, anonymous, user/… or group/…",
  read: (value) => {
    if (typeof value !== "string") return undefined;
    const role = value.toLowerCase();
    return role === "all" || role === "anonymous" || /^(user|group)\/./.test(role)
      ? (role as Role)
      : undefined;
  },
};

const anAddress: Kind<ipaddr.IPv4 | ipaddr.IPv6> = {
  name: "an IP address",
  // Shortened and octal IPv4 is read differently by everybody. process(): an IPv4 address in IPv6 clothes is an IPv4 address.
  read: (value) => {
    if (typeof value !== "string") return undefined;
    const isAddress = ipaddr.IPv4.isValidFourPartDecimal(value) || ipaddr.IPv6.isValid(value);
    return isAddress ? ipaddr.process(value) : undefined;
  },
};

/** Names of one source definition: checked by whoever deletes, this only tells lists and texts from the rest. */
const usernames: Kind<string | readonly string[]> = {
  name: "a string or a list of strings",
  read: (value) => {
    if (typeof value === "string") return value;
    if (!Array.isArray(value)) return undefined;
    return value.every((item): item is string => typeof item === "string") ? value : undefined;
  },
};

function isFrom({ cidr }: SourceRecord, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const [network, bits] = ipaddr.parseCIDR(cidr);
  return network.kind() === address.kind() && address.match(network, bits);
}

/** Of an address in IPv6. */
const bits_max = 128;

const bitsOf = ({ cidr }: SourceRecord): number => ipaddr.parseCIDR(cidr)[1];

/** Who an authid is when grants are asked; of `anonymous` nobody in particular. */
export function bearerOf(
  security: Security,
  realm: string,
  authid: string,
): { readonly user?: string; readonly roles: readonly string[] } {
  requiredRealm(security, realm);
  if (authid === "anonymous") return { roles: [] };
  const { username, groups } = requiredUser(security, realm, authid);
  return { user: username, roles: groups };
}

export function accessProcedures(security: Security, listing: Listing): Readonly<Record<Name, AdminHandler>> {
  return { ...sourceProcedures(security, listing), ...grantProcedures(security, listing) };
}

function sourceProcedures(
  security: Security,
  listing: Listing,
): Readonly<Record<Extract<Name, `source.${string}`>, AdminHandler>> {
  const form = (source: SourceRecord): unknown => sourceForm([source]);
  /** The narrowest networks first. */
  function* matching(
    sources: readonly SourceRecord[],
    isMatch: (source: SourceRecord) => boolean,
  ): Steps<readonly unknown[]> {
    const byBits: SourceRecord[][] = [];
    for (const source of yield* chosen(sources, isMatch)) {
      const same = byBits[bits_max - bitsOf(source)];
      if (same === undefined) byBits[bits_max - bitsOf(source)] = [source];
      else same.push(source);
      yield 4;
    }
    const sorted: SourceRecord[] = [];
    for (const same of byBits) if (same !== undefined) sorted.push(...same);
    return yield* listing.forms(sorted, form);
  }
  return {
    "source.add": async (call) => [
      sourceForm(await security.addSource(call.realm, call.arg(1, "source", aDict))),
    ],
    "source.delete": async (call) => {
      const names = call.arg(1, "usernames", usernames);
      const authmethod = call.option(3, "authmethod", anAuthMethod);
      await security.deleteSource(call.realm, names, call.text(2, "cidr"), authmethod);
      return [];
    },
    "source.get": (call) => {
      const username = call.text(1, "username").toLowerCase();
      const given = call.text(2, "cidr");
      const cidr = normalCidr(given) ?? given;
      const authmethod = call.option(3, "authmethod", anAuthMethod);
      requiredRealm(security, call.realm);
      const found = security
        .sources(call.realm)
        .filter((source) => source.username === username && source.cidr === cidr)
        .filter((source) => authmethod === undefined || source.authmethod === authmethod);
      if (found.length === 0) throw notFound(`source of ${JSON.stringify(username)} at this network`);
      return [sourceForm(found.slice(0, 1))];
    },
    "source.list": (call) => {
      requiredRealm(security, call.realm);
      return listing.all(call, security.sources(call.realm), form);
    },
    "source.match": (call) => {
      const name = call.option(1, "username", aText)?.toLowerCase();
      const address = call.option(2, "address", anAddress);
      requiredRealm(security, call.realm);
      const username = name === undefined ? "all" : (security.user(call.realm, name)?.username ?? name);
      // Who is not identified is nobody of `all`, as a login sees it.
      const names = username === "anonymous" ? [username] : [username, "all"];
      const isMatch = (source: SourceRecord): boolean =>
        names.includes(source.username) && (address === undefined || isFrom(source, address));
      return listing.run(call, matching(security.sources(call.realm), isMatch));
    },
  };
}

function grantProcedures(
  security: Security,
  listing: Listing,
): Readonly<Record<Exclude<Name, `source.${string}`>, AdminHandler>> {
  const grantOf = (call: AdminCall) => call.arg(1, "grant", aDict);
  return {
    "grant.create": async (call) => {
      await security.grant(call.realm, grantOf(call));
      return [];
    },
    "grant.revoke": async (call) => {
      await security.revoke(call.realm, grantOf(call));
      return [];
    },
    "grant.list": (call) => {
      const role = call.option(1, "role", aRole);
      requiredRealm(security, call.realm);
      const grants: readonly GrantRecord[] =
        role === undefined ? security.grants(call.realm) : security.grantsOf(call.realm, role);
      return listing.all(call, grants, grantForm);
    },
    "rbac.authorize": (call) => {
      const authid = call.text(1, "authid");
      const permission = call.text(2, "permission");
      const resource = call.text(3, "resource");
      if (permission === "") throw invalidArgument('argument "permission" must be a URI');
      const bearer = bearerOf(security, call.realm, authid);
      // As the router decides: without access control everything is allowed.
      if (security.realm(call.realm)?.securityEnabled !== true) return [true];
      return [security.isGranted(call.realm, bearer, permission, resource)];
    },
  };
}
