// The session's messages, letter by letter, against a peer that is written down here: JSON text in, JSON text out.
import assert from "node:assert/strict";
import test from "node:test";
import { joinOver } from "../../src/client/join.ts";
import { type Invocation, Result } from "../../src/client/options.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { joined, Peer, settled, wampError } from "../support/client-peer.ts";

test("HELLO names the realm, the agent, all roles and the given details; WELCOME makes the session", async () => {
  const peer = new Peer();
  const joining = joinOver(peer, {
    realm: "realm1",
    authid: "joe",
    roles: { caller: {} },
    details: { x_a: 1 },
  });
  assert.deepEqual(peer.take(), [
    '[1,"realm1",{"agent":"spanwire","roles":{"caller":{}},"authmethods":["anonymous"],"authid":"joe","x_a":1}]',
  ]);
  peer.say('[2,9007199254740992,{"roles":{},"authid":"joe"}]');
  const session = await joining;
  assert.equal(session.id, 2 ** 53);
  assert.equal(session.realm, "realm1");
  assert.deepEqual(session.details, { roles: {}, authid: "joe" });
});

test("all four roles are announced unless others are given", async () => {
  const peer = new Peer();
  void joinOver(peer, { realm: "r" }).catch(() => {});
  const [hello] = peer.take();
  for (const role of ["caller", "callee", "publisher", "subscriber"])
    assert.match(hello!, new RegExp(`"${role}":\\{"features"`));
  peer.onClose?.({ reason: "over" });
});

test("ABORT, a lost connection, silence and nonsense each reject the join with their own error", async () => {
  const cases: [string, (peer: Peer) => void, string][] = [
    [
      "abort",
      (peer) => peer.say('[3,{"message":"no such realm"},"wamp.error.no_such_realm"]'),
      "wamp.error.no_such_realm",
    ],
    ["goodbye", (peer) => peer.say('[6,{},"wamp.close.system_shutdown"]'), "wamp.close.system_shutdown"],
    ["loss", (peer) => peer.onClose?.({ reason: "gone" }), "wamp.error.network_failure"],
    ["silence", () => {}, "wamp.error.network_failure"],
    ["challenge", (peer) => peer.say('[4,"ticket",{}]'), "wamp.error.protocol_violation"],
    ["no id", (peer) => peer.say('[2,"1",{}]'), "wamp.error.protocol_violation"],
    ["no JSON", (peer) => peer.say("[2,"), "wamp.error.protocol_violation"],
  ];
  for (const [name, act, uri] of cases) {
    const peer = new Peer();
    const joining = joinOver(peer, { realm: "r", timeout_ms: name === "silence" ? 1 : 10_000 });
    act(peer);
    await assert.rejects(joining, wampError(uri), name);
    assert.equal(peer.closed, true, name);
  }
});

test("CALL carries only what was given, and RESULT its args and kwargs", async () => {
  const { peer, session } = await joined();
  const calls = [
    session.call("p.a"),
    session.call("p.b", [1, "x"]),
    session.call("p.c", undefined, { k: null }),
    session.call("p.d", [], {}, { timeout_ms: 500, discloseMe: true, extra: { x_y: [1] } }),
  ];
  assert.deepEqual(peer.take(), [
    '[48,1,{},"p.a"]',
    '[48,2,{},"p.b",[1,"x"]]',
    '[48,3,{},"p.c",[],{"k":null}]',
    '[48,4,{"timeout":500,"disclose_me":true,"x_y":[1]},"p.d"]',
  ]);
  peer.say("[50,4,{},[4]]", "[50,1,{}]", '[50,2,{},[],{"r":2}]', '[50,3,{},null,{"r":3}]');
  assert.deepEqual(await Promise.all(calls), [
    { args: [], kwargs: {} },
    { args: [], kwargs: { r: 2 } },
    { args: [], kwargs: { r: 3 } },
    { args: [4], kwargs: {} },
  ]);
});

test("ERROR rejects the request with its URI, message, args and kwargs", async () => {
  const { peer, session } = await joined();
  const call = session.call("p");
  peer.say('[8,48,1,{},"com.example.error",["too bad",2],{"k":3}]');
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof WampError);
    assert.equal(error.uri, "com.example.error");
    assert.equal(error.message, "too bad");
    assert.deepEqual(error.args, ["too bad", 2]);
    assert.deepEqual(error.kwargs, { k: 3 });
    return true;
  });
  const subscribe = session.subscribe("t..", () => {});
  peer.say('[8,32,2,{"message":"no URI"},"wamp.error.invalid_uri"]');
  await assert.rejects(subscribe, wampError("wamp.error.invalid_uri", "no URI"));
});

test("progressive results go to the listener in order, the last one is the result", async () => {
  const { peer, session } = await joined();
  const progress: unknown[] = [];
  const call = session.call("p", [], {}, { onProgress: ({ args, kwargs }) => progress.push([args, kwargs]) });
  assert.deepEqual(peer.take(), ['[48,1,{"receive_progress":true},"p"]']);
  peer.say('[50,1,{"progress":true},[1]]', '[50,1,{"progress":true},[],{"n":2}]', "[50,1,{},[3]]");
  assert.deepEqual(await call, { args: [3], kwargs: {} });
  assert.deepEqual(progress, [
    [[1], {}],
    [[], { n: 2 }],
  ]);
});

test("a signal sends CANCEL once with the chosen mode, and the router's answer ends the call", async () => {
  const { peer, session } = await joined();
  for (const mode of [undefined, "skip", "kill", "killnowait"] as const) {
    const controller = new AbortController();
    const options = mode === undefined ? {} : { cancelMode: mode };
    const call = session.call("p", [], {}, { signal: controller.signal, ...options });
    const id = JSON.parse(peer.take()[0]!)[1];
    controller.abort();
    assert.deepEqual(peer.take(), [`[49,${id},{"mode":"${mode ?? "killnowait"}"}]`]);
    peer.say(`[8,48,${id},{},"wamp.error.canceled"]`);
    await assert.rejects(call, wampError("wamp.error.canceled"));
  }
  const late = new AbortController();
  const finished = session.call("p", [], {}, { signal: late.signal });
  peer.take();
  peer.say("[50,5,{}]");
  late.abort();
  await finished;
  assert.deepEqual(peer.take(), []);
  await assert.rejects(session.call("p", [], {}, { signal: late.signal }), wampError("wamp.error.canceled"));
  assert.deepEqual(peer.take(), []);
});

test("REGISTER says how to match and share; an INVOCATION right behind REGISTERED finds its procedure", async () => {
  const { peer, session } = await joined();
  const seen: Invocation[] = [];
  const registering = session.register(
    "p.add",
    (invocation) => {
      seen.push(invocation);
      return (invocation.args[0] as number) + 1;
    },
    { match: "prefix", invoke: "roundrobin", discloseCaller: true },
  );
  assert.deepEqual(peer.take(), [
    '[64,1,{"match":"prefix","invoke":"roundrobin","disclose_caller":true},"p.add"]',
  ]);
  peer.say("[65,1,77]", '[68,1,77,{"procedure":"p.add.one"},[41],{"k":1}]');
  const registration = await registering;
  await settled();
  assert.deepEqual(peer.take(), ["[70,1,{},[42]]"]);
  assert.equal(seen[0]!.procedure, "p.add.one");
  assert.deepEqual(seen[0]!.kwargs, { k: 1 });
  assert.equal(seen[0]!.registration, 77);
  assert.equal(registration.id, 77);
  const unregistering = registration.unregister();
  assert.deepEqual(peer.take(), ["[66,2,77]"]);
  // Both calls are one UNREGISTER.
  const again = registration.unregister();
  peer.say("[67,2]");
  await Promise.all([unregistering, again]);
  assert.deepEqual(peer.take(), []);
  peer.say("[68,2,77,{}]");
  await settled();
  assert.deepEqual(peer.take(), ['[8,68,2,{},"wamp.error.no_such_registration",["the procedure is gone"]]']);
});

test("YIELD and ERROR say what the procedure returned or threw", async () => {
  const { peer, session } = await joined();
  const cases: [() => unknown, string][] = [
    [() => undefined, "[70,N,{}]"],
    [() => null, "[70,N,{},[null]]"],
    [() => [1, 2], "[70,N,{},[[1,2]]]"],
    [async () => new Result([1], { a: 2 }), '[70,N,{},[1],{"a":2}]'],
    [() => new Result([], { a: 2 }), '[70,N,{},[],{"a":2}]'],
    [
      () => {
        throw new WampError("com.example.e", "msg", { args: [1], kwargs: { a: 2 } });
      },
      '[8,68,N,{},"com.example.e",[1],{"a":2}]',
    ],
    [
      async () => Promise.reject(new WampError("com.example.e", "msg")),
      '[8,68,N,{},"com.example.e",["msg"]]',
    ],
    [
      () => {
        throw new Error("oops");
      },
      '[8,68,N,{},"wamp.error.runtime_error",["oops"]]',
    ],
    [() => Promise.reject("text"), '[8,68,N,{},"wamp.error.runtime_error",["text"]]'],
    [() => Number.NaN, '[8,68,N,{},"wamp.error.invalid_payload",["JSON cannot say NaN"]]'],
    [
      () => {
        throw new WampError("com.example.e", "msg", { args: [() => 1] });
      },
      '[8,68,N,{},"com.example.e",["a function cannot be sent"]]',
    ],
  ];
  let procedure: () => unknown = () => 0;
  const registering = session.register("p", () => procedure());
  peer.say("[65,1,5]");
  await registering;
  peer.take();
  for (const [index, [next, answer]] of cases.entries()) {
    procedure = next;
    peer.say(`[68,${index + 1},5,{}]`);
    await settled();
    assert.deepEqual(peer.take(), [answer.replace("N", String(index + 1))]);
  }
});

test("progress is sent only where the caller wants it, and never after the result", async () => {
  const { peer, session } = await joined();
  const answers: boolean[] = [];
  let kept: Invocation | undefined;
  const registering = session.register("p", (invocation) => {
    kept = invocation;
    answers.push(invocation.progress([1]), invocation.progress(undefined, { n: 2 }));
    return 3;
  });
  peer.say("[65,1,5]", '[68,1,5,{"receive_progress":true}]');
  await registering;
  await settled();
  assert.deepEqual(peer.take(), [
    '[64,1,{},"p"]',
    '[70,1,{"progress":true},[1]]',
    '[70,1,{"progress":true},[],{"n":2}]',
    "[70,1,{},[3]]",
  ]);
  assert.equal(kept!.progress([9]), false);
  peer.say("[68,2,5,{}]");
  await settled();
  assert.deepEqual(peer.take(), ["[70,2,{},[3]]"]);
  assert.deepEqual(answers, [true, true, false, false]);
});

test("INTERRUPT aborts the procedure's signal, and whatever it gives up with is answered as canceled", async () => {
  const { peer, session } = await joined();
  const registering = session.register(
    "p",
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("stopped")));
      }),
  );
  peer.say("[65,1,5]", "[68,1,5,{}]");
  await registering;
  peer.take();
  peer.say('[69,1,{"mode":"kill"}]', '[69,99,{"mode":"kill"}]');
  await settled();
  assert.deepEqual(peer.take(), ['[8,68,1,{},"wamp.error.canceled",["the call was canceled"]]']);
});
