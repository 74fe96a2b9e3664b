/** Access control as clients and administrators meet it, on a whole router. Random order and both modes are in property/access-model. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import { createRouter, type Router, type RouterOptions } from "../../src/main.ts";
import type { Identity } from "../../src/ports.ts";
import { errors } from "../../src/protocol/errors.ts";
import { Match, Message } from "../../src/protocol/messages.ts";
import { AccessClient } from "../support/access-client.ts";
import { AccessRealms, grantOf } from "../support/access-realms.ts";
import { nothingLeft } from "../support/router-suite.ts";

class AccessRig {
  readonly policy: AccessRealms;
  readonly router: Router;
  readonly faults: unknown[];
  /** Sessions of the router itself, which stay: those that ask authorizers. */
  ownSessions = 0;
  readonly #clients: AccessClient[] = [];

  constructor(router: Router, policy: AccessRealms, faults: unknown[]) {
    this.router = router;
    this.policy = policy;
    this.faults = faults;
  }
  async join(user: string, realm = "realm1"): Promise<AccessClient> {
    const identity: Identity = {
      authid: user,
      authrole: "user",
      authmethod: "password",
      authprovider: "test",
      user,
    };
    const client = new AccessClient(this.router, realm, identity);
    this.#clients.push(client);
    assert.deepEqual(await this.come(client), ["welcome"]);
    return client;
  }
  grant(...given: Parameters<typeof grantOf>): void {
    this.policy.realm("realm1").grants.push(grantOf(...given));
    this.router.refreshAccess(["realm1"]);
  }
  revokeAll(): void {
    this.policy.realm("realm1").grants = [];
    this.router.refreshAccess(["realm1"]);
  }
  /** What has come when the router has come to rest. */
  async come(client: AccessClient): Promise<string[]> {
    await turns(6);
    return client.take();
  }
  async leave(): Promise<void> {
    for (const client of this.#clients) client.leave();
    await turns(60);
    const own = { connections: this.ownSessions, sessions: this.ownSessions };
    assert.deepEqual(this.router.stats(), { ...nothingLeft, ...own });
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

function accessTest(name: string, options: RouterOptions, body: (rig: AccessRig) => Promise<void>): void {
  test(name, async () => {
    const policy = new AccessRealms("realm1", "realm2");
    const faults: unknown[] = [];
    const log = { ...silentLog, error: (...what: unknown[]) => void faults.push(what) };
    const router = await createRouter({ realms: ["realm1", "realm2"], access: policy, log, ...options });
    const alive = setInterval(() => {}, 1_000);
    const rig = new AccessRig(router, policy, faults);
    try {
      await body(rig);
      await rig.leave();
      assert.deepEqual(rig.faults, []);
    } finally {
      await router.close();
      clearInterval(alive);
    }
  });
}

const { notAuthorized } = errors;

accessTest("a refused CALL is answered alike whether or not there is such a procedure", {}, async (rig) => {
  rig.grant("user/ann", "wamp.register", "", "prefix");
  const ann = await rig.join("ann");
  ann.ask(Message.register, {}, "com.secret");
  assert.deepEqual(await rig.come(ann), ["registered 1"]);
  const bob = await rig.join("bob");
  for (const uri of ["com.secret", "com.nothing", "wamp.session.count", "wamp.session.nothing"]) {
    const request = bob.ask(Message.call, {}, uri);
    assert.deepEqual(await rig.come(bob), [`error ${request} ${notAuthorized.uri}`]);
  }
  assert.deepEqual(await rig.come(ann), []);
  // What is no URI is said to be none, whoever asks.
  assert.deepEqual(bob.ask(Message.call, {}, "a..b"), 5);
  assert.deepEqual(await rig.come(bob), [`error 5 ${errors.invalidUri.uri}`]);
  assert.equal(rig.router.metrics.accessDenied, 4);
});

accessTest("a refused PUBLISH without acknowledge is silent, and counted", {}, async (rig) => {
  rig.grant("user/ann", "wamp.subscribe", "", "prefix");
  const ann = await rig.join("ann");
  ann.ask(Message.subscribe, { match: "prefix" }, "");
  const bob = await rig.join("bob");
  bob.ask(Message.publish, {}, "com.topic", [1]);
  assert.deepEqual(await rig.come(bob), []);
  assert.deepEqual(await rig.come(ann), ["subscribed 1"]);
  assert.equal(rig.router.metrics.accessDenied, 1);
});

accessTest("a denial's id tells administrators what was refused", {}, async (rig) => {
  const bob = await rig.join("bob");
  const before = Date.now();
  bob.ask(Message.subscribe, { match: "wildcard" }, "com..topic");
  await turns(3);
  const [told] = bob.takeTexts();
  const denial = rig.router.denial(/denial ([0-9a-z]+)/.exec(told!)![1]!);
  assert.ok(denial !== undefined && denial.at_ms >= before - 1_000);
  const { id: _, at_ms: __, session: ___, ...known } = denial;
  assert.deepEqual(known, {
    authid: "bob",
    realm: "realm1",
    permission: "wamp.subscribe",
    uri: "com..topic",
    match: Match.wildcard,
  });
  assert.ok(!told!.includes("com."), "the client is told the number only");
  assert.equal(rig.router.denial("0"), undefined);
});

accessTest("as many denials are remembered as may be", { limits: { denials_max: 4 } }, async (rig) => {
  const bob = await rig.join("bob");
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) bob.ask(Message.call, {}, `a.x${i}`);
  await turns(4);
  for (const text of bob.takeTexts()) ids.push(/denial ([0-9a-z]+)/.exec(text)![1]!);
  assert.deepEqual(
    ids.map((id) => rig.router.denial(id)?.uri),
    [undefined, undefined, "a.x2", "a.x3", "a.x4", "a.x5"],
  );
});

accessTest("CANCEL needs its own right, by the procedure that was called", {}, async (rig) => {
  rig.grant("user/ann", "wamp.register", "", "prefix");
  rig.grant("user/bob", "wamp.call", "com.", "prefix");
  rig.grant("user/bob", "wamp.cancel", "com.may");
  const ann = await rig.join("ann");
  const bob = await rig.join("bob");
  ann.ask(Message.register, { match: "prefix" }, "com.");
  assert.deepEqual(await rig.come(ann), ["registered 1"]);
  const mayNot = bob.ask(Message.call, {}, "com.maynot", ["x"]);
  const may = bob.ask(Message.call, {}, "com.may", ["y"]);
  assert.equal((await rig.come(ann)).length, 2);
  bob.cancel(mayNot);
  bob.cancel(may);
  assert.deepEqual(await rig.come(ann), ["interrupt"]);
  assert.deepEqual(await rig.come(bob), [`error ${may} ${errors.canceled.uri}`]);
  assert.equal(rig.router.metrics.accessDenied, 1);
  ann.send([Message.yield, ann.invocations[0]!.request, {}, ["x"]]);
  assert.deepEqual(await rig.come(bob), [`result ${mayNot} x`]);
});

accessTest(
  "a testament needs the right to publish it, when it is left and when it is published",
  {},
  async (rig) => {
    rig.grant("all", "wamp.call", "wamp.", "prefix");
    rig.grant("all", "wamp.subscribe", "", "prefix");
    rig.grant("user/bob", ["wamp.publish"], "com.last");
    const ann = await rig.join("ann");
    ann.ask(Message.subscribe, { match: "prefix" }, "com.");
    const leave = async (client: AccessClient, topic: string, options: object = {}): Promise<string[]> => {
      client.ask(Message.call, {}, "wamp.session.add_testament", [topic, [topic], {}], {
        publish_options: options,
      });
      return rig.come(client);
    };
    const bob = await rig.join("bob");
    assert.deepEqual(await leave(bob, "com.other"), [`error 1 ${notAuthorized.uri}`]);
    assert.deepEqual(await leave(bob, "com.last", { disclose_me: true }), [
      `error 2 ${errors.discloseMeDisallowed.uri}`,
    ]);
    assert.deepEqual(await leave(bob, "com.last"), ["result 3 undefined"]);
    const second = await rig.join("bob");
    assert.deepEqual(await leave(second, "com.last"), ["result 1 undefined"]);
    bob.leave();
    assert.deepEqual(await rig.come(ann), ["subscribed 1", "event 1:com. com.last"]);
    rig.policy.realm("realm1").grants.pop();
    rig.router.refreshAccess(["realm1"]);
    second.leave();
    assert.deepEqual(await rig.come(ann), []);
  },
);

accessTest(
  "what the router keeps of a topic is for those who may subscribe to it",
  {
    realms: [{ uri: "realm1", history: [{ topic: "com.kept", limit: 5 }] }],
  },
  async (rig) => {
    rig.grant("all", "wamp.call", "", "prefix");
    rig.grant("user/ann", ["wamp.publish", "wamp.subscribe"], "", "prefix");
    const ann = await rig.join("ann");
    const bob = await rig.join("bob");
    ann.ask(Message.publish, { acknowledge: true, retain: true, exclude_me: false }, "com.kept", ["kept"]);
    ann.ask(Message.call, {}, "wamp.subscription.lookup", ["com.kept"]);
    const [, found] = await rig.come(ann);
    const id = Number(/result 2 (\d+)/.exec(found!)![1]);
    const questions = (client: AccessClient): void => {
      client.ask(Message.call, {}, "wamp.subscription.get_events", [id]);
      client.ask(Message.call, {}, "spanwire.retained.get", ["com.kept"]);
      client.ask(Message.call, {}, "spanwire.retained.list", ["com."]);
      client.ask(Message.call, {}, "spanwire.retained.delete", ["com.kept"]);
    };
    questions(bob);
    assert.deepEqual(
      await rig.come(bob),
      [1, 2, 3, 4].map((request) => `error ${request} ${notAuthorized.uri}`),
    );
    questions(ann);
    const answers = await rig.come(ann);
    assert.deepEqual(answers.slice(2), ["result 5 com.kept", "result 6 true"]);
    assert.ok(answers.every((answer) => answer.startsWith("result")));
  },
);

const many = 1_000;
accessTest(
  "a right taken from a session with many subscriptions ends them over several turns",
  { limits: { accessSweep_max: 100 } },
  async (rig) => {
    rig.grant("all", ["wamp.subscribe", "wamp.publish"], "", "prefix");
    const ann = await rig.join("ann");
    for (let i = 0; i < many; i++) ann.ask(Message.subscribe, {}, `com.x${i}`);
    assert.equal((await rig.come(ann)).length, many);
    rig.revokeAll();
    const left = rig.router.stats().subscriptions;
    assert.ok(left >= many - 100 && left < many, `${left} were left after the first turn`);
    // From now on nothing new is allowed.
    const request = ann.ask(Message.subscribe, {}, "com.new");
    await turns(20);
    const told = await rig.come(ann);
    assert.equal(told.filter((text) => text.startsWith("unsubscribed by the router")).length, many);
    assert.ok(told.includes(`error ${request} ${notAuthorized.uri}`));
    assert.equal(rig.router.stats().subscriptions, 0);
    assert.equal(rig.router.metrics.accessRevoked, many);
  },
);

accessTest("a procedure decides where no grant does, and may say so for good", {}, async (rig) => {
  rig.policy.authorizer = "com.authorize";
  rig.ownSessions = 1;
  rig.grant("user/ann", "wamp.register", "com.", "prefix");
  const ann = await rig.join("ann");
  ann.ask(Message.register, {}, "com.authorize");
  ann.ask(Message.register, {}, "com.add");
  assert.deepEqual(await rig.come(ann), ["registered 1", "registered 2"]);
  const bob = await rig.join("bob");
  const answer = async (value: unknown): Promise<string> => {
    const [came, ...more] = await rig.come(ann);
    assert.deepEqual(more, []);
    ann.send([Message.yield, ann.invocations.at(-1)!.request, {}, [value]]);
    return came!;
  };
  bob.ask(Message.call, {}, "com.add", [1]);
  assert.match(await answer(true), /^invocation 0:com.authorize /);
  assert.equal(await answer(1), "invocation 0:com.add 1");
  assert.deepEqual(await rig.come(bob), ["result 1 1"]);
  // What comes behind a message that waits, waits too.
  bob.ask(Message.call, {}, "com.add", [2]);
  bob.ask(Message.call, {}, "com.add", [3]);
  assert.match(await answer(false), /^invocation 0:com.authorize /);
  assert.match(await answer({ allow: true, cache: true }), /^invocation 0:com.authorize /);
  assert.deepEqual(await rig.come(bob), [`error 2 ${notAuthorized.uri}`]);
  assert.equal(await answer(3), "invocation 0:com.add 3");
  bob.ask(Message.call, {}, "com.add", [4]);
  assert.equal(await answer(4), "invocation 0:com.add 4");
  assert.deepEqual(await rig.come(bob), ["result 3 3", "result 4 4"]);
  rig.policy.authorizer = null;
  rig.router.refreshAccess(["realm1"]);
  bob.ask(Message.call, {}, "com.add", [5]);
  assert.deepEqual(await rig.come(bob), [`error 5 ${notAuthorized.uri}`]);
});

test("a session whose rules cannot be had any more is ended", async () => {
  const policy = new AccessRealms("realm1");
  const faults: unknown[] = [];
  const log = { ...silentLog, error: (...what: unknown[]) => void faults.push(what) };
  const router = await createRouter({ access: policy, log, limits: { goodbye_ms: 50 } });
  const identity = { authid: "ann", authrole: "r", authmethod: "ticket", authprovider: "test", user: "ann" };
  const alive = setInterval(() => {}, 1_000);
  try {
    const ann = new AccessClient(router, "realm1", identity);
    policy.realms.delete("realm1");
    router.refreshAccess(["realm1"]);
    await turns(4);
    assert.equal(router.stats().sessions, 0);
    assert.equal(faults.length, 1);
    ann.leave();
  } finally {
    await router.close();
    clearInterval(alive);
  }
});
