/** The session's side of a connection as a test wants it: records what arrives, and echoes it if told to. */
import type { Connection, ConnectionEvents, OutgoingFrame } from "../../src/ports.ts";
import { Events } from "./events.ts";

export class ProbeSession implements ConnectionEvents {
  readonly connection: Connection;
  /** Copies of the frames that arrived. */
  readonly frames = new Events<Buffer>("frame");
  readonly drains = new Events<void>("drain");
  /** What the connection reported as a violation of its framing. */
  readonly violations = new Events<string>("violation");
  /** Settles with the first onClose. */
  readonly closed: Promise<void>;
  frameCount = 0;
  closeCount = 0;
  /** Instead of recording a frame. */
  onFrameInstead: ((bytes: Uint8Array) => void) | undefined;
  /** Instead of recording a drain. */
  onDrainInstead: (() => void) | undefined;
  #settleClosed: () => void = () => {};

  constructor(connection: Connection) {
    this.connection = connection;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  onFrame(bytes: Uint8Array): void {
    if (this.closeCount > 0) throw new Error("a frame arrived after onClose");
    this.frameCount++;
    if (this.onFrameInstead !== undefined) this.onFrameInstead(bytes);
    else this.frames.push(Buffer.from(bytes));
  }

  onViolation(problem: string): void {
    if (this.closeCount > 0) throw new Error("a violation was reported after onClose");
    this.violations.push(problem);
  }

  onDrain(): void {
    if (this.closeCount > 0) throw new Error("onDrain came after onClose");
    if (this.onDrainInstead !== undefined) this.onDrainInstead();
    else this.drains.push();
  }

  onClose(): void {
    this.closeCount++;
    this.frames.end();
    this.drains.end();
    this.violations.end();
    this.#settleClosed();
  }

  /** Hands over one frame and says whether it was taken. */
  post(bytes: Uint8Array): boolean {
    return this.connection.send([{ bytes }], 0, 1) === 1;
  }

  /** Hands over all frames, waiting whenever the socket is full. Returns how often it was. */
  async sendAll(frames: readonly OutgoingFrame[]): Promise<number> {
    let waits = 0;
    for (let next = 0; ; waits++) {
      next = this.connection.send(frames, next, frames.length);
      if (next === frames.length) return waits;
      await this.drains.next();
    }
  }
}

export class Probe {
  readonly sessions = new Events<ProbeSession>("session");
  /** While true, no connection is accepted. */
  full = false;
  /** Called in accept() with each new session, before anything else. */
  onAccept: (session: ProbeSession) => void = () => {};

  readonly accept = (connection: Connection): ConnectionEvents | null => {
    if (this.full) return null;
    const session = new ProbeSession(connection);
    this.onAccept(session);
    this.sessions.push(session);
    return session;
  };

  /** From now on every new session sends back what it receives. */
  echo(): void {
    this.onAccept = (session) => {
      session.onFrameInstead = (bytes) => {
        if (!session.post(bytes)) throw new Error("the echo did not fit");
      };
    };
  }
}
