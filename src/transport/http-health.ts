/**
 * Whether a router is alive and takes clients, for whoever watches it or spreads clients over several: beside WebSocket on the same
 * port, `/ping` and `/ready` as Bondy answers them. An overloaded router answers too. Control path.
 *
 *   GET /ping     204, as long as it answers at all
 *   GET /ready    204 where it takes new clients, else 503
 *   GET /health   200 and {"status": "ok" | "overloaded" | "closing"}, or 503 and the same where it takes no new clients
 */
import type { Log } from "../base/log.ts";
import type { HttpExchange, HttpResponse, HttpService } from "../ports.ts";

export type HealthStatus = "ok" | "overloaded" | "closing";

export interface HealthParts {
  readonly status: () => HealthStatus;
  /** What serves the other paths; null: nothing does. */
  readonly next: HttpService | null;
  readonly log: Log;
}

const paths = ["/ping", "/ready", "/health"];

export class HealthService implements HttpService {
  readonly #parts: HealthParts;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  get bodiesBytes_max(): number {
    return this.#parts.next?.bodiesBytes_max ?? 0;
  }

  handle(exchange: HttpExchange): boolean {
    if (!paths.includes(exchange.path)) return this.#parts.next?.handle(exchange) ?? false;
    exchange.respond(this.#answer(exchange));
    return true;
  }

  failed(cause: unknown): void {
    if (this.#parts.next !== null) this.#parts.next.failed(cause);
    else this.#parts.log.error("http", "internal error; the request is answered 500", { cause });
  }

  #answer({ method, path }: HttpExchange): HttpResponse {
    const headers = { "cache-control": "no-store" };
    if (method !== "GET" && method !== "HEAD")
      return { status: 405, headers: { ...headers, allow: "GET, HEAD" } };
    if (path === "/ping") return { status: 204, headers };
    const status = this.#parts.status();
    const takes = status === "ok";
    if (path === "/ready") return { status: takes ? 204 : 503, headers };
    const body = method === "HEAD" ? {} : { body: JSON.stringify({ status }) };
    return {
      status: takes ? 200 : 503,
      headers: { ...headers, "content-type": "application/json" },
      ...body,
    };
  }
}
