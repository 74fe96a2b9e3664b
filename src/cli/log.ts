/** The process's log: pino's JSON lines on stderr, or one readable line each where a person is watching. */
import { type DestinationStream, pino } from "pino";
import type { Log, LogLevel } from "../base/log.ts";

const levelName: Readonly<Record<number, string>> = { 20: "debug", 30: "info", 40: "warn", 50: "error" };

interface Line {
  readonly level: number;
  readonly time: number;
  readonly part?: string;
  readonly msg: string;
  readonly err?: { readonly message?: string; readonly stack?: string };
  readonly [field: string]: unknown;
}

/** Turns pino's line into `12:34:56.789 warn  transport  text  key=value`. */
function readable(text: string): string {
  const { level, time, part, msg, err, ...fields } = JSON.parse(text) as Line;
  const at = new Date(time).toISOString().slice(11, 23);
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const cause = err === undefined ? "" : `\n${err.stack ?? err.message ?? ""}`;
  return `${[at, (levelName[level] ?? String(level)).padEnd(5), part ?? "", msg, ...rest].join("  ")}${cause}\n`;
}

export function createLog(level: LogLevel): Log {
  const stderr: DestinationStream = {
    write: (text) => void process.stderr.write(process.stderr.isTTY ? readable(text) : text),
  };
  const logger = pino({ level, base: null }, stderr);
  const write =
    (method: "error" | "warn" | "info" | "debug"): Log["error"] =>
    (part, message, fields) => {
      const { cause, ...rest } = fields ?? {};
      logger[method]({ part, ...rest, ...(cause === undefined ? {} : { err: cause }) }, message);
    };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
}
