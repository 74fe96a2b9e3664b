/** A listener whose HTTP service is the test, for the suites that every adapter runs. */
import type { HttpExchange, HttpResponse, HttpService } from "../../src/ports.ts";
import { Events } from "./events.ts";
import { HttpLine } from "./http-line.ts";
import { type ListenSettings, type Running, running, type Subject } from "./transport-subject.ts";

export const ok = (
  body: string | Uint8Array = "ok",
  headers: HttpResponse["headers"] = {},
): HttpResponse => ({
  status: 200,
  headers,
  body,
});

export interface Serving extends Running {
  readonly exchanges: Events<HttpExchange>;
  readonly faults: unknown[];
  /** A client connection of its own. */
  line(): HttpLine;
}

/** Listens with a service whose handler is the test's, or keeps the exchanges for it. */
export async function serving(
  subject: Subject,
  given: ListenSettings & {
    readonly handle?: (exchange: HttpExchange) => boolean;
    readonly bodiesBytes_max?: number;
  },
  task: (all: Serving) => Promise<void>,
): Promise<void> {
  const exchanges = new Events<HttpExchange>("exchange");
  const faults: unknown[] = [];
  const { handle, bodiesBytes_max = 1 << 26, ...settings } = given;
  const keep = (exchange: HttpExchange): boolean => {
    exchanges.push(exchange);
    return true;
  };
  const http: HttpService = {
    handle: handle ?? keep,
    failed: (cause) => faults.push(cause),
    bodiesBytes_max,
  };
  const lines: HttpLine[] = [];
  await running(subject, { ...settings, http }, async (all) => {
    const line = (): HttpLine => {
      lines.push(new HttpLine(all.listener.url));
      return lines.at(-1)!;
    };
    try {
      await task({ ...all, exchanges, faults, line });
    } finally {
      for (const one of lines) one.close();
    }
  });
}
