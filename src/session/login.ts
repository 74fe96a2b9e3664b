/**
 * From HELLO to WELCOME or ABORT, for the session that waits on a connection: finds the realm, lets the authenticator decide, passes
 * CHALLENGE and AUTHENTICATE between it and the client. Each step may take its time; when the connection goes, what comes later finds
 * nobody. Control path.
 */
import type { SessionId } from "../base/ids.ts";
import type { AuthAnswer, Connection, Identity } from "../ports.ts";
import { decodeMessage, isDict } from "../protocol/encoding.ts";
import { errors } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import type { Realm } from "../router/realm.ts";
import type { SessionCore } from "./core.ts";
import {
  handshakeTooLong,
  type Joined,
  noSuchRealm,
  type Refusal,
  readClient,
  type Wish,
  welcome,
} from "./handshake.ts";
import { Resumption } from "./resumption.ts";
import type { Session } from "./session.ts";

/** What becomes of it; called once, unless it is dropped before. */
export interface LoginEvents {
  onWelcome(joined: Joined): void;
  onRefusal(refusal: Refusal): void;
  onChallenge(method: string, extra: Readonly<Record<string, unknown>>): void;
}

type Challenge = Extract<AuthAnswer, { kind: "challenge" }>;

export class Login {
  readonly #core: SessionCore;
  readonly #connection: Connection;
  readonly #wish: Wish;
  readonly #events: LoginEvents;
  readonly #session: SessionId;
  #realm: Realm | null = null;
  #clientFeatures = 0;
  /** What AUTHENTICATE answers; null while the authenticator decides. */
  #challenge: Challenge | null = null;
  #isOver = false;

  constructor(core: SessionCore, connection: Connection, wish: Wish, events: LoginEvents) {
    this.#core = core;
    this.#connection = connection;
    this.#wish = wish;
    this.#events = events;
    this.#session = core.newSessionId();
  }

  /** May be over before it returns. */
  begin(): void {
    this.#then(
      () => this.#core.findRealm(this.#wish.realm),
      (realm) => this.#onRealm(realm),
    );
  }

  /** Nobody waits for it any more. */
  drop(): void {
    this.#isOver = true;
    this.#challenge?.abandon?.();
    this.#challenge = null;
  }

  /** AUTHENTICATE. False: nothing was asked. */
  onAuthenticate(bytes: Uint8Array): boolean {
    const challenge = this.#challenge;
    if (challenge === null) return false;
    this.#challenge = null;
    const tooLong = handshakeTooLong(bytes);
    if (tooLong !== null) {
      challenge.abandon?.();
      this.#refuse(tooLong);
      return true;
    }
    const [, signature, given] = decodeMessage(this.#connection.serializer, bytes);
    const extra = isDict(given) ? given : {};
    const text = typeof signature === "string" ? signature : "";
    this.#then(
      () => challenge.proceed(text, extra),
      (answer) => this.#onAnswer(answer),
    );
    return true;
  }

  #onRealm(realm: Realm | undefined): void {
    if (realm === undefined) return this.#refuse(noSuchRealm(this.#wish.realm));
    const client = readClient(this.#wish, realm, this.#connection, this.#session);
    if ("error" in client) return this.#refuse(client);
    this.#realm = realm;
    this.#clientFeatures = client.clientFeatures;
    const { identity } = this.#connection;
    if (identity !== undefined) return this.#welcome(identity, undefined);
    this.#then(
      () => this.#core.authenticator.begin(client.hello),
      (answer) => this.#onAnswer(answer),
    );
  }

  #onAnswer(answer: AuthAnswer): void {
    switch (answer.kind) {
      case "welcome":
        return this.#welcome(answer.identity, answer.extra);
      case "abort":
        return this.#refuse(answer);
      case "challenge":
        this.#challenge = answer;
        return this.#events.onChallenge(answer.method, answer.extra);
    }
  }

  #welcome(identity: Identity, welcomeExtra: Readonly<Record<string, unknown>> | undefined): void {
    const realm = this.#realm!;
    // It may have been deleted since.
    if (this.#core.realms.get(realm.uri) !== realm) return this.#refuse(noSuchRealm(realm.uri));
    const clientFeatures = this.#clientFeatures;
    const joining = { realm, identity, welcomeExtra, id: this.#session, clientFeatures };
    const joined = welcome(this.#core, this.#connection, this.#wish, joining);
    if ("error" in joined) return this.#refuse(joined);
    this.#isOver = true;
    this.#events.onWelcome(joined);
  }

  #refuse(refusal: Refusal): void {
    this.#isOver = true;
    this.#events.onRefusal(refusal);
  }

  /** Goes on with what is there now or comes later; a fault of ours ends it. */
  #then<T>(get: () => T | Promise<T>, next: (value: T) => void): void {
    const later = (value: T): void => {
      if (!this.#isOver) next(value);
    };
    try {
      const value = get();
      if (value instanceof Promise) value.then(later).catch((cause) => this.#fail(cause));
      else later(value);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    this.#core.log.error("auth", "a login could not be decided", { realm: this.#wish.realm, cause });
    if (this.#isOver) return;
    this.#refuse({
      error: errors.unavailable.uri,
      message: "the router cannot decide who you are; see its log",
    });
  }
}

export const challengeMessage = (
  method: string,
  extra: Readonly<Record<string, unknown>>,
): readonly unknown[] => [Message.challenge, method, extra];

/** Begins the session that WELCOME announces, on the connection of `front`; one that can be resumed stands on a connection of its own. */
export function enter(
  core: SessionCore,
  front: Session,
  joined: Joined,
  make: (connection: Connection, resumption: Resumption) => Session,
): void {
  const { token, welcome, welcomeExtra } = joined;
  if (token === null) {
    core.outbox.post(front, welcome);
    return front.join(joined);
  }
  const resumption = new Resumption(core, front.connection, welcomeExtra);
  const session = make(resumption.connection, resumption);
  resumption.attach(front, { token, presented: null, welcome, received: undefined });
  session.join(joined);
}
