/** What those who hold calls in flight have in common. */
import type { RouterSession } from "../types.ts";

/** What the caller of a call hears then, with wamp.error.canceled. */
export const calleeLeft = "the callee left while the call was in flight";

/** Who must know what becomes of some calls (call-dispatch.ts). */
export interface CallWatcher {
  /** A call with one of the flags `watchedCall` ends; its row is still there. */
  onClosed(row: number, flags: number): void;
  /** The visited ERROR ends a call that could be rerouted. True: it goes on elsewhere, or has been answered. */
  onError(row: number, callee: RouterSession): boolean;
  /** The visited CALL continues one that waits. False: there is no room for it. */
  onContinuation(row: number): boolean;
}
