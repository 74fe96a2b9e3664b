/** Turns a failure to listen into one line that says what to do. Shared by all listeners, so that it reads the same everywhere. */

export interface ListenTarget {
  readonly host: string;
  readonly port: number;
  /** The flag with which a user chooses the port. */
  readonly portFlag: "--port" | "--rawsocket-port";
}

export const codeOf = (cause: unknown): string => {
  const code = cause instanceof Error ? (cause as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
};

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

export function listenError(cause: unknown, { host, port, portFlag }: ListenTarget): Error {
  return new Error(reasonFor(cause, { host, port, portFlag }), { cause });
}

function reasonFor(cause: unknown, { host, port, portFlag }: ListenTarget): string {
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is already in use; stop the other program or choose another with ${portFlag}`;
    case "EACCES":
      return `port ${port} on ${host} needs privileges that this process lacks; choose one above 1023 with ${portFlag}`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAFNOSUPPORT":
      return `cannot listen on ${host}: this machine has no such address; choose another with --host`;
    default:
      return `cannot listen on port ${port} of ${host}: ${messageOf(cause)}`;
  }
}

/** `folderExists`: the operating system reports a missing folder as permission denied. */
export function unixListenError(cause: unknown, path: string, folderExists: boolean): Error {
  return new Error(unixReasonFor(cause, path, folderExists), { cause });
}

function unixReasonFor(cause: unknown, path: string, folderExists: boolean): string {
  const code = codeOf(cause);
  if (code === "EADDRINUSE") {
    return `Unix socket ${path} is already in use; stop the other program or choose another path with --unix`;
  }
  if (!folderExists) {
    return `cannot listen on Unix socket ${path}: its folder does not exist; create it or choose another path with --unix`;
  }
  if (code === "EACCES") {
    return `cannot listen on Unix socket ${path}: permission denied; choose another path with --unix`;
  }
  return `cannot listen on Unix socket ${path}: ${messageOf(cause)}`;
}
