/** A connection in memory underneath the batches, with room for so many bytes: shows every batch that a session's frames became. */
import type { Accept, Connection, ConnectionEvents, OutgoingFrame } from "../../src/ports.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";
import { ProbeSession } from "./transport-probe.ts";

export class BatchSocket implements Connection {
  readonly serializer: Serializer;
  readonly info = { kind: "websocket", peer: "batches" } as const;
  readonly peerFrameBytes_max = 1_234;
  readonly pause?: (paused: boolean) => void;
  readonly batches: Buffer[] = [];
  /** What was called besides send(). */
  readonly calls: string[] = [];
  room = Number.POSITIVE_INFINITY;
  /** What the adapter would call, and the session above it. */
  readonly events: ConnectionEvents;
  readonly session: ProbeSession;

  constructor(accept: (accept: Accept) => Accept, serializer: Serializer, canPause = false) {
    this.serializer = serializer;
    if (canPause) this.pause = (paused) => this.calls.push(`pause ${paused}`);
    let session: ProbeSession | undefined;
    const events = accept((connection) => {
      session = new ProbeSession(connection);
      return session;
    })(this);
    if (events === null || session === undefined) throw new Error("no session was made");
    this.events = events;
    this.session = session;
  }

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    let next = from;
    while (next < count && this.room > 0) {
      const { bytes } = frames[next++]!;
      this.room -= bytes.length;
      this.batches.push(Buffer.from(bytes));
    }
    return next;
  }
  bufferedBytes(): number {
    return 77;
  }
  close(code: number, reason: string): void {
    this.calls.push(`close ${code} ${reason}`);
  }
  terminate(): void {
    this.calls.push("terminate");
  }
}
