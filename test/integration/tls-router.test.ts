/** Joining and calling over TLS: somebody else's client by wss on every adapter, and bare RawSocket by tcps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientSession } from "../../src/client/session.ts";
import { createRouter, type Router } from "../../src/main.ts";
import type { TransportOptions } from "../../src/ports.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { listenRawSocket } from "../../src/transport/rawsocket.ts";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { filesOf, trust } from "../support/certificates.ts";
import { createWampy } from "../support/foreign-wampy.ts";
import { clientHandshake, RawSocketClient } from "../support/rawsocket-raw.ts";
import { adapters } from "../support/router-legs.ts";
import { frameBytes_max } from "../support/transport-subject.ts";

async function withRouter(
  task: (at: {
    router: Router;
    local: ClientSession;
    options: TransportOptions & { readonly host: string; readonly port: number };
  }) => Promise<void>,
): Promise<void> {
  const router = await createRouter();
  const bounds = { frameBytes_max, idle_ms: 60_000, handshake_ms: 10_000 };
  const options = { ...bounds, host: "127.0.0.1", port: 0, accept: router.accept, tls: filesOf("server") };
  try {
    const local = await router.session("realm1");
    await local.register("com.double", ({ args }) => Number(args[0]) * 2);
    await task({ router, local, options });
  } finally {
    await router.close();
  }
}

for (const { name, skip } of adapters) {
  test(
    `${name}: wampy joins, calls and is called over wss`,
    {
      timeout: 60_000,
      ...(skip === undefined ? {} : { skip }),
    },
    () =>
      withRouter(async ({ local, options }) => {
        const { adapter } = await selectWebSocketAdapter(name);
        const listener = await adapter.listen({ ...options, path: "/ws", deflate: false });
        try {
          for (const serializer of ["json", "msgpack", "cbor"] as const) {
            const wampy = await createWampy({ url: listener.url, realm: "realm1", serializer, tls: trust() });
            await wampy.connect();
            const { argsList } = await wampy.call("com.double", { argsList: [21] });
            assert.deepEqual(argsList, [42]);
            const procedure = `com.of.${serializer}`;
            await wampy.register(procedure, ({ argsList: given = [] }) => ({ argsList: [given.length] }));
            assert.deepEqual((await local.call(procedure, [1, 2, 3])).args, [3]);
            await wampy.disconnect();
          }
        } finally {
          await listener.close();
        }
      }),
  );
}

test("rawsocket: a client joins and calls over tcps", { timeout: 60_000 }, () =>
  withRouter(async ({ options }) => {
    const listener = await listenRawSocket(options);
    try {
      const client = new RawSocketClient({ host: "127.0.0.1", port: listener.port }, trust());
      client.sendBytes(clientHandshake(Serializer.json));
      const say = async (message: readonly unknown[]): Promise<unknown[]> => {
        client.send(Buffer.from(JSON.stringify(message)));
        return JSON.parse((await client.message()).toString()) as unknown[];
      };
      const welcome = await say([Message.hello, "realm1", { roles: { caller: {} } }]);
      assert.equal(welcome[0], Message.welcome);
      const result = await say([Message.call, 1, {}, "com.double", [4]]);
      assert.deepEqual(result.slice(0, 2).concat(result.slice(3)), [Message.result, 1, [8]]);
      await client.close();
    } finally {
      await listener.close();
    }
  }),
);
