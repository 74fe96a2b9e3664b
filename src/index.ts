/** The public API of the package `spanwire`. */

export type { Limits } from "./base/limits.ts";
export type { Log, LogLevel } from "./base/log.ts";
export type { ClientSession } from "./client/session.ts";
export type { LocalSessionOptions, Router, RouterOptions } from "./main.ts";
export { createRouter, version } from "./main.ts";
export { WampError } from "./protocol/errors.ts";
export type { HttpOptions } from "./transport/http-options.ts";
