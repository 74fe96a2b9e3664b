/**
 * What makes a session outlive its transport ("Session Resumption" of the specification's drafts). Control path.
 *
 * A session that HELLO asks to be resumable stands on a connection of its own (resumable-connection.ts). The session object that the
 * transport knows becomes its front: it lends its connection, and all events of that, until the resumable session ends or says
 * GOODBYE, and then waits for HELLO again. When the transport is lost, the session is detached for a grace time; HELLO with its id and
 * token over another transport attaches it to that front. A HELLO for a session that is still attached takes it over: the old
 * transport is mostly dead then, and nobody has noticed.
 */
import { fixedLimits } from "../base/limits.ts";
import { ownerName } from "../base/owner-names.ts";
import type { RandomIds } from "../base/random-ids.ts";
import type { Connection, ConnectionEvents } from "../ports.ts";
import { decodeMessage, isDict } from "../protocol/encoding.ts";
import { closeReasons } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import type { Backlog } from "./backlog.ts";
import { controlFrame } from "./control-frame.ts";
import type { SessionCore } from "./core.ts";
import type { OutboxFrame } from "./outbox.ts";
import { ResumableConnection, type ResumableOwner } from "./resumable-connection.ts";
import type { Session } from "./session.ts";

/** 32-bit words of randomness in a token. */
const tokenWords = 4;

/** What the resumable sessions of one router share. */
export class Resumptions {
  /** Names this router, in this life of it, inside tokens, so that another one can tell whose session it is asked for. */
  readonly ownerId: string;
  readonly totals = { bytes: 0, sessions: 0 };
  /** Sessions without a transport. */
  detachedCount = 0;
  readonly #random: RandomIds;

  /** `place`: which of the routers that work together this is. */
  constructor(random: RandomIds, place = 0) {
    this.#random = random;
    this.ownerId = ownerName(place, random.next().toString(36));
  }

  newToken(): string {
    return `${this.ownerId}.${this.#random.secret(tokenWords)}`;
  }
}

/** The part of a token that names the router which gave it. */
export const ownerOf = (token: string): string => token.slice(0, Math.max(0, token.indexOf(".")));

/** Compares in a time that says nothing about where two texts differ. */
function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}

/** What HELLO's answer says of the transport that a session is attached to. */
export interface Attaching {
  readonly token: string;
  /** The token by which the client came; null when the session is new. */
  readonly presented: string | null;
  readonly welcome: OutboxFrame;
  /** Messages that the client has received, by its own count; undefined: all that were sent. */
  readonly received: number | undefined;
}

export class Resumption implements ResumableOwner, ConnectionEvents {
  readonly connection: ResumableConnection;
  /** WELCOME.Details.authextra, said again when the session is resumed. */
  readonly welcomeExtra: Readonly<Record<string, unknown>> | undefined;
  /** Whose transport the session stands on. */
  #front: Session | null = null;
  readonly #core: SessionCore;
  #session: Session | null = null;
  #token = "";
  /**
   * Tokens before it, until the client has shown that it has the new one: WELCOME may get lost like any message, and a HELLO may arrive
   * behind one that was said later over another transport.
   */
  #earlierTokens: readonly string[] = [];
  #received = 0;
  #isCounted = false;
  #cancelGrace: (() => void) | null = null;

  constructor(core: SessionCore, wire: Connection, welcomeExtra: Resumption["welcomeExtra"]) {
    this.#core = core;
    this.welcomeExtra = welcomeExtra;
    this.connection = new ResumableConnection(this, wire, core.limits, core.resumptions.totals);
  }

  /** Says whose resumption it is; once, by that session. */
  bind(session: Session): void {
    this.#session = session;
  }

  get isDetached(): boolean {
    return this.#front === null;
  }
  /** Messages of the client that have arrived, HELLO and GOODBYE not counted. */
  get received(): number {
    return this.#received;
  }

  accepts(token: string): boolean {
    return isSame(this.#token, token) || this.#earlierTokens.some((earlier) => isSame(earlier, token));
  }

  /** Why what the client has not received is lost; null: it can be replayed. */
  gap(received: number | undefined): string | null {
    const { droppedEvents } = this.#session!;
    if (droppedEvents > 0) return `${droppedEvents} events were dropped because the transport took no more`;
    return this.connection.gap(received);
  }

  /** Puts the session on the front's transport; what was its transport before, if it has one, is dropped. */
  attach(front: Session, { token, presented, welcome, received }: Attaching): void {
    const core = this.#core;
    const session = this.#session!;
    this.#front?.abandon();
    this.#front = front;
    this.#cancelGrace?.();
    this.#cancelGrace = null;
    const earlier = presented === null ? [] : [presented, this.#token, ...this.#earlierTokens];
    this.#earlierTokens = [...new Set(earlier)].slice(0, fixedLimits.earlierTokens_max);
    this.#token = token;
    front.lend(this);
    session.onTransport(front.connection);
    const backlog = takeBacklog(front);
    this.connection.attach(front.connection, [...core.outbox.takeBack(front), welcome], received);
    this.#received += backlog?.moveTo((bytes) => session.defer(bytes)) ?? 0;
    if (presented !== null) {
      core.metrics.sessionsResumed++;
      core.log.info("session", "resumed", { session: session.id, peer: front.info.peer });
    }
    if (this.#isCounted) this.#onAttached(session);
  }

  #onAttached(session: Session): void {
    const { observers, resumptions } = this.#core;
    this.#isCounted = false;
    resumptions.detachedCount--;
    for (const observer of observers) observer.onAttach?.(session, session.realm!);
  }

  // ---- from the front: the events of the transport

  onFrame(bytes: Uint8Array): void {
    this.#received++;
    this.#earlierTokens = [];
    this.#session!.onFrame(bytes);
  }

  onViolation(problem: string): void {
    this.#session!.onViolation(problem);
  }

  onDrain(): void {
    this.connection.onDrain();
  }

  onClose(): void {
    const session = this.#session!;
    this.#front = null;
    this.connection.detach();
    if (session.isOpen) this.#detach(session);
    else session.onClose();
  }

  /** GOODBYE: true if the client wants to come back, and the session is kept for it. */
  onGoodbye(bytes: Uint8Array): boolean {
    const session = this.#session!;
    const [, details] = decodeMessage(session.serializer, bytes);
    const front = this.#front;
    if (!isDict(details) || details["resumable"] !== true || front === null) return false;
    this.#core.outbox.flushNow(session);
    const goodbye = [Message.goodbye, { resumable: true }, closeReasons.goodbyeAndOut];
    this.#received -= 1 + this.#returnConnection(front, [controlFrame(front.connection, goodbye)]);
    this.#detach(session);
    return true;
  }

  /** The session has left its realm by GOODBYE: its front waits for HELLO, behind what the client still has to be sent. */
  giveBack(): void {
    this.#returnConnection(this.#front!, this.#core.outbox.takeBack(this.#session!));
  }

  /** Returns how many frames of the client, not handled yet, went back with the connection. */
  #returnConnection(front: Session, last: readonly OutboxFrame[]): number {
    const backlog = takeBacklog(this.#session!);
    this.#front = null;
    front.reclaim([...this.connection.detach(), ...last]);
    return backlog?.moveTo((bytes) => front.defer(bytes)) ?? 0;
  }

  #detach(session: Session): void {
    const core = this.#core;
    const { limits, log, resumptions } = core;
    const problem =
      resumptions.detachedCount >= limits.detachedSessions_max
        ? `as many sessions wait for their clients as may (detachedSessions_max ${limits.detachedSessions_max})`
        : this.gap(undefined);
    if (problem !== null) return this.giveUp(problem);
    resumptions.detachedCount++;
    core.metrics.sessionsDetached++;
    this.#isCounted = true;
    const { resumeGrace_ms } = limits;
    log.info("session", "detached", { session: session.id, resumeGrace_ms });
    this.#cancelGrace = core.scheduler.after(resumeGrace_ms, () =>
      this.giveUp("the client did not come back"),
    );
    session.onDrain();
    for (const observer of core.observers) observer.onDetach?.(session, session.realm!);
  }

  /** Ends the session, because it cannot be resumed. */
  giveUp(problem: string): void {
    const session = this.#session!;
    this.#core.log.info("session", "ended, not resumed", { session: session.id, problem });
    session.goodbye(closeReasons.killed, problem);
  }

  /** The session leaves its realm: it can no longer be resumed. */
  end(): void {
    this.#cancelGrace?.();
    this.#cancelGrace = null;
    if (this.#isCounted) this.#core.resumptions.detachedCount--;
    this.#isCounted = false;
    this.connection.end();
  }

  // ---- from the connection

  onReady(): void {
    this.#session!.onDrain();
  }

  onOverflow(bound: string): void {
    this.#core.outbox.afterTurn(() => this.giveUp(`more was sent to it than can be kept (${bound})`));
  }

  onBroken(wire: Connection, cause: unknown): void {
    this.#core.log.warn("session", "its connection is broken", { session: this.#session!.id, cause });
    this.#core.outbox.afterTurn(() => wire.terminate());
  }

  onClosed(): void {
    this.#core.outbox.afterTurn(() => this.#session!.onClose());
  }
}

/** What a session has not handled yet, for another one that takes its connection over. */
export function takeBacklog(session: Session): Backlog | null {
  const { backlog } = session;
  session.backlog = null;
  if (backlog !== null) session.connection.pause?.(false);
  return backlog;
}
