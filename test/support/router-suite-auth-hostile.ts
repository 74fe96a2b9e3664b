/** Clients that try to be let in without the secret, out of turn, or at the router's expense. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { authRealm, password, publicKey, realmDefinition } from "./auth-realm.ts";
import {
  authenticate,
  challenged,
  failed,
  guarded,
  joeByCra,
  joesCra,
  joesScram,
  sayHello,
  scramAnswer,
  service,
  signChallenge,
  violation,
  welcomed,
} from "./auth-wire.ts";
import { signCra } from "./login-world.ts";
import type { Suite } from "./router-suite.ts";
import type { Dict } from "./wire.ts";

const noMatch = "wamp.error.no_matching_auth_method";

export function hostileAuthSuite(suite: Suite): void {
  wrongAnswers(suite);
  strangers(suite);
  weakerMethods(suite);
  outOfTurn(suite);
}

/** How a user of each method answers rightly. */
interface Way {
  readonly row: string;
  readonly hello: Dict;
  answer(extra: Dict): readonly [signature: string, extra?: Dict];
}

const ways: readonly Way[] = [
  { row: "A-02", hello: { authid: "joe", authmethods: ["ticket"] }, answer: () => [password] },
  { row: "A-03", hello: joesCra, answer: (extra) => [signCra(extra, password)] },
  {
    row: "A-04",
    hello: { authid: "joe", authmethods: ["cryptosign"], authextra: { pubkey: publicKey } },
    answer: (extra) => [signChallenge(extra)],
  },
  { row: "A-07", hello: joesScram, answer: (extra) => scramAnswer(extra, password) },
];

const methodOf = ({ hello }: Way): string => (hello["authmethods"] as string[])[0]!;

function wrongAnswers(suite: Suite): void {
  for (const way of ways.slice(1)) {
    suite.testWith(
      `[${way.row}] ${methodOf(way)}: the answer to one challenge is none to another, nor on another connection`,
      guarded(),
      async (world) => {
        const [first, second] = [await challenged(world, way.hello), await challenged(world, way.hello)];
        const answer = way.answer(first.extra);
        authenticate(second.wire, ...answer);
        await second.wire.expectAbort(failed);
        authenticate(first.wire, ...answer);
        await welcomed(first.wire);
        await first.wire.leave();
        sayHello(first.wire, way.hello);
        assert.equal((await first.wire.next())[0], Message.challenge);
        authenticate(first.wire, ...answer);
        await first.wire.expectAbort(failed);
      },
    );
  }

  suite.testWith(
    "[A-03] a signature over a challenge that names another session, nonce or user is refused",
    guarded(),
    async (world) => {
      for (const other of [{ session: 1 }, { nonce: "" }, { authid: "svc" }, { authrole: "services" }]) {
        const { wire, extra } = await challenged(world, joesCra);
        const challenge = JSON.stringify({ ...(JSON.parse(String(extra["challenge"])) as Dict), ...other });
        authenticate(wire, signCra({ ...extra, challenge }, password));
        await wire.expectAbort(failed);
      }
    },
  );

  const spoilt: readonly ((right: string) => unknown)[] = [
    () => "",
    (right) => right.slice(0, -2),
    (right) => right.slice(2),
    (right) => `${right}00`,
    (right) => right + "A".repeat(50_000),
    (right) => `${right} `,
    (right) => `\u0000${right}`,
    () => "!".repeat(64),
    () => "\u00ff".repeat(192),
    (right) => `${right.slice(0, -4)}\ud83d\ude00`,
    (right) => right.replace(/./g, "0"),
  ];
  for (const way of ways) {
    suite.testWith(
      `[${way.row}] ${methodOf(way)}: a cut, longer or garbled answer is refused like a wrong one`,
      guarded(),
      async (world) => {
        const answers = new Set<string>();
        for (const spoil of spoilt) {
          const { wire, extra } = await challenged(world, way.hello);
          const [right, more] = way.answer(extra);
          authenticate(wire, spoil(right), more);
          answers.add(Buffer.from(await wire.nextBytes()).toString("hex"));
          await wire.expectEnd();
        }
        assert.equal(answers.size, 1);
        assert.equal(world.router.stats().sessions, 0);
      },
    );
  }

  suite.testWith(
    "an answer that is no text, or has no dictionary, is a protocol violation",
    guarded(),
    async (world) => {
      for (const message of [
        [5, 12, {}],
        [5, null, {}],
        [5, ["a"], {}],
        [5, { a: 1 }, {}],
        [5, "a", []],
        [5, "a"],
        [5],
      ]) {
        const { wire } = await challenged(world, joesCra);
        wire.send(message);
        await wire.expectAbort(violation);
      }
    },
  );
}

/** What is random in a challenge, as how long it is. */
function shapeOf(extra: Dict): Dict {
  const shape: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(extra)) {
    if (key === "challenge" && String(value).startsWith("{")) {
      const { session, nonce, timestamp, authid, ...said } = JSON.parse(String(value)) as Dict;
      shape[key] = {
        ...said,
        session: typeof session,
        authid: String(authid).length,
        nonce: String(nonce).length,
        timestamp: String(timestamp).length,
      };
    } else shape[key] = typeof value === "string" ? value.length : value;
  }
  return shape;
}

function strangers(suite: Suite): void {
  for (const way of ways) {
    suite.testWith(
      `[${way.row}] ${methodOf(way)}: unknown, disabled and known users are challenged and refused alike, byte for byte`,
      guarded(),
      async (world) => {
        const seen = new Set<string>();
        for (const authid of ["joe", "jim", "off", "svc"]) {
          const { wire, method, extra } = await challenged(world, { ...way.hello, authid });
          const wrong = methodOf(way) === "ticket" ? "wrong" : "0".repeat(192);
          authenticate(wire, wrong, { nonce: extra["nonce"] });
          const abort = Buffer.from(await wire.nextBytes()).toString("hex");
          const { reason, ...close } = await wire.expectEnd();
          seen.add(JSON.stringify([method, Object.keys(extra), shapeOf(extra), abort, reason, close]));
        }
        assert.equal(seen.size, 1, [...seen].join("\n"));
      },
    );
  }

  suite.testWith(
    "a name is challenged with the same salt each time, known or not",
    guarded(),
    async (world) => {
      for (const authid of ["joe", "jim"]) {
        const salts = new Set<unknown>();
        for (let times = 0; times < 2; times++) {
          const { wire, extra } = await challenged(world, { ...joesCra, authid });
          salts.add(extra["salt"]);
          wire.close();
        }
        assert.equal(salts.size, 1);
      }
    },
  );

  suite.testWith(
    "a user who may come from another network only is refused with the right secret, as with a wrong one",
    guarded(),
    async (world) => {
      const answers = new Set<string>();
      for (const secret of [password, "wrong"]) {
        const { wire, extra } = await challenged(world, { ...joesCra, authid: "away" });
        authenticate(wire, signCra(extra, secret));
        answers.add(Buffer.from(await wire.nextBytes()).toString("hex"));
      }
      const { wire, extra } = await challenged(world, joesCra);
      authenticate(wire, signCra(extra, "wrong"));
      answers.add(Buffer.from(await wire.nextBytes()).toString("hex"));
      assert.equal(answers.size, 1);
    },
  );
}

function weakerMethods(suite: Suite): void {
  const weaker = ["anonymous", "trust", "password", "ticket", "cookie", "nonsense"];
  const strict = realmDefinition.sources.filter(({ authmethod }) => authmethod === "wampcra");

  for (const [why, realm] of [
    ["the realm", { authmethods: ["wampcra"] }],
    ["a source", { sources: strict }],
  ] as const) {
    suite.testWith(
      `a method that ${why} does not allow cannot be had by offering it first`,
      guarded(realm),
      async (world) => {
        const { wire, method, extra } = await challenged(world, {
          authid: "joe",
          authmethods: [...weaker, "wampcra"],
        });
        assert.equal(method, "wampcra");
        // Nor by answering as if it had been chosen.
        authenticate(wire, password);
        await wire.expectAbort(failed);
        const other = await world.open();
        sayHello(other, { authid: "joe", authmethods: weaker });
        await other.expectAbort(noMatch);
        assert.ok(extra["challenge"]);
      },
    );
  }

  suite.testWith("the client's order decides among the methods that it may use", guarded(), async (world) => {
    const { method } = await challenged(world, { authid: "joe", authmethods: ["ticket", "wampcra"] });
    assert.equal(method, "ticket");
    const wire = await world.open();
    sayHello(wire, { authid: "joe", authmethods: ["anonymous", "wampcra"] });
    const { authrole, authid } = await welcomed(wire);
    assert.equal(authrole, "anonymous");
    assert.notEqual(authid, "joe");
  });
}

function outOfTurn(suite: Suite): void {
  suite.testWith(
    "AUTHENTICATE before HELLO and after WELCOME is a protocol violation",
    guarded(),
    async (world) => {
      const early = await world.open();
      authenticate(early, password);
      await early.expectAbort(violation);
      const late = await joeByCra(world);
      authenticate(late, password);
      await late.expectAbort(violation);
    },
  );

  suite.testWith(
    "a second AUTHENTICATE, while the first is looked at, ends the login",
    guarded(),
    async (world) => {
      const { wire } = await challenged(world, { authid: "joe", authmethods: ["ticket"] });
      wire.send([Message.authenticate, password, {}], [Message.authenticate, password, {}]);
      await wire.expectAbort(violation);
      assert.equal(world.router.stats().sessions, 0);
    },
  );

  suite.testWith(
    "nothing is done for a client between HELLO and WELCOME, and what it asks ends the login",
    guarded(),
    async (world) => {
      const callee = await service(world);
      await callee.register("com.example.open.hello");
      const messages: readonly (readonly unknown[])[] = [
        [Message.hello, authRealm, {}],
        [Message.welcome, 1, {}],
        [Message.challenge, "ticket", {}],
        [Message.goodbye, {}, "wamp.close.normal"],
        [Message.call, 1, {}, "com.example.open.hello"],
        [Message.publish, 1, {}, "com.example.staff.news"],
        [Message.subscribe, 1, {}, "com.example.staff.news"],
        [Message.register, 1, {}, "com.example.open.other"],
        [Message.yield, 1, {}],
      ];
      for (const message of messages) {
        const { wire } = await challenged(world, joesCra);
        wire.send(message);
        await wire.expectAbort(violation);
      }
      assert.equal(callee.arrivedCount, 0);
    },
  );

  suite.testWith("a client that gives up with ABORT is let go", guarded(), async (world) => {
    const { wire } = await challenged(world, joesCra);
    wire.send([Message.abort, {}, "wamp.error.cannot_authenticate"]);
    await wire.expectEnd();
  });

  suite.slowTest(
    "a challenge that is never answered ends with the handshake's time",
    guarded({}, { limits: { handshake_ms: 300 } }),
    async (world) => {
      const { wire } = await challenged(world, joesCra);
      await wire.expectAbort("wamp.error.timeout");
    },
  );
}
