/** The transport suite's cases of how a connection ends, whoever ends it. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Listener } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { ProbeSession } from "./transport-probe.ts";
import { assertNumbered, aTurn, type Case, numbered, running, type TestClient } from "./transport-subject.ts";

type Ending = (at: { client: TestClient; session: ProbeSession; listener: Listener }) => unknown;

/** By RST where there is such a thing; over TLS at least without the alert that says goodbye. */
const tearOff = (socket: Socket): unknown =>
  socket.remoteAddress === undefined || socket instanceof TLSSocket
    ? socket.destroy()
    : socket.resetAndDestroy();

const endings: readonly (readonly [string, Ending])[] = [
  ["the client says goodbye", ({ client }) => client.close()],
  ["the client's end is torn off", ({ client }) => tearOff(client.socket)],
  ["the client's end is closed without a word", ({ client }) => client.socket.end()],
  ["the session closes", ({ session }) => session.connection.close(1000, "done")],
  ["the session terminates", ({ session }) => session.connection.terminate()],
  ["the listener closes", ({ listener }) => listener.close()],
];

export const endingCases: readonly Case[] = [
  ...endings.map(
    ([what, end]): Case => [
      `onClose comes exactly once when ${what}, and nothing after it`,
      (subject) =>
        running(subject, {}, async (all) => {
          const { listener } = all;
          const { client, session } = await all.open();
          client.send(numbered(1, 10));
          await session.frames.next();
          await end({ client, session, listener });
          await session.closed;
          client.socket.resume();
          await client.closed;
          if (what !== "the listener closes") await aTurn(all);
          assert.equal(session.closeCount, 1);
        }),
    ],
  ),
  [
    "close() and terminate() do not call onClose themselves, and harmless is what comes between",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        for (const way of ["close", "terminate"] as const) {
          const { client, session } = await open();
          const { connection } = session;
          if (way === "close") connection.close(1001, "going");
          else connection.terminate();
          assert.equal(session.closeCount, 0, `${way}() called onClose`);
          assert.equal(
            connection.send([{ bytes: numbered(1, 9) }], 0, 1),
            1,
            "what is sent now goes nowhere",
          );
          connection.bufferedBytes();
          connection.pause?.(true);
          connection.pause?.(false);
          connection.close(1000, "again");
          if (way === "close") await client.closed;
          connection.terminate();
          connection.terminate();
          await session.closed;
          assert.equal(session.closeCount, 1);
        }
      }),
  ],
  [
    "a session that closes while it handles a message gets none of those behind it",
    (subject) =>
      running(subject, {}, async ({ open, probe }) => {
        for (const way of ["close", "terminate"] as const) {
          probe.onAccept = (session) => {
            session.onFrameInstead = () => {
              if (way === "close") session.connection.close(1008, "first was wrong");
              else session.connection.terminate();
            };
          };
          const { client, session } = await open();
          // In one piece, so that one read brings them all.
          client.socket.cork();
          for (let i = 0; i < 3; i++) client.send(numbered(i, 10));
          client.socket.uncork();
          await session.closed;
          await client.closed;
          assert.equal(session.frameCount, 1);
        }
      }),
  ],
  [
    "what was sent before close() arrives before the end",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        await session.sendAll(Array.from({ length: 20 }, (_, i) => ({ bytes: numbered(i, 5_000) })));
        session.connection.close(1000, "that was all");
        for (let i = 0; i < 20; i++) assertNumbered(await client.message(), i, 5_000);
        await client.closed;
      }),
  ],
  [
    "close() ends soon even if the client reads nothing and answers nothing",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        client.socket.pause();
        while (session.post(numbered(0, 60_000)));
        session.connection.close(1001, "going");
        await session.closed;
        client.socket.destroy();
      }),
  ],
  [
    "a session that closes at once in accept() is refused, and hears onClose once",
    (subject) =>
      running(subject, {}, async (all) => {
        const { probe, listener } = all;
        probe.onAccept = (session) => session.connection.close(1000, "no");
        assert.equal(await subject.refusal(listener), subject.fullRefusal);
        const session = await probe.sessions.next();
        await session.closed;
        probe.onAccept = () => {};
        await aTurn(all);
        assert.equal(session.closeCount, 1);
      }),
  ],
  [
    "a router that is full refuses politely, and keeps those that are there",
    (subject) =>
      running(subject, {}, async ({ probe, open, listener }) => {
        probe.echo();
        const { client } = await open();
        probe.full = true;
        assert.equal(await subject.refusal(listener), subject.fullRefusal);
        client.send(numbered(5, 50));
        assertNumbered(await client.message(), 5, 50);
        probe.full = false;
        await open();
      }),
  ],
  [
    "a listener that was closed takes no one, and closing it again is harmless",
    (subject) =>
      running(subject, {}, async ({ listener, open }) => {
        const { session } = await open();
        await listener.close();
        assert.equal(session.closeCount, 1, "onClose came before close() was done");
        await assert.rejects(subject.connect(listener, Serializer.json));
        await listener.close();
      }),
  ],
];
