// A client that loses its transport and comes back, letter by letter.
import assert from "node:assert/strict";
import test from "node:test";
import { joinOver } from "../../src/client/join.ts";
import type { ClientSession } from "../../src/client/session.ts";
import { Peer, settled, wampError } from "../support/client-peer.ts";

const welcome = (details: string): string => `[2,77,{"roles":{},"resumable":true,${details}}]`;

/** A resumable session that has lost its transport, and how often it was told. */
async function away(): Promise<{ session: ClientSession; told: string[] }> {
  const peer = new Peer();
  const joining = joinOver(peer, { realm: "realm1", roles: { caller: {} }, resumable: true });
  assert.match(peer.take()[0]!, /"resumable":true/);
  peer.say(welcome('"resume_token":"t.1","resumed":false,"x_resume_received":0'));
  const session = await joining;
  const told: string[] = [];
  session.onAway = ({ reason }) => void told.push(reason);
  const subscribing = session.subscribe("com.a", ({ args }) => void told.push(`event ${args[0]}`));
  peer.take();
  peer.say("[33,1,5]", '[36,5,1,{},["one"]]');
  await subscribing;
  assert.deepEqual(session.resumeState, { session: 77, token: "t.1", received: 2 });
  peer.onClose?.({ reason: "cut" });
  assert.deepEqual(told.splice(0), ["event one", "cut"]);
  return { session, told };
}

test("[S-07] a session that is away keeps what it is asked, and sends what the router has not received", async () => {
  const { session, told } = await away();
  const call = session.call("com.proc", [1]);
  const publishing = session.publish("com.b", ["while away"]);
  const peer = new Peer();
  const resuming = session.resume(peer);
  assert.deepEqual(peer.take(), ['[1,null,{"resume_session":77,"resume_token":"t.1","resume_received":2}]']);
  peer.say(welcome('"resume_token":"t.2","resumed":true,"x_resume_received":1'), '[36,5,2,{},["two"]]');
  await resuming;
  await publishing;
  assert.deepEqual(peer.take(), ['[48,2,{},"com.proc",[1]]', '[16,3,{},"com.b",["while away"]]']);
  assert.deepEqual(told, ["event two"]);
  assert.deepEqual(session.resumeState, { session: 77, token: "t.2", received: 3 });
  peer.say('[50,2,{},["answer"]]');
  assert.deepEqual((await call).args, ["answer"]);
  // Nothing of it is sent again the next time, if the router has it.
  peer.onClose?.({ reason: "cut again" });
  const next = new Peer();
  const again = session.resume(next);
  assert.deepEqual(next.take(), ['[1,null,{"resume_session":77,"resume_token":"t.2","resume_received":4}]']);
  next.say(welcome('"resume_token":"t.3","resumed":true,"x_resume_received":3'));
  await again;
  assert.deepEqual(next.take(), []);
});

test("[S-07] no such session: the session has ended, and what waits is rejected", async () => {
  const { session } = await away();
  const call = session.call("com.proc");
  const peer = new Peer();
  const resuming = session.resume(peer);
  peer.say('[3,{"message":"gone"},"wamp.error.no_such_session"]');
  await assert.rejects(resuming, wampError("wamp.error.no_such_session", "gone"));
  await assert.rejects(call, wampError("wamp.error.network_failure"));
  assert.deepEqual(await session.closed, { reason: "wamp.error.no_such_session", message: "gone" });
  assert.equal(peer.closed, true);
  await assert.rejects(session.resume(new Peer()), wampError("wamp.error.invalid_argument"));
});

test("[S-07] a transport that is lost before WELCOME leaves the session away, for another one", async () => {
  const { session } = await away();
  const peer = new Peer();
  const resuming = session.resume(peer);
  peer.onClose?.({ reason: "cut" });
  await assert.rejects(resuming, wampError("wamp.error.network_failure"));
  const next = new Peer();
  const again = session.resume(next);
  next.say(welcome('"resume_token":"t.2","resumed":true,"x_resume_received":1'));
  await again;
  // The end of a transport left behind is none of the session's.
  peer.onClose?.({ reason: "late" });
  void session.publish("com.b");
  await settled();
  next.take();
  assert.equal(session.resumeState?.token, "t.2");
});

test("[S-07] a WELCOME of another session, or one that lost messages, is an error", async () => {
  for (const [said, uri] of [
    [
      '[2,78,{"resumable":true,"resume_token":"t","resumed":true,"x_resume_received":1}]',
      "wamp.error.protocol_violation",
    ],
    [welcome('"resume_token":"t","resumed":false,"x_resume_received":1'), "wamp.error.protocol_violation"],
    [welcome('"resume_token":"t","resumed":true,"x_resume_received":9'), "wamp.error.unavailable"],
    [welcome('"resume_token":"t","resumed":true'), "wamp.error.unavailable"],
  ] as const) {
    const { session } = await away();
    const peer = new Peer();
    const resuming = session.resume(peer);
    peer.say(said);
    await assert.rejects(resuming, wampError(uri), said);
    assert.equal(peer.closed, true);
  }
});

test("[S-07] a session that is away can be given up", async () => {
  const { session } = await away();
  const call = session.call("com.proc");
  const leaving = session.leave();
  await assert.rejects(call, wampError("wamp.error.network_failure"));
  await leaving;
  await assert.rejects(session.publish("com.a"), wampError("wamp.error.network_failure"));
});

test("[S-07] without a handler a resumable session ends with its transport", async () => {
  const peer = new Peer();
  const joining = joinOver(peer, { realm: "realm1", resumable: true });
  peer.say(welcome('"resume_token":"t.1","resumed":false,"x_resume_received":0'));
  const session = await joining;
  peer.onClose?.({ reason: "cut" });
  assert.deepEqual(await session.closed, { reason: "wamp.error.network_failure", message: "cut" });
});
