/**
 * Every method as its user has it: the command with a security_config.json, and clients that nobody here wrote, in each serializer: in with
 * the right secret and as who, allowed what is granted and nothing else, out with a wrong one.
 */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { connect } from "../../src/client/connect.ts";
import type { ClientSession } from "../../src/client/session.ts";
import { authClients, type ForeignMethod, type LoginWish } from "../support/auth-clients.ts";
import {
  authRealm,
  granted,
  open,
  otherPublicKey,
  otherSeed,
  password,
  publicKey,
  realmDefinition,
  refused,
  seed,
} from "../support/auth-realm.ts";
import { filesOf, trust } from "../support/certificates.ts";
import { ConfigFiles } from "../support/config-files.ts";
import { createWampy } from "../support/foreign-wampy.ts";
import { PythonLogins, pythonProblem } from "../support/python-logins.ts";
import { startRouter, type RunningRouter } from "../support/router.ts";

const timeout = 120_000;
const files = new ConfigFiles();
const clients = authClients();
let router: RunningRouter;
let service: ClientSession;

before(async () => {
  files.write("security_config.json", JSON.stringify([realmDefinition]));
  // Many fail here on purpose, from one address and under one name.
  const limits = "limits: { failedLoginsPerSource_max: 1000, failedLoginsPerAuthid_max: 1000 }";
  const tls = JSON.stringify(filesOf("server"));
  const listeners = `listeners:
  - { kind: websocket, port: 0 }
  - { kind: rawsocket, port: 0 }
  - { kind: websocket, port: 0, tls: ${tls} }
`;
  files.write("spanwire.yaml", `${listeners}security:\n  file: security_config.json\n${limits}\n`);
  router = await startRouter({ args: ["--config", files.path("spanwire.yaml")] });
  service = await connect({ url: router.url, realm: authRealm, auth: { authid: "svc", password } });
  for (const uri of [granted, open, refused]) await service.register(uri, () => "hello");
});
after(async () => {
  for (const client of clients) client.close();
  await service.leave();
  assert.equal(await router.stop(), 0);
});

interface Case {
  readonly rows: string;
  readonly right: Partial<LoginWish>;
  readonly wrong?: Partial<LoginWish>;
}

const byPassword = { authid: "joe", secret: password };
const wrongPassword = { authid: "joe", secret: "wrong horse" };
const cases: Readonly<Record<ForeignMethod, Case>> = {
  anonymous: { rows: "[A-01] ", right: {} },
  ticket: { rows: "[A-02] ", right: byPassword, wrong: wrongPassword },
  wampcra: { rows: "[A-03] ", right: byPassword, wrong: wrongPassword },
  cryptosign: {
    rows: "[A-04] ",
    right: { authid: "joe", secret: seed, publicKey },
    wrong: { authid: "joe", secret: otherSeed, publicKey: otherPublicKey },
  },
  scram: { rows: "[A-07] ", right: byPassword, wrong: wrongPassword },
};

/** The first listener whose URL begins so, as the command has printed it. */
const urlOf = (scheme: string): string =>
  new RegExp(`${scheme}://[^\\s"',]+`).exec(router.output())?.[0] ?? "";

const denied = "wamp.error.not_authorized";

for (const client of clients) {
  for (const method of client.methods) {
    const { rows, right, wrong } = cases[method];
    for (const serializer of client.serializers) {
      const options = { timeout, ...(client.skip === undefined ? {} : { skip: client.skip }) };
      test(`${rows}${client.name} logs in by ${method}, in ${serializer}`, options, async () => {
        const wish = { url: router.url, realm: authRealm, method, serializer };
        const outcome = await client.login({ ...wish, ...right, calls: [open, granted, refused] });
        assert.ok("joined" in outcome, JSON.stringify(outcome));
        const { authid, authrole, authmethod } = outcome.joined;
        const isAnonymous = method === "anonymous";
        assert.deepEqual(
          { authid: isAnonymous ? String(authid).split("-")[0] : authid, authrole, authmethod },
          isAnonymous
            ? { authid: "anonymous", authrole: "anonymous", authmethod: "anonymous" }
            : { authid: "joe", authrole: "staff", authmethod: method },
        );
        assert.deepEqual(outcome.calls, {
          [open]: "ok",
          [granted]: isAnonymous ? denied : "ok",
          [refused]: denied,
        });
        if (wrong === undefined) return;
        for (const wishes of [wrong, { ...right, authid: "nobody" }]) {
          assert.deepEqual(await client.login({ ...wish, ...wishes }), {
            refused: "wamp.error.authentication_failed",
          });
        }
      });
    }
  }
}

test("wampy and autobahn-python log in to the command over wss", { timeout }, async () => {
  const url = urlOf("wss");
  assert.match(url, /^wss:/);
  const wampcra = (await import("wampy/wampcra.js" as string)) as { sign(secret: string): unknown };
  const more = {
    authid: "joe",
    authmethods: ["wampcra"],
    authMode: "auto",
    authPlugins: { wampcra: wampcra.sign(password) },
  };
  const wampy = await createWampy({ url, realm: authRealm, serializer: "cbor", tls: trust(), more });
  assert.equal(((await wampy.connect()) as { authid?: string }).authid, "joe");
  await wampy.call(granted, {});
  await wampy.disconnect();
  if (pythonProblem() !== undefined) return;
  const python = new PythonLogins();
  try {
    const wish = {
      url,
      realm: authRealm,
      serializer: "cbor",
      method: "scram",
      calls: [granted],
      ...byPassword,
    } as const;
    const outcome = await python.login(wish, { ca: trust().ca });
    assert.ok("joined" in outcome && outcome.calls[granted] === "ok", JSON.stringify(outcome));
  } finally {
    python.close();
  }
});

for (const { name, login, skip } of clients.filter(({ name }) => name !== "wampy")) {
  const options = { timeout, ...(skip === undefined ? {} : { skip }) };
  test(`[A-04] ${name} is known by its key alone where it gives no name`, options, async () => {
    const wish = { url: router.url, realm: authRealm, method: "cryptosign", serializer: "json" } as const;
    const outcome = await login({ ...wish, secret: seed, publicKey });
    assert.ok("joined" in outcome, JSON.stringify(outcome));
    assert.equal(outcome.joined["authid"], "joe");
    const stranger = await login({ ...wish, secret: otherSeed, publicKey: otherPublicKey });
    assert.deepEqual(stranger, { refused: "wamp.error.authentication_failed" });
  });
}
