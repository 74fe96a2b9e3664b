/** Registration revocation (Advanced Profile): a callee loses a registration that it has not given up. Control path. */
import { ClientFeature } from "../../protocol/features.ts";
import { Message } from "../../protocol/messages.ts";
import type { RouterSession } from "../types.ts";

/** Tells a callee that its registration is gone, if it announced that it understands. `reason` is free text, or a URI. */
export function announceRevocation(callee: RouterSession, registration: number, reason?: string): void {
  if ((callee.clientFeatures & ClientFeature.calleeRevocation) !== 0)
    callee.postMessage([Message.unregistered, 0, { registration, reason }]);
}
