/** The logger every part is given; an implementation comes from outside. Never called on the hot path. */
export const logLevels = ["silent", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Log {
  error(part: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(part: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(part: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(part: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };
