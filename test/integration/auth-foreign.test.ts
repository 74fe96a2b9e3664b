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
import { ConfigFiles } from "../support/config-files.ts";
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
  files.write("spanwire.yaml", `security:\n  file: security_config.json\n${limits}\n`);
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
