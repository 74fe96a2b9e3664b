/** Which thread of a router this is. */
import type { PeerLinks } from "../ports.ts";
import { type ConnectionCount, OwnCount } from "./connection-count.ts";
import type { WorkerChannel } from "./shared-security.ts";

export interface Thread {
  /** Its place among the threads, 0 for the one that called `createRouter`, and the ways to the others. Null: there is no other. */
  readonly links: PeerLinks | null;
  readonly channel: WorkerChannel | null;
  readonly connections: ConnectionCount;
}

export const onlyThread = (): Thread => ({ links: null, channel: null, connections: new OwnCount() });
