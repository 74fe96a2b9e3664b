/**
 * Method `ticket` (Advanced Profile, "Ticket-based Authentication"): AUTHENTICATE's signature is a ticket that this router has issued, or,
 * as users of other routers expect, a secret that both sides know: the user's password.
 */
import { looksLikeToken } from "./jwt.ts";
import type { Login, Method, MethodAnswer } from "./method.ts";
import type { TicketService } from "./tickets.ts";

export interface TicketMethodOptions {
  readonly tickets: TicketService;
  /** The method `password`: it does the same work for whoever is unknown. */
  readonly password: Method;
}

export class TicketMethod implements Method {
  readonly name = "ticket";
  readonly #options: TicketMethodOptions;

  constructor(options: TicketMethodOptions) {
    this.#options = options;
  }

  /** Who can prove itself in another way can have been given a ticket. */
  suits({ principal }: Login): boolean {
    return principal !== undefined;
  }

  begin(login: Login): MethodAnswer {
    return { kind: "challenge", extra: {}, proceed: (signature) => this.#verify(login, signature) };
  }

  async #verify(login: Login, signature: string): Promise<MethodAnswer> {
    const { password, tickets } = this.#options;
    if (!looksLikeToken(signature)) {
      const asked = await password.begin(login);
      return asked.kind === "challenge" ? asked.proceed(signature, {}) : asked;
    }
    // Whoever is unknown goes the same way, and is refused at its end.
    const verified = await tickets.verify(login.realm.uri, signature, login.principal ?? null);
    if (!verified.ok) return { kind: "failed", why: verified.why };
    return { kind: "proved", ticket: verified.ticket.id };
  }
}
