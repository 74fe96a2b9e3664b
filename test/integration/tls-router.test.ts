/** A router over TLS: our client and somebody else's join and call by wss and tcps, on every adapter. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/client/connect.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { authorityFile, filesOf, shown, trust } from "../support/certificates.ts";
import { createWampy } from "../support/foreign-wampy.ts";
import { adapters } from "../support/router-legs.ts";

const tls = filesOf("server");
const onBun = process.versions["bun"] !== undefined;
const limit = { timeout: 60_000 };

async function withRouter(
  options: Parameters<typeof createRouter>[0],
  task: (router: Router) => Promise<void>,
): Promise<void> {
  const router = await createRouter(options);
  try {
    const local = await router.session("realm1");
    await local.register("com.double", ({ args }) => Number(args[0]) * 2);
    await task(router);
  } finally {
    await router.close();
  }
}

async function callsOver(url: string): Promise<void> {
  const session = await connect({ url, realm: "realm1", tls: trust() });
  assert.deepEqual((await session.call("com.double", [21])).args, [42]);
  await session.leave();
}

for (const { name, skip } of adapters) {
  const options = { ...limit, ...(skip === undefined ? {} : { skip }) };
  test(`${name}: our client and wampy join, call and are called over wss`, options, () =>
    withRouter({ websocket: { port: 0, tls }, transport: name }, async (router) => {
      const { url } = router.listeners[0]!;
      assert.match(url, /^wss:/);
      await callsOver(url);
      const local = await router.session("realm1");
      for (const serializer of ["json", "msgpack", "cbor"] as const) {
        const wampy = await createWampy({ url, realm: "realm1", serializer, tls: trust() });
        await wampy.connect();
        const { argsList } = await wampy.call("com.double", { argsList: [21] });
        assert.deepEqual(argsList, [42]);
        const procedure = `com.of.${serializer}`;
        await wampy.register(procedure, ({ argsList: given = [] }) => ({ argsList: [given.length] }));
        assert.deepEqual((await local.call(procedure, [1, 2, 3])).args, [3]);
        await wampy.disconnect();
      }
    }),
  );
}

test("rawsocket: our client joins and calls over tcps", limit, () =>
  withRouter({ rawsocket: { port: 0, tls } }, async (router) => {
    assert.match(router.listeners[0]!.url, /^tcps:/);
    await callsOver(router.listeners[0]!.url);
  }),
);

test(
  "one port with TLS serves both, each by its own name",
  {
    ...limit,
    ...(onBun ? { skip: "Bun's server reads its sockets itself" } : {}),
  },
  () =>
    withRouter({ websocket: { port: 0, tls, rawsocket: true } }, async (router) => {
      const [wss, tcps] = router.listeners.map(({ url }) => url);
      assert.equal(tcps, wss!.replace(/^wss(:.*:\d+)\/ws$/, "tcps$1"));
      await callsOver(wss!);
      await callsOver(tcps!);
    }),
);

test(
  "where client certificates are asked for, an adapter serves that can see them, or nothing starts",
  limit,
  async () => {
    const asking = { ...tls, caFile: authorityFile(), clientCertificate: "require" } as const;
    const start = (): Promise<void> =>
      withRouter({ websocket: { port: 0, tls: asking } }, async (router) => {
        const { url } = router.listeners[0]!;
        await assert.rejects(callsOver(url));
        const session = await connect({ url, realm: "realm1", tls: { ...trust(), ...shown("device-7") } });
        assert.deepEqual((await session.call("com.double", [2])).args, [4]);
        await session.leave();
      });
    if (onBun) await assert.rejects(start(), /^Error: WebSocket clients cannot be asked for certificates: /);
    else await start();
  },
);
