/** A row that is running. */
import { freePort, routerCore, type Started, start } from "./child.ts";
import type { Ports, Row } from "./rows.ts";

export interface Router extends Started {
  readonly row: Row;
  readonly ports: Ports;
}

export const startRow = async (row: Row): Promise<Router> => {
  const ports = { websocket: await freePort(), rawsocket: await freePort() };
  const { env, startWait_ms, cwd } = row;
  const started = await start({
    command: row.command(ports),
    env,
    ready: row.ready ?? /wss?:\/\/\S+/,
    ...(row.isUnpinned === true ? {} : { core: routerCore }),
    ...(startWait_ms === undefined ? {} : { startWait_ms }),
    ...(cwd === undefined ? {} : { cwd }),
  });
  return { ...started, row, ports };
};
