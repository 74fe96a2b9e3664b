/** Which thread of a router this is. */
import type { PeerLinks } from "../ports.ts";
import { noSpread, type Spread } from "../router/peers/shared-loads.ts";
import { type ConnectionCount, OwnCount } from "./connection-count.ts";
import type { WorkerChannel } from "./shared-security.ts";

export interface Thread {
  /** Its place among the threads, 0 for the one that called `createRouter`, and the ways to the others. Null: there is no other. */
  readonly links: PeerLinks | null;
  readonly channel: WorkerChannel | null;
  readonly connections: ConnectionCount;
  readonly spread: Spread;
  /** Where all threads count logins (`SharedLogins`); null: this one counts alone, or has no logins. */
  readonly logins: SharedArrayBuffer | null;
}

export const onlyThread = (): Thread => ({
  links: null,
  channel: null,
  connections: new OwnCount(),
  spread: noSpread,
  logins: null,
});
