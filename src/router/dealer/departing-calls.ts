/** Calls of sessions that have gone, on either side: each is ended by itself, so that who has many need not stop the others. */
import { errors } from "../../protocol/errors.ts";
import { CancelMode } from "../../protocol/messages.ts";
import type { RouterSession } from "../types.ts";
import { calleeLeft } from "./call-watcher.ts";
import type { Calls } from "./calls.ts";
import { CallFlag } from "./pending.ts";

/**
 * Ends one call of a session that has gone – of those that it served first, whose callers get ERROR canceled; then of its own, whose
 * callees are interrupted. A call to all callees is one. False: there is none left.
 */
export function endCallOf(session: RouterSession, calls: Calls): boolean {
  const { pending, groups } = calls;
  const served = session.firstInvocation;
  if (served !== 0) {
    if ((pending.flags(served) & CallFlag.part) !== 0) groups.onCalleeGone(served, session);
    else calls.fail(served, errors.canceled, calleeLeft);
    return true;
  }
  const own = session.firstCall;
  if (own === 0) return false;
  const flags = pending.flags(own);
  if ((flags & CallFlag.group) !== 0) groups.onCallerGone(own);
  else calls.endServed(own, (flags & CallFlag.killing) === 0 ? CancelMode.killnowait : 0);
  return true;
}
