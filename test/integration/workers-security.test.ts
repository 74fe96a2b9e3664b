// One security model in real threads: whoever has a connection can let anybody in, and knows at once what has been changed elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClientSession, connect } from "../../src/client/index.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { placeOfSession } from "../support/place-of-session.ts";

const timeout = 120_000;
const workers = 3;
const realm = "com.example.plant";
const definition = {
  uri: realm,
  authmethods: ["wampcra"],
  groups: [{ name: "staff" }],
  users: [{ username: "joe", password: "correct horse", groups: ["staff"] }],
  sources: [{ usernames: "all", authmethod: "wampcra", cidr: "127.0.0.0/8" }],
  grants: [{ permissions: ["wamp.publish"], uri: "com.example.", match: "prefix", roles: ["staff"] }],
};

const login = (router: Router, authid: string, password: string): Promise<ClientSession> =>
  connect({ url: router.listeners[0]!.url, realm, auth: { authid, password } });

/** Sessions of one user, until every worker has one. */
async function everywhere(router: Router, authid: string, password: string): Promise<ClientSession[]> {
  const sessions: ClientSession[] = [];
  const places = new Set<number>();
  for (const giveUp_ms = performance.now() + timeout / 4; places.size < workers; ) {
    assert.ok(performance.now() < giveUp_ms, `logged in at ${[...places].join(" and ")} only`);
    const session = await login(router, authid, password);
    sessions.push(session);
    places.add(placeOfSession(session.id, workers));
  }
  return sessions;
}

test("every worker lets users in, refuses others, and knows of a change as soon as it is answered", {
  timeout,
}, async () => {
  const router = await createRouter({
    workers,
    websocket: { port: 0 },
    security: { definitions: [{ name: "test", realms: [definition] }] },
  });
  try {
    const sessions = await everywhere(router, "joe", "correct horse");
    for (const session of sessions) {
      await session.publish("com.example.topic", ["one"], {}, { acknowledge: true });
      await assert.rejects(
        session.publish("org.example.topic", ["one"], {}, { acknowledge: true }),
        (cause) => cause instanceof WampError && cause.uri === "wamp.error.not_authorized",
      );
    }
    for (let tries = 0; tries < 6; tries++) await assert.rejects(login(router, "joe", "wrong horse"));
    await router.security!.addUser(realm, { username: "kim", password: "new battery", groups: ["staff"] });
    const others = await everywhere(router, "kim", "new battery");
    await router.security!.setUserEnabled(realm, "kim", false);
    for (let tries = 0; tries < 6; tries++) await assert.rejects(login(router, "kim", "new battery"));
    // Those who are there already go, wherever they are.
    await Promise.all(others.map((session) => session.closed));
    for (const session of sessions) await session.leave();
  } finally {
    await router.close();
  }
});
