import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { ForwardResume, SessionCore } from "../../src/session/core.ts";
import { readHello } from "../../src/session/handshake.ts";
import type { Session } from "../../src/session/session.ts";

interface Forwarded {
  readonly owners: string[];
  readonly answer: ReturnType<typeof readHello>;
}

/** Answers a dedicated resume by this token, at the router `here`. */
function resume(token: string, isKnown: boolean): Forwarded {
  const owners: string[] = [];
  const forwardResume: ForwardResume = (owner, _, hello) => {
    owners.push(owner);
    assert.deepEqual(hello, bytes);
    return isKnown;
  };
  const details = { resume_session: 5, resume_token: token };
  const bytes = encodeMessage(Serializer.msgpack, [Message.hello, null, details]);
  const core = { resumptions: { ownerId: "here" }, forwardResume, sessions: { get: () => null } };
  const front = { serializer: Serializer.msgpack };
  const answer = readHello(core as unknown as SessionCore, front as unknown as Session, bytes);
  return { owners, answer };
}

test("[S-07] a token names its owner: a HELLO that belongs elsewhere is handed on and not answered here", () => {
  assert.deepEqual(resume("there.c2VjcmV0", true), { owners: ["there"], answer: null });
});

test("[S-07] an owner that is not known has no session, and neither has a token without one", () => {
  for (const [token, owners] of [
    ["there.c2VjcmV0", ["there"]],
    ["here.c2VjcmV0", []],
    ["c2VjcmV0", []],
    [".c2VjcmV0", []],
  ] as const) {
    const found = resume(token, false);
    assert.deepEqual(found.owners, owners, token);
    assert.ok(found.answer !== null && "error" in found.answer);
    assert.equal(found.answer.error, "wamp.error.no_such_session");
  }
});
