/** Calls between routers: what is said about them on links, to those who handle it. */
import { unreachable } from "../../base/assert.ts";
import type { SessionId } from "../../base/ids.ts";
import type { Dealer } from "../dealer/dealer.ts";
import type { Invocations } from "../dealer/invocations.ts";
import type { Directory } from "./directory.ts";
import { kindRange, PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import { OutgoingCalls, type OutgoingCallsParts } from "./outgoing-calls.ts";
import type { PeerHandler } from "./peers.ts";
import type { RemoteCallee } from "./remote-callee.ts";
import { ServedCalls, type ServedCallsParts } from "./served-calls.ts";

export interface RemoteCallsParts extends OutgoingCallsParts, ServedCallsParts {
  readonly invocations: Invocations;
}

export class RemoteCalls implements PeerHandler {
  readonly #parts: RemoteCallsParts;
  readonly #outgoing: OutgoingCalls;
  readonly #served: ServedCalls;

  /** From now on the dealer's calls go to callees of other routers too. */
  constructor(parts: RemoteCallsParts) {
    this.#parts = parts;
    this.#outgoing = new OutgoingCalls(parts);
    this.#served = new ServedCalls(parts);
    parts.dispatch.connect(this.#outgoing, this.#served.places);
    parts.calls.connect(this.#outgoing, this.#served);
    parts.invocations.connect(this.#outgoing);
    parts.peers.handle(kindRange.calls, this);
  }

  /** What waits for others, or is kept for them. */
  get waitingCount(): number {
    return this.#served.waitingCount + this.#outgoing.offerCount;
  }

  onMessage(peer: number, message: MessageReader): void {
    switch (message.kind) {
      case PeerKind.invoke:
        return this.#served.onInvoke(peer, message);
      case PeerKind.proceed:
        return this.#served.onProceed(peer, message);
      case PeerKind.interrupt:
        return this.#served.onInterrupt(peer, message);
      case PeerKind.abandon:
        return this.#served.onAbandon(peer, message);
      case PeerKind.want:
        return this.#served.onWant(peer, message);
      case PeerKind.decline:
        return this.#served.onDecline(message);
      case PeerKind.yield:
      case PeerKind.error:
        return this.#outgoing.onAnswer(peer, message);
      case PeerKind.refused:
        return this.#outgoing.onRefused(peer, message);
      case PeerKind.returned:
        return this.#outgoing.onReturned(peer, message);
      case PeerKind.offer:
        return this.#outgoing.onOffer(peer, message);
      default:
        return unreachable(message.kind as never);
    }
  }

  onDown(peer: number): void {
    this.#outgoing.onDown(peer);
    this.#served.onDown(peer);
  }

  /** REGISTERED is on its way to a session of this router: it may be invoked. */
  onComplete(session: SessionId, registration: number): void {
    this.#served.onComplete(session, registration);
  }

  /** A callee of another router is gone, or its router is. Before its registrations are ended. */
  onCalleeGone(callee: RemoteCallee): void {
    this.#parts.calls.onSessionGone(callee);
  }
}

export interface ConnectedCalls extends Omit<RemoteCallsParts, "dispatch" | "invocations"> {
  readonly dealer: Dealer;
  readonly directory: Directory;
}

/** Makes calls of this router go to callees of others, and theirs to its own. */
export function connectCalls({ dealer, directory, ...parts }: ConnectedCalls): void {
  const { dispatch, invocations } = dealer;
  const remote = new RemoteCalls({ ...parts, dispatch, invocations, directory });
  directory.onComplete = (session, registration) => remote.onComplete(session, registration);
  directory.onCalleeGone = (callee) => remote.onCalleeGone(callee);
}
