/** Clients that try to be let in without the secret, out of turn, or at the router's expense. */
import type { Suite } from "./router-suite.ts";

export function hostileAuthSuite(_suite: Suite): void {}
