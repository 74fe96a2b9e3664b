// The client session: subscriptions, publishing, and how sessions end.
import assert from "node:assert/strict";
import test from "node:test";
import type { WampEvent } from "../../src/client/options.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { joined, settled, wampError } from "../support/client-peer.ts";

test("events reach every subscriber of an id, with the published topic", async () => {
  const { peer, session } = await joined();
  const events: [string, WampEvent][] = [];
  const first = session.subscribe("t.", (event) => events.push(["first", event]), { match: "prefix" });
  assert.deepEqual(peer.take(), ['[32,1,{"match":"prefix"},"t."]']);
  // The event comes in the same packet as the answer.
  peer.say("[33,1,7]", '[36,7,1001,{"topic":"t.a"},[1],{"k":2}]');
  const second = session.subscribe("t.", (event) => events.push(["second", event]), { match: "prefix" });
  await settled();
  peer.say("[33,2,7]", "[36,7,1002,{}]");
  const subscriptions = await Promise.all([first, second]);
  assert.deepEqual(
    events.map(([who, event]) => [who, event.topic, event.publication, event.args, event.kwargs]),
    [
      ["first", "t.a", 1001, [1], { k: 2 }],
      ["first", "t.", 1002, [], {}],
      ["second", "t.", 1002, [], {}],
    ],
  );
  peer.take();
  await subscriptions[0].unsubscribe();
  assert.deepEqual(peer.take(), []);
  const last = subscriptions[1].unsubscribe();
  await settled();
  assert.deepEqual(peer.take(), ["[34,3,7]"]);
  peer.say("[35,3]");
  await last;
  // An event on its way when UNSUBSCRIBE was sent is normal.
  peer.say("[36,7,1003,{}]");
  assert.equal(events.length, 3);
});

test("a new subscriber waits until the topic's last one has been unsubscribed", async () => {
  const { peer, session } = await joined();
  const subscribing = session.subscribe("t", () => {});
  peer.say("[33,1,7]");
  const subscription = await subscribing;
  peer.take();
  const ended = subscription.unsubscribe();
  const again = session.subscribe("t", () => {});
  const other = session.subscribe("u", () => {});
  assert.deepEqual(peer.take(), ["[34,2,7]", '[32,3,{},"u"]']);
  peer.say("[35,2]", "[33,3,8]");
  await ended;
  await other;
  await settled();
  assert.deepEqual(peer.take(), ['[32,4,{},"t"]']);
  peer.say("[33,4,7]");
  assert.equal((await again).id, 7);
});

test("a revoked subscription or registration is forgotten", async () => {
  const { peer, session } = await joined();
  let count = 0;
  const subscribing = session.subscribe("t", () => count++);
  const registering = session.register("p", () => count++);
  peer.say("[33,1,7]", "[65,2,5]");
  const subscription = await subscribing;
  await registering;
  peer.take();
  peer.say(
    '[35,0,{"subscription":7,"reason":"x"}]',
    '[67,0,{"registration":5}]',
    "[36,7,1,{}]",
    "[68,1,5,{}]",
  );
  await settled();
  assert.equal(count, 0);
  assert.deepEqual(peer.take(), ['[8,68,1,{},"wamp.error.no_such_registration",["the procedure is gone"]]']);
  await subscription.unsubscribe();
  assert.deepEqual(peer.take(), []);
});

test("PUBLISH says its options in WAMP's words and waits only if acknowledged", async () => {
  const { peer, session } = await joined();
  assert.equal(await session.publish("t", [1]), undefined);
  const acknowledged = session.publish(
    "t",
    [],
    { k: 1 },
    {
      acknowledge: true,
      excludeMe: false,
      discloseMe: true,
      exclude: [1],
      excludeAuthid: ["a"],
      excludeAuthrole: ["b"],
      eligible: [2],
      eligibleAuthid: ["c"],
      eligibleAuthrole: ["d"],
    },
  );
  assert.deepEqual(peer.take(), [
    '[16,1,{},"t",[1]]',
    '[16,2,{"acknowledge":true,"exclude_me":false,"disclose_me":true,"exclude":[1],"exclude_authid":["a"],' +
      '"exclude_authrole":["b"],"eligible":[2],"eligible_authid":["c"],"eligible_authrole":["d"]},"t",[],{"k":1}]',
  ]);
  peer.say("[17,2,4711]");
  assert.equal(await acknowledged, 4711);
});

test("what cannot be sent rejects and takes no request id", async () => {
  const { peer, session } = await joined();
  await assert.rejects(session.call("p", [Number.NaN]), wampError("wamp.error.invalid_payload"));
  await assert.rejects(session.publish("t", [() => 1]), wampError("wamp.error.invalid_payload"));
  peer.sendError = new WampError("wamp.error.payload_size_exceeded", "too large");
  await assert.rejects(
    session.subscribe("t", () => {}),
    wampError("wamp.error.payload_size_exceeded"),
  );
  peer.sendError = null;
  void session.call("p").catch(() => {});
  assert.deepEqual(peer.take(), ['[48,1,{},"p"]']);
  peer.onClose?.({ reason: "over" });
});

test("leave says GOODBYE, waits for the answer and closes", async () => {
  const { peer, session } = await joined();
  const leaving = session.leave();
  const again = session.leave();
  assert.deepEqual(peer.take(), ['[6,{},"wamp.close.close_realm"]']);
  assert.equal(peer.closed, false);
  peer.say('[6,{},"wamp.close.goodbye_and_out"]');
  await Promise.all([leaving, again]);
  assert.deepEqual(await session.closed, { reason: "wamp.close.goodbye_and_out" });
  assert.equal(peer.closed, true);
  await assert.rejects(session.call("p"), wampError("wamp.error.network_failure"));
  assert.deepEqual(peer.take(), []);
});

test("the router's GOODBYE is answered once; what waits is rejected and procedures are told to stop", async () => {
  const { peer, session } = await joined();
  let stopped = false;
  const registering = session.register("p", ({ signal }) => {
    signal.addEventListener("abort", () => {
      stopped = true;
    });
    return new Promise(() => {});
  });
  peer.say("[65,1,5]", "[68,1,5,{}]");
  await registering;
  const call = session.call("q");
  peer.take();
  peer.say('[6,{"message":"bye"},"wamp.close.system_shutdown"]');
  await assert.rejects(call, wampError("wamp.error.network_failure"));
  assert.deepEqual(peer.take(), ['[6,{},"wamp.close.goodbye_and_out"]']);
  assert.deepEqual(await session.closed, { reason: "wamp.close.system_shutdown", message: "bye" });
  assert.equal(peer.closed, true);
  assert.equal(stopped, true);
});

test("ABORT and a lost connection end the session with their reason", async () => {
  const aborted = await joined();
  aborted.peer.say('[3,{"message":"no"},"wamp.error.protocol_violation"]');
  assert.deepEqual(await aborted.session.closed, { reason: "wamp.error.protocol_violation", message: "no" });
  assert.deepEqual(aborted.peer.take(), []);
  const lost = await joined();
  const call = lost.session.call("p");
  lost.peer.onClose?.({ reason: "cable" });
  await assert.rejects(call, wampError("wamp.error.network_failure"));
  assert.deepEqual(await lost.session.closed, { reason: "wamp.error.network_failure", message: "cable" });
});

test("a router that breaks the protocol gets ABORT", async () => {
  const bad = [
    "[50,9,{}]",
    "[99]",
    "{}",
    "[36,7]",
    "[33,1,7]",
    '[50,"1",{}]',
    '[8,48,3,{},"e"]',
    "[2,1,{}]",
    "x",
    "[68,1,5,{},{}]",
  ];
  for (const text of bad) {
    const { peer, session } = await joined();
    peer.say(text);
    const [abort, ...rest] = peer.take();
    assert.match(abort ?? "", /^\[3,\{"message":"[^"]+"\},"wamp\.error\.protocol_violation"\]$/, text);
    assert.deepEqual(rest, []);
    assert.equal((await session.closed).reason, "wamp.error.protocol_violation");
    assert.equal(peer.closed, true);
  }
});
