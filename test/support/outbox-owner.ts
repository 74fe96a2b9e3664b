/** What an outbox needs of a session, and of a socket, for tests of the outbox alone. */
import type { Connection, OutgoingFrame } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { OutboxOwner } from "../../src/session/outbox.ts";

/** A socket that holds nothing back; how it takes frames is the test's. */
export abstract class TestConnection implements Connection {
  readonly serializer = Serializer.msgpack;
  readonly info = { kind: "local", peer: "test" } as const;
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  abstract send(frames: readonly OutgoingFrame[], from: number, count: number): number;
  bufferedBytes(): number {
    return 0;
  }
  close(): void {}
  terminate(): void {}
}

/** A session that counts its overruns instead of ending. */
export class TestOwner<C extends Connection> implements OutboxOwner {
  readonly connection: C;
  queue: OutboxOwner["queue"] = null;
  queueLength = 0;
  queuedBytes = 0;
  dirty = false;
  blocked = false;
  droppedEvents = 0;
  overruns = 0;

  constructor(connection: C) {
    this.connection = connection;
  }
  overrun(): void {
    this.overruns++;
  }
}
