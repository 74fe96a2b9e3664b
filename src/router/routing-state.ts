/** What the tables of broker and dealer keep in a session: where every walk begins. See RouterSession. */
import type { RouterSession } from "./types.ts";

type Kept =
  | "access"
  | "lastInvocation"
  | "lastCall"
  | "callIndex"
  | "isRemote"
  | "requestsWaiting"
  | "isBehindRequest"
  | "unpark"
  | `${"subscription" | "registration" | "call" | "invocation"}Count`
  | `first${"Subscription" | "Registration" | "Call" | "Invocation"}`;

export class RoutingState implements Pick<RouterSession, Kept> {
  access: RouterSession["access"] = null;
  lastInvocation = 0;
  lastCall = 0;
  callIndex: RouterSession["callIndex"] = null;
  subscriptionCount = 0;
  registrationCount = 0;
  callCount = 0;
  invocationCount = 0;
  firstSubscription = 0;
  firstRegistration = 0;
  firstCall = 0;
  firstInvocation = 0;
  requestsWaiting = 0;
  isBehindRequest = false;

  unpark(): void {}

  get isRemote(): boolean {
    return false;
  }
}
