// Attacks on the handshake and on what outlives it, over sockets against a whole router.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { encode as encodeMsgpack } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import { connect } from "../../src/client/connect.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { silentLog } from "../../src/base/log.ts";
import { Message } from "../../src/protocol/messages.ts";
import { signCra } from "../support/login-world.ts";

type Dict = Readonly<Record<string, unknown>>;

const uri = "com.acme.app";
const password = "open sesame";
const methods = ["wampcra", "password", "ticket", "anonymous"];
const noSession = "wamp.error.no_such_session";

const dynamicUri = "com.acme.dynamic";
const authenticator = "com.acme.auth";
const local = (usernames: string, authmethod: string): Dict => ({
  usernames,
  authmethod,
  cidr: "127.0.0.0/8",
});
const grant = (permission: string, on: string, roles: unknown): Dict => ({
  permissions: [permission],
  uri: on,
  match: on === "" ? "prefix" : "exact",
  roles,
});
/** Where a procedure decides about tickets: `judge` may be it, and `clerk` may do much else. */
const dynamic: Dict = {
  uri: dynamicUri,
  authmethods: ["password", "ticket"],
  authenticators: { ticket: authenticator },
  groups: [{ name: "judges" }, { name: "clerks" }],
  users: [
    { username: "judge", password, groups: ["judges"] },
    { username: "clerk", password, groups: ["clerks"] },
  ],
  sources: [local("all", "password")],
  grants: [
    grant("wamp.register", authenticator, ["judges"]),
    grant("wamp.register", "com.acme.other", ["clerks"]),
    grant("wamp.call", "", ["clerks"]),
  ],
};

let router: Router;
const errors: unknown[] = [];
const logged: unknown[] = [];
const onUnhandled = (cause: unknown): void => void errors.push(cause);

before(async () => {
  process.on("unhandledRejection", onUnhandled);
  router = await createRouter({
    realms: [],
    security: {
      definitions: [{ name: "test", realms: [{ uri, authmethods: methods, ...people() }, dynamic] }],
    },
    websocket: { port: 0 },
    log: {
      ...silentLog,
      info: (...said) => void logged.push(said),
      error: (...said) => void errors.push(said),
    },
  });
});

after(async () => {
  await router.close();
  process.off("unhandledRejection", onUnhandled);
  assert.deepEqual(errors, []);
});

/** Users, because each test spoils its own. */
function people(): Dict {
  const users = ["bob", "gone", "off", "changed", "moved", "ticketed", "deleted"].map((username) => ({
    username,
    password,
  }));
  const sources = [
    ...methods
      .filter((authmethod) => authmethod !== "password")
      .map((authmethod) => ({ usernames: "all", authmethod, cidr: "127.0.0.0/8" })),
    { usernames: "bob,moved".split(","), authmethod: "password", cidr: "127.0.0.0/8" },
  ];
  const everything = ["wamp.call", "wamp.subscribe", "bondy.issue"];
  return { users, sources, grants: [{ permissions: everything, uri: "", match: "prefix", roles: "all" }] };
}

/** A raw client: bytes in, messages out. */
class Raw {
  readonly #socket: WebSocket;
  readonly #messages: unknown[][] = [];
  #waiting: ((message: unknown[]) => void) | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const put = (message: unknown[]): void => {
      const waiting = this.#waiting;
      this.#waiting = null;
      if (waiting === null) this.#messages.push(message);
      else waiting(message);
    };
    socket.on("message", (data, isBinary) => put(isBinary ? ["binary"] : JSON.parse(String(data))));
    socket.on("close", () => put(["closed"]));
    socket.on("error", () => undefined);
  }

  static open(protocol = "wamp.2.json"): Promise<Raw> {
    const socket = new WebSocket(router.listeners[0]!.url, protocol);
    const raw = new Raw(socket);
    return new Promise((resolve, reject) => {
      socket.on("open", () => resolve(raw));
      socket.on("error", reject);
    });
  }

  send(message: unknown): void {
    const isRaw = typeof message === "string" || message instanceof Uint8Array;
    this.#socket.send(isRaw ? message : JSON.stringify(message));
  }

  next(): Promise<unknown[]> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  hello(details: Dict, realm: string | null = uri): Promise<unknown[]> {
    this.send([Message.hello, realm, { roles: { caller: {}, subscriber: {} }, ...details }]);
    return this.next();
  }

  /** Without a goodbye. */
  cut(): void {
    this.#socket.terminate();
  }
}

async function login(
  details: Dict,
  secret = password,
): Promise<{ raw: Raw; welcome: Dict; session: number }> {
  const raw = await Raw.open();
  const [type, method, extra] = await raw.hello({ authmethods: ["wampcra"], ...details });
  assert.equal(type, Message.challenge);
  raw.send([Message.authenticate, method === "wampcra" ? signCra(extra as Dict, secret) : secret, {}]);
  const [answer, session, welcome] = await raw.next();
  assert.equal(answer, Message.welcome, JSON.stringify([answer, session, welcome]));
  return { raw, welcome: welcome as Dict, session: session as number };
}

const settled = async (isSo: () => boolean): Promise<void> => {
  for (let i = 0; !isSo(); i++) {
    assert.ok(i < 1_000, "it never happens");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** A session whose client is gone, and how to come back to it. */
async function detached(details: Dict, secret = password): Promise<() => Promise<unknown[]>> {
  const { stats } = router;
  const before = stats.call(router).detached;
  const { raw, welcome, session } = await login({ resumable: true, ...details }, secret);
  raw.cut();
  await settled(() => stats.call(router).detached === before + 1);
  const resume = { resume_session: session, resume_token: welcome["resume_token"] };
  return async () => {
    const again = await Raw.open();
    const answer = await again.hello(resume, null);
    again.cut();
    return answer;
  };
}

async function isLost(resume: () => Promise<unknown[]>): Promise<void> {
  const [type, , reason] = await resume();
  assert.deepEqual([type, reason], [Message.abort, noSession]);
}

test("a session does not come back after what it stands on has gone", async () => {
  const security = router.security!;
  const first = await detached({ authid: "bob" });
  assert.equal((await first())[0], Message.welcome);
  const ends: Readonly<Record<string, () => Promise<unknown>>> = {
    off: () => security.setUserEnabled(uri, "off", false),
    deleted: () => security.deleteUser(uri, "deleted"),
    changed: () => security.changePassword(uri, "changed", "another secret"),
  };
  for (const [authid, end] of Object.entries(ends)) {
    const resume = await detached({ authid });
    await end();
    await isLost(resume);
  }
  await settled(() => router.stats().detached <= 1);
});

test("a session does not come back from where its user may not come", async () => {
  const resume = await detached({ authmethods: ["password"], authid: "moved" });
  await router.security!.deleteSource(uri, "moved", "127.0.0.0/8", "password");
  await isLost(resume);
  await router.security!.addSource(uri, { usernames: "moved", authmethod: "password", cidr: "127.0.0.0/8" });
  // Whoever had the token has not ended it by that.
  assert.equal((await resume())[0], Message.welcome);
});

test("a session does not come back after its ticket was revoked, nor after its realm was deleted", async () => {
  const security = router.security!;
  const { raw } = await login({ authid: "ticketed" });
  raw.send([Message.call, 1, {}, "bondy.ticket.issue", [], {}]);
  const [, , , [given]] = (await raw.next()) as [number, number, Dict, [Dict]];
  const { ticket, id } = given as { ticket: string; id: string };
  const authmethods = ["ticket"];
  const resume = await detached({ authid: "ticketed", authmethods }, ticket);
  assert.equal((await resume())[0], Message.welcome);
  const again = await detached({ authid: "ticketed", authmethods }, ticket);
  assert.equal(await security.revokeTicket(uri, id), true);
  await isLost(again);

  const other = "com.acme.brief";
  await security.createRealm({ uri: other, authmethods: ["anonymous"] });
  await security.addSource(other, { usernames: "anonymous", authmethod: "anonymous", cidr: "127.0.0.0/8" });
  const brief = await Raw.open();
  const [, session, welcome] = await brief.hello({ authmethods: ["anonymous"], resumable: true }, other);
  const before = router.stats().detached;
  brief.cut();
  await settled(() => router.stats().detached === before + 1);
  await security.deleteRealm(other, { force: true });
  await isLost(async () => {
    const back = await Raw.open();
    return back.hello({ resume_session: session, resume_token: (welcome as Dict)["resume_token"] }, null);
  });
});

test("an answer to one connection's challenge is none to another's, nor is a second one", async () => {
  const one = await Raw.open();
  const other = await Raw.open();
  const hello = { authmethods: ["wampcra"], authid: "bob" };
  const [, , extra] = await one.hello(hello);
  assert.equal((await other.hello(hello))[0], Message.challenge);
  const signature = signCra(extra as Dict, password);
  other.send([Message.authenticate, signature, {}]);
  assert.deepEqual(
    (await other.next()).slice(0, 3).filter((_, i) => i !== 1),
    [Message.abort, "wamp.error.authentication_failed"],
  );
  one.send([Message.authenticate, signature, {}]);
  assert.equal((await one.next())[0], Message.welcome);
  one.send([Message.authenticate, signature, {}]);
  assert.equal((await one.next())[2], "wamp.error.protocol_violation");
});

test("HELLO and AUTHENTICATE of any size are not kept for anybody", async () => {
  const padding = "x".repeat(70_000);
  const raw = await Raw.open();
  const tooLong = "wamp.error.payload_size_exceeded";
  assert.equal(
    (await raw.hello({ authmethods: ["wampcra"], authid: "bob", authextra: { padding } }))[2],
    tooLong,
  );
  const other = await Raw.open();
  await other.hello({ authmethods: ["password"], authid: "bob" });
  other.send([Message.authenticate, padding, {}]);
  assert.equal((await other.next())[2], tooLong);
});

test("whatever stands in HELLO and AUTHENTICATE, the client hears an error and the router goes on", async () => {
  const deep = `${"[".repeat(60)}${"]".repeat(60)}`;
  const extras = [
    '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}',
    `{"pubkey":${deep},"nonce":{"toString":1}}`,
    '{"nonce":"\\u0000","pubkey":[],"challenge":{},"channel_binding":"__proto__"}',
    "[]",
    "null",
    '"text"',
    "1e400",
  ];
  for (const extra of extras) {
    const raw = await Raw.open();
    const details = `{"roles":{"caller":{},"__proto__":{}},"authmethods":["wampcra","__proto__"],"authid":"__proto__","authextra":${extra}}`;
    raw.send(`[1,"${uri}",${details}]`);
    const [type] = await raw.next();
    assert.ok(type === Message.challenge || type === Message.abort, String(type));
    raw.send(`[5,{"__proto__":1},{"nonce":${deep}}]`);
    const [answer] = await raw.next();
    assert.ok(answer === Message.abort || answer === "closed", String(answer));
  }
  const { isAdmin } = {} as Dict;
  assert.equal(isAdmin, undefined);
  // What MessagePack's own decoder throws at.
  const binary = await Raw.open("wamp.2.msgpack");
  const hello = [
    Message.hello,
    uri,
    { roles: { caller: {} }, authmethods: ["wampcra"], authid: "bob", authextra: { proto: 1 } },
  ];
  const bytes = Buffer.from(encodeMsgpack(hello));
  const at = bytes.indexOf("\xa5proto", 0, "latin1");
  const hostile = Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from("\xa9__proto__", "latin1"),
    bytes.subarray(at + 6),
  ]);
  binary.send(hostile);
  assert.deepEqual(await binary.next(), ["binary"]);
});

test("what a client says when it aborts is not logged at whatever length", async () => {
  const { raw } = await login({ authid: "bob" });
  raw.send([Message.abort, { message: "x".repeat(100_000) }, "wamp.error.canceled"]);
  assert.deepEqual(await raw.next(), ["closed"]);
  const lines = logged
    .map((line) => JSON.stringify(line))
    .filter((line) => line.includes("aborted by the client"));
  assert.equal(lines.length, 1);
  assert.ok(lines[0]!.includes("wamp.error.canceled") && lines[0]!.length < 500);
});

test("a client that goes while its password is looked at leaves nothing behind", async () => {
  for (let i = 0; i < 20; i++) {
    const raw = await Raw.open();
    await raw.hello({ authmethods: ["password"], authid: "bob" });
    raw.send([Message.authenticate, i % 2 === 0 ? password : "wrong", {}]);
    raw.cut();
  }
  await settled(() => router.connectionCount <= router.stats().sessions);
  const { raw } = await login({ authid: "bob", authmethods: ["password"] });
  raw.cut();
});

test("who is the authenticator takes a grant, and its word makes nobody the router's own or an administrator", async () => {
  const realm = dynamicUri;
  const connected = (authid: string) =>
    connect({ url: router.listeners[0]!.url, realm, auth: { methods: ["password"], authid, password } });
  const clerk = await connected("clerk");
  await assert.rejects(
    clerk.register(authenticator, () => []),
    /not authorized/,
  );
  const judge = await connected("judge");
  await judge.register(authenticator, ({ args: [, authid] }) => ({
    authid,
    role: ["trusted", "local", "admin", "bondy.administrators"],
    extra: { role: "clerks" },
  }));
  const ticketed = (authid: string, authrole?: string) =>
    connect({
      url: router.listeners[0]!.url,
      realm,
      auth: { methods: ["ticket"], authid, ticket: "any", ...(authrole === undefined ? {} : { authrole }) },
    });
  for (const session of [await ticketed("local"), await ticketed("clerk"), await ticketed("x", "trusted")]) {
    assert.equal(session.details["authprovider"], "dynamic");
    await assert.rejects(session.call("com.acme.none"), /not authorized/);
    await assert.rejects(session.call("bondy.realm.list"), /not authorized/);
    await assert.rejects(
      session.call("bondy.user.change_password", [realm, "clerk", "new"]),
      /not authorized/,
    );
    await session.leave();
  }
  await judge.leave();
  await clerk.leave();
});
