/** What an embedding program says about WAMP over plain HTTP, and what comes of it. Control path. */
import { type HttpTransportOptions, HttpTransports } from "./http-transports.ts";

export interface HttpOptions {
  /** Long-poll, and at which path. Default `/wamp/longpoll`. */
  readonly longpoll?: boolean | string;
  /** Event streams, and at which path. Default `/wamp/sse`. */
  readonly sse?: boolean | string;
  /**
   * Pages of these origins may use them: `https://app.example.com`, `https://*.example.com` for all below, or `*` for any, then
   * without credentials. Default: none.
   */
  readonly origins?: readonly string[];
  /** Whether it is well, at `/ping`, `/ready` and `/health`. Default true. */
  readonly health?: boolean;
}

/** Null where it is off. Throws for a path or an origin that is none. */
export function httpTransports(
  given: boolean | HttpOptions,
  parts: Omit<HttpTransportOptions, "paths" | "origins">,
): HttpTransports | null {
  if (given === false) return null;
  const { longpoll = true, sse = true, origins = [] } = given === true ? {} : given;
  const paths = { longpoll: pathFrom(longpoll, "/wamp/longpoll"), sse: pathFrom(sse, "/wamp/sse") };
  if (paths.longpoll === undefined && paths.sse === undefined) return null;
  if (paths.longpoll === paths.sse) throw new Error("long-poll and event streams need paths of their own");
  return new HttpTransports({ ...parts, paths, origins });
}

function pathFrom(given: boolean | string, usual: string): string | undefined {
  if (given === false) return undefined;
  const path = given === true ? usual : given;
  if (/^(\/[A-Za-z0-9._~-]+)+$/.test(path)) return path;
  throw new Error(
    `the HTTP path ${JSON.stringify(path)} must start with "/", not end with it, and hold letters, digits and ._~/- only`,
  );
}
