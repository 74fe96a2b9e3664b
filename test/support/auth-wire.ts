/** Logins message by message, and the cryptography of a client written here anew. */
import assert from "node:assert/strict";
import nacl from "tweetnacl";
import { clientRoles } from "../../src/client/join.ts";
import type { RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { authRealm, password, realmDefinition, seed } from "./auth-realm.ts";
import { proveScram, signCra } from "./login-world.ts";
import type { World } from "./router-suite.ts";
import type { Dict, Wire } from "./wire.ts";

export const roles = clientRoles;
export const failed = "wamp.error.authentication_failed";
export const violation = "wamp.error.protocol_violation";

/** A router with the realm, and what the test adds to it. */
export function guarded(realm: object = {}, more: RouterOptions = {}): RouterOptions {
  const definitions = [{ name: "test", realms: [{ ...realmDefinition, ...realm }] }];
  return { realms: [], security: { definitions }, ...more };
}

export interface Challenged {
  readonly wire: Wire;
  readonly method: string;
  readonly extra: Dict;
}

export const sayHello = (wire: Wire, details: Dict, realm = authRealm): void =>
  wire.send([Message.hello, realm, { roles, ...details }]);

/** HELLO, and the CHALLENGE that answers it. */
export async function challenged(world: World, details: Dict, realm = authRealm): Promise<Challenged> {
  const wire = await world.open();
  sayHello(wire, details, realm);
  const challenge = await wire.next();
  assert.equal(challenge[0], Message.challenge, JSON.stringify(challenge));
  assert.equal(challenge.length, 3);
  return { wire, method: challenge[1] as string, extra: challenge[2] as Dict };
}

export const authenticate = (wire: Wire, signature: unknown, extra: Dict = {}): void =>
  wire.send([Message.authenticate, signature, extra]);

/** WELCOME's details. The wire is as if it had joined. */
export async function welcomed(wire: Wire): Promise<Dict> {
  const welcome = await wire.next();
  assert.equal(welcome[0], Message.welcome, JSON.stringify(welcome));
  wire.id = welcome[1] as number;
  wire.welcome = welcome[2] as Dict;
  return wire.welcome;
}

/** Logs in and gives the wire. */
export async function loggedIn(
  world: World,
  details: Dict,
  sign: (extra: Dict) => readonly [signature: unknown, extra?: Dict],
  realm = authRealm,
): Promise<Wire> {
  const { wire, extra } = await challenged(world, details, realm);
  authenticate(wire, ...sign(extra));
  await welcomed(wire);
  return wire;
}

export const joesCra = { authid: "joe", authmethods: ["wampcra"] };
export const joeByCra = (world: World, more: Dict = {}): Promise<Wire> =>
  loggedIn(world, { ...joesCra, ...more }, (extra) => [signCra(extra, password)]);

export const clientNonce = Buffer.alloc(16, 5).toString("base64");
export const joesScram = { authid: "joe", authmethods: ["wamp-scram"], authextra: { nonce: clientNonce } };
export function scramAnswer(extra: Dict, secret: string, authid = "joe"): readonly [string, Dict] {
  const { proof } = proveScram(extra, secret, authid, { nonce: clientNonce });
  return [proof, { nonce: extra["nonce"], channel_binding: null, cbind_data: null }];
}

/** `svc`, which may register and call everything of com.example. It comes by a method that no procedure decides about. */
export const service = (world: World): Promise<Wire> =>
  loggedIn(world, { ...joesScram, authid: "svc" }, (extra) => scramAnswer(extra, password, "svc"));

/** Ends the realm, and the session in which the router itself calls procedures of the realm. */
export const endRealm = (world: World): Promise<void> =>
  world.router.security!.deleteRealm(authRealm, { force: true });

export const keyPair = nacl.sign.keyPair.fromSeed(Buffer.from(seed, "hex"));
/** As the specification has it: the signature and the signed message, in hex. */
export function signChallenge({ challenge }: Dict, channelId = Buffer.alloc(32), key = keyPair): string {
  const message = Buffer.from(String(challenge), "hex").map((byte, index) => byte ^ channelId[index]!);
  const signature = nacl.sign.detached(message, key.secretKey);
  return Buffer.concat([signature, message]).toString("hex");
}
