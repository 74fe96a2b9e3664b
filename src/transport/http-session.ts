/**
 * One connection over HTTP: its messages arrive in requests of their own and leave by an outlet, which is a poll or an event stream,
 * while there is one; meanwhile they wait in a bounded queue, and behind that in the session's outbox.
 *
 *   open ──close()──► closing ──the client knows, or time──► ended       any ──terminate(), silence, closed by the client──► ended
 */
import type { Limits } from "../base/limits.ts";
import type {
  Accept,
  Connection,
  ConnectionEvents,
  HttpExchange,
  OutgoingFrame,
  TransportInfo,
} from "../ports.ts";
import {
  defaultFraming,
  type Framing,
  type MessageSink,
  splitBatch,
  terminatorOf,
} from "../protocol/batches.ts";
import { Serializer } from "../protocol/serializers.ts";
import type { Answers } from "./http-answers.ts";
import { bodyBytes_max, type HttpKind, type HttpProtocol } from "./http-formats.ts";
import { EventStream, type Outlet, type OutletEnd, Poll, transportEnded } from "./http-outlets.ts";
import { MessageQueue } from "./http-queue.ts";
import { type SendSink, Sends } from "./http-sends.ts";
import { closing_ms } from "./sweep.ts";

/** What the connections of one router share. */
export interface HttpShared {
  readonly limits: Limits;
  readonly answers: Answers;
  now_ms(): number;
  /** The transport is over; nobody finds it any more. */
  ended(connection: HttpConnection): void;
}

export interface HttpConnectionOptions {
  readonly id: string;
  readonly kind: HttpKind;
  readonly protocol: HttpProtocol;
  readonly peer: string;
  /** The status that its client takes for "accepted". */
  readonly acceptedStatus: number;
}

/** The close code with which a session answers what it cannot read. */
const protocolError = 1002;

const State = { open: 0, closing: 1, ended: 2 } as const;
type State = (typeof State)[keyof typeof State];

export class HttpConnection implements Connection, SendSink, MessageSink {
  readonly id: string;
  readonly kind: HttpKind;
  readonly serializer: Serializer;
  readonly info: TransportInfo;
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  readonly acceptedStatus: number;
  readonly #shared: HttpShared;
  readonly #protocol: HttpProtocol;
  readonly #queue: MessageQueue;
  readonly #sends: Sends;
  #events: ConnectionEvents | null = null;
  #state: State = State.open;
  #outlet: Outlet | null = null;
  #isFull = false;
  #owesDrain = false;
  #isReading = false;
  /** Why the session closed while it read what one request brought. */
  #problem: string | null = null;
  #lastSeen_ms: number;
  /** What the client's last batch was written with. */
  #framing: Framing;
  #closingUntil_ms = 0;

  constructor(shared: HttpShared, { id, kind, protocol, peer, acceptedStatus }: HttpConnectionOptions) {
    this.#shared = shared;
    this.id = id;
    this.kind = kind;
    this.serializer = protocol.serializer;
    this.info = { kind, peer };
    this.acceptedStatus = acceptedStatus;
    this.#protocol = protocol;
    this.#queue = new MessageQueue(shared.limits);
    this.#framing = defaultFraming(protocol.serializer);
    const { limits, answers } = shared;
    this.#sends = new Sends(this, {
      limits,
      answers,
      bodyBytes_max: bodyBytes_max(protocol, limits.frameBytes_max),
    });
    this.#lastSeen_ms = shared.now_ms();
  }

  /** Asks for a session. False where there is none, or none any more. */
  begin(accept: Accept): boolean {
    this.#events = accept(this);
    if (this.#events === null) return false;
    if (this.#state === State.open) return true;
    this.#end("ended");
    return false;
  }

  // ---- from the session

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    if (this.#state !== State.open) return count;
    let next = from;
    while (next < count && this.#queue.hasRoom(frames[next]!.bytes.length)) {
      this.#queue.push(frames[next++]!.bytes);
      // A poll that waits for one message takes the first; what may go out together is gathered before.
      if (next === count || !this.#queue.hasRoom(frames[next]!.bytes.length)) this.#pump();
    }
    if (next < count) this.#owesDrain = true;
    return next;
  }

  bufferedBytes(): number {
    return this.#queue.bytes;
  }

  /** While it is paused, clients wait for the answers to what they send. */
  pause(paused: boolean): void {
    this.#sends.pause(paused);
  }

  close(code: number, reason: string): void {
    if (this.#state !== State.open) return;
    if (this.#isReading && code === protocolError) this.#problem = reason;
    this.#state = State.closing;
    this.#closingUntil_ms = this.#shared.now_ms() + closing_ms;
    if (this.#events !== null) this.#endIfTold();
  }

  terminate(): void {
    if (this.#state === State.ended) return;
    if (this.#events === null) this.#state = State.closing;
    else this.#end("ended");
  }

  // ---- from requests

  /** A request that brings a message. */
  onSendRequest(exchange: HttpExchange): void {
    this.#seen();
    if (this.#state === State.open) this.#sends.push(exchange);
    else this.#refuse(exchange);
  }

  /** A request that fetches messages: one, or all that are to come. */
  onReceiveRequest(exchange: HttpExchange): void {
    this.#seen();
    // What a stream holds that does not read may never arrive: nobody could go on behind such a gap.
    if (this.#isFull) this.#end("ended");
    if (this.#state === State.ended) return this.#refuse(exchange);
    this.#outlet?.end("replaced");
    const outlet = this.kind === "sse" ? this.#streamTo(exchange) : this.#pollOf(exchange);
    this.#outlet = outlet;
    exchange.onGone = () => this.#lost(outlet);
    this.#onRoom();
  }

  /** A request that closes the transport; what was sent before it is handed over first. */
  onCloseRequested(exchange: HttpExchange): void {
    this.#seen();
    this.#sends.pushClose(exchange);
  }

  onCloseRequest(exchange: HttpExchange): void {
    this.#shared.answers.empty(exchange, this.acceptedStatus);
    this.#end("closed");
  }

  onSend(body: Uint8Array): string | null {
    this.#seen();
    this.#problem = null;
    this.#isReading = true;
    if (this.#protocol.batched) this.#split(body);
    else this.#events!.onFrame(body);
    this.#isReading = false;
    return this.#problem;
  }

  #split(batch: Uint8Array): void {
    if (this.serializer === Serializer.json) this.#framing = terminatorOf(batch) ?? this.#framing;
    const problem = splitBatch(batch, this.#framing, this);
    if (problem !== null && this.#state === State.open) this.#events!.onViolation(problem);
  }

  onMessage(batch: Uint8Array, from: number, end: number): boolean {
    this.#events!.onFrame(batch.subarray(from, end));
    return this.#state === State.open;
  }

  /** Time has passed. */
  sweep(now_ms: number): void {
    if (this.#state === State.closing && now_ms >= this.#closingUntil_ms) return this.#end("ended");
    if (this.#outlet !== null) {
      if (!this.#outlet.tick(now_ms)) this.#outlet = null;
      // Somebody waits; but one that does not read may be nobody any more.
      if (!this.#isFull) this.#lastSeen_ms = now_ms;
    }
    if (!this.#sends.isEmpty) this.#lastSeen_ms = now_ms;
    if (now_ms - this.#lastSeen_ms >= this.#shared.limits.httpIdle_ms) this.#end("ended");
  }

  // ---- inside

  #seen(): void {
    this.#lastSeen_ms = this.#shared.now_ms();
  }

  #pollOf(exchange: HttpExchange): Outlet {
    const { answers, limits } = this.#shared;
    const until_ms = this.#shared.now_ms() + limits.poll_ms;
    const framing = (): Framing => this.#framing;
    return new Poll(exchange, { answers, protocol: this.#protocol, framing, until_ms });
  }

  #streamTo(exchange: HttpExchange): Outlet {
    const { answers, limits } = this.#shared;
    const stream: EventStream = new EventStream(exchange, {
      answers,
      keepAlive_ms: limits.sseKeepAlive_ms,
      now_ms: () => this.#shared.now_ms(),
      onDrain: () => {
        if (this.#outlet !== stream) return;
        this.#isFull = false;
        this.#seen();
        this.#onRoom();
      },
    });
    this.#isFull = stream.isFull;
    return stream;
  }

  #lost(outlet: Outlet): void {
    if (this.#outlet !== outlet) return;
    this.#outlet = null;
    this.#seen();
    // It takes messages with it.
    if (this.#isFull) this.#end("ended");
  }

  #pump(): void {
    while (this.#outlet !== null && !this.#isFull && this.#queue.length > 0) {
      const result = this.#outlet.take(this.#queue);
      this.#isFull = result === "full";
      if (result === "done") this.#outlet = null;
    }
  }

  #onRoom(): void {
    this.#pump();
    if (this.#state === State.closing) return this.#endIfTold();
    if (!this.#owesDrain || this.#state !== State.open || !this.#queue.isHalfEmpty) return;
    this.#owesDrain = false;
    this.#events!.onDrain();
  }

  /** The client has fetched everything, and asks for more; or it closes the transport itself; or time passes. */
  #endIfTold(): void {
    this.#sends.end((exchange) => this.#refuse(exchange));
    if (this.#outlet !== null && this.#queue.length === 0) this.#end("ended");
  }

  #refuse(exchange: HttpExchange): void {
    this.#shared.answers.error(exchange, transportEnded);
  }

  #end(why: OutletEnd): void {
    if (this.#state === State.ended) return;
    this.#state = State.ended;
    this.#queue.clear();
    const outlet = this.#outlet;
    this.#outlet = null;
    outlet?.end(why);
    this.#sends.end((exchange) => this.#refuse(exchange));
    this.#shared.ended(this);
    const events = this.#events!;
    // Not from inside one of the session's own calls.
    queueMicrotask(() => events.onClose());
  }
}
