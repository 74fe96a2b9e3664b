/** What belongs to another router of several that work together: HTTP requests for its transports, connections of its sessions. */
import type { Limits } from "../base/limits.ts";
import type { Accept, Scheduler } from "../ports.ts";
import { Carrying } from "../router/peers/carrying.ts";
import { HttpForwarding } from "../router/peers/http-forwarding.ts";
import type { Peers } from "../router/peers/peers.ts";
import type { ForwardResume } from "../session/core.ts";
import { HandOver } from "../session/hand-over.ts";
import type { Outbox } from "../session/outbox.ts";
import type { HttpTransportOptions, HttpTransports } from "../transport/http-transports.ts";

export class Forwarding {
  readonly forwardResume: ForwardResume;
  /** Makes sessions for connections that others carry here; until it is given, there is none. */
  accept: Accept = () => null;
  readonly #http: HttpForwarding;
  readonly #carrying: Carrying;
  readonly #place: number;

  constructor(
    peers: Peers,
    parts: { readonly outbox: Outbox; readonly scheduler: Scheduler; readonly limits: Limits },
  ) {
    this.#place = peers.self;
    this.#http = new HttpForwarding(peers);
    this.#carrying = new Carrying({ ...parts, peers, accept: (connection) => this.accept(connection) });
    this.forwardResume = new HandOver(peers, this.#carrying, parts.outbox).forwardResume;
  }

  /** What HTTP transports of this router are to know of the others. */
  get httpOptions(): Pick<HttpTransportOptions, "place" | "forward"> {
    return { place: this.#place, forward: this.#http.forward };
  }

  /** From now on requests for them come to them, whichever router they came to. */
  serve(transports: HttpTransports): void {
    this.#http.serve(transports.owner, transports);
  }

  /** Requests and connections under way, in either direction. */
  get count(): number {
    return this.#http.count + this.#carrying.count;
  }
}
