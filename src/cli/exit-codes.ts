/** Exit codes of sysexits.h: wrong usage, something that is not there, and something outside that is not as it must be. */
export const exitUsage = 64;
export const exitNoInput = 66;
export const exitUnavailable = 69;

/** Says on stderr why the command did not do what it was asked to. */
export function fail(message: string, code: number): void {
  process.stderr.write(`spanwire: ${message}\n`);
  process.exitCode = code;
}
