/** What calls between routers ask the directory. Types only. */
import type { SessionId } from "../../base/ids.ts";
import type { RemoteCallee } from "./remote-callee.ts";

export interface CalleeDirectory {
  /** REGISTERED is yet to go out to this session: what it is called for until then waits. */
  isPending(session: SessionId, registration: number): boolean;
  /** A call of the callee has ended: it may have been its last, and its registrations be gone. */
  releaseIfIdle(callee: RemoteCallee): void;
}
