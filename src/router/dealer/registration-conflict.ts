/** Why a session cannot join a registration that is there. Control path. */
import { Invoke } from "../../protocol/messages.ts";

/**
 * `policy` is that of the registration, `invoke` the one that the session asks for; `mayRepeat`: its realm lets a session register
 * several times. Null if it can join.
 */
export function registrationConflict(
  policy: Invoke,
  invoke: Invoke,
  isMember: boolean,
  mayRepeat: boolean,
): string | null {
  if (isMember && (policy === Invoke.single || !mayRepeat))
    return "this session has registered the procedure already";
  if (policy === Invoke.single) return "the procedure is registered by another session";
  return policy === invoke ? null : "the procedure is registered with another invocation policy";
}
