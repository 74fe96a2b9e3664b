/** One realm with every method, as its administrator would write it in a security_config.json, and who is there. */
import nacl from "tweetnacl";

const pair = nacl.sign.keyPair.fromSeed(Buffer.alloc(32, 11));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const authRealm = "com.example.guarded";
export const password = "correct horse";
export const seed = "0b".repeat(32);
export const publicKey = hex(pair.publicKey);
/** A key pair of nobody. */
export const otherSeed = "0c".repeat(32);
export const otherPublicKey = hex(nacl.sign.keyPair.fromSeed(Buffer.alloc(32, 12)).publicKey);

export const granted = "com.example.staff.hello";
export const open = "com.example.open.hello";
export const refused = "com.example.secret.hello";

export const authMethods = [
  "anonymous",
  "ticket",
  "wampcra",
  "wamp-scram",
  "cryptosign",
  "password",
  "oauth2",
];

const right = (
  roles: string | readonly string[],
  uri: string,
  match: string,
  ...permissions: readonly string[]
) => ({
  roles,
  uri,
  match,
  permissions,
});

/** `joe` (alias `joey`) with a password and a key in the group staff, `svc` who registers what they call, `off` who is disabled. */
export const realmDefinition = {
  uri: authRealm,
  authmethods: authMethods,
  security_enabled: true,
  password_opts: { protocol: "both", params: { kdf: "pbkdf2", iterations: 4_096 } },
  groups: [{ name: "staff" }, { name: "services" }],
  users: [
    {
      username: "joe",
      password,
      groups: ["staff"],
      authorized_keys: [publicKey],
      aliases: ["joey"],
      meta: { floor: 3 },
    },
    { username: "svc", password, groups: ["services"] },
    { username: "off", password, groups: ["staff"], enabled: false },
    { username: "away", password, groups: ["staff"] },
  ],
  sources: [
    ...authMethods.map((authmethod) => ({
      usernames: authmethod === "anonymous" ? "anonymous" : ["joe", "svc", "off"],
      authmethod,
      cidr: "127.0.0.0/8",
    })),
    { usernames: ["away"], authmethod: "wampcra", cidr: "10.0.0.0/8" },
  ],
  grants: [
    right(["staff"], "com.example.staff.", "prefix", "wamp.call", "wamp.subscribe", "wamp.publish"),
    right(["staff"], "bondy.ticket.", "prefix", "wamp.call", "bondy.issue"),
    right(["services"], "com.example.", "prefix", "wamp.register", "wamp.call"),
    right("anonymous", "com.example.open.", "prefix", "wamp.call"),
    right("all", "com.example.open.", "prefix", "wamp.call"),
  ],
} as const;
