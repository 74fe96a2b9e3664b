/**
 * The answers of the HTTP transports, each with the headers that a page from another origin needs (CORS, Fetch standard) where its
 * origin is allowed. A failure is JSON: `{"error": a word for programs, "message": a sentence for people}`.
 */
import type { HttpExchange, HttpStream } from "../ports.ts";

export type Headers = Readonly<Record<string, string>>;

const preflightAge_s = 86_400;
const allowedHeaders = "accept, authorization, cache-control, content-type, x-csrf-token, x-requested-with";

export class Answers {
  readonly #origins: readonly RegExp[] | "any";

  /** Origins as browsers write them (`https://app.example.com`), `https://*.example.com` for all below, `*` for any; none: no CORS. */
  constructor(origins: readonly string[]) {
    this.#origins = origins.includes("*") ? "any" : origins.map(originPattern);
  }

  json(exchange: HttpExchange, status: number, value: unknown, headers: Headers = {}): void {
    const body = JSON.stringify(value);
    exchange.respond({
      status,
      headers: { ...this.#common(exchange), "content-type": "application/json", ...headers },
      body,
    });
  }

  error(
    exchange: HttpExchange,
    failure: {
      readonly status: number;
      readonly error: string;
      readonly message: string;
      /** Further members of the JSON. */
      readonly more?: Readonly<Record<string, unknown>>;
    },
    headers: Headers = {},
  ): void {
    const { status, error, message, more } = failure;
    this.json(exchange, status, { error, message, ...more }, headers);
  }

  empty(exchange: HttpExchange, status: number, headers: Headers = {}): void {
    exchange.respond({ status, headers: { ...this.#common(exchange), ...headers } });
  }

  messages(exchange: HttpExchange, contentType: string, body: Uint8Array): void {
    const headers = { ...this.#common(exchange), "content-type": contentType };
    exchange.respond({ status: 200, headers, body });
  }

  events(exchange: HttpExchange): HttpStream {
    return exchange.stream({
      status: 200,
      headers: {
        ...this.#common(exchange),
        "content-type": "text/event-stream; charset=utf-8",
        // Some proxies gather an answer before they pass it on, unless they are told not to.
        "x-accel-buffering": "no",
      },
    });
  }

  /** OPTIONS: what the path takes, and for a page whose origin is allowed that it may ask for it. */
  options(exchange: HttpExchange, methods: string): void {
    const isPreflight = exchange.headers.has("access-control-request-method");
    const isAllowed = this.#originHeaders(exchange)["access-control-allow-origin"] !== undefined;
    this.empty(exchange, 204, {
      allow: methods,
      ...(isPreflight && isAllowed
        ? {
            "access-control-allow-methods": methods,
            "access-control-allow-headers": allowedHeaders,
            "access-control-max-age": String(preflightAge_s),
          }
        : {}),
    });
  }

  #common(exchange: HttpExchange): Headers {
    return { "cache-control": "no-store", ...this.#originHeaders(exchange) };
  }

  #originHeaders({ headers }: HttpExchange): Headers {
    if (this.#origins === "any") return { "access-control-allow-origin": "*" };
    if (this.#origins.length === 0) return {};
    const origin = headers.get("origin");
    if (origin === undefined || !this.#origins.some((pattern) => pattern.test(origin)))
      return { vary: "origin" };
    // With credentials the origin must be named.
    return {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      vary: "origin",
    };
  }
}

const shape = /^[a-z][a-z0-9+.-]*:\/\/(\*\.)?[a-z0-9.-]+(:\d+)?$/;

/** Throws for what no browser sends as an origin. */
function originPattern(origin: string): RegExp {
  if (!shape.test(origin)) {
    throw new Error(
      `${JSON.stringify(origin)} is not an origin: write it as https://app.example.com, https://*.example.com or *`,
    );
  }
  const literal = origin.replace(/[.+]/g, "\\$&");
  return new RegExp(`^${literal.replace("*\\.", "([a-z0-9-]+\\.)+")}$`);
}
