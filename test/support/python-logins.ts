/** Logins by Debian's autobahn-python, one after the other in one process (python-auth.py). `.ci/run` installs what it needs. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ForeignMethod, LoginWish, Outcome } from "./auth-clients.ts";

const python = "/usr/bin/python3";
/** The compiled tests lie in build/test, the script only in the sources. */
const script = ["./python-auth.py", "../../../test/support/python-auth.py"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

let problem: string | undefined | null = null;

/** Why it cannot log in here; undefined: it can. */
export function pythonProblem(): string | undefined {
  if (problem !== null) return problem;
  const program = "import autobahn.asyncio.wamp, nacl, argon2, passlib, msgpack, cbor2";
  // From the root folder: Python takes a folder named autobahn where it starts for the package.
  const { status, stderr } = spawnSync(python, ["-c", program], { encoding: "utf8", cwd: "/" });
  const why = stderr?.trim().split("\n").at(-1) ?? "no python3";
  problem =
    status !== 0
      ? `autobahn-python is not whole (${why}); Debian: python3-autobahn, -nacl, -argon2, -passlib, -msgpack, -cbor2`
      : script === undefined
        ? "python-auth.py is not beside the sources"
        : undefined;
  return problem;
}

export interface PythonTls {
  /** PEM of the authority to trust. */
  readonly ca: string;
  readonly tls?: "1.2";
}

export class PythonLogins {
  #child: ChildProcessWithoutNullStreams | null = null;
  #text = "";
  #errors = "";
  #waiting: ((outcome: Outcome) => void)[] = [];

  login(wish: LoginWish, more: Partial<PythonTls> & { readonly authextra?: object } = {}): Promise<Outcome> {
    const { url, realm, serializer, calls = [] } = wish;
    const { authextra, ...tls } = more;
    const args = { ...argsOf(wish), ...(authextra === undefined ? {} : { authextra }) };
    const line = JSON.stringify({ url, realm, serializer, method: wish.method, args, calls, ...tls });
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process().stdin.write(`${line}\n`);
    });
  }

  #process(): ChildProcessWithoutNullStreams {
    if (this.#child !== null) return this.#child;
    const child = spawn(python, [script!], { cwd: "/" });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#text + text).split("\n");
      this.#text = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith("answer ")) this.#waiting.shift()?.(JSON.parse(line.slice(7)) as Outcome);
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-2_000);
    });
    child.once("close", () => {
      for (const resolve of this.#waiting.splice(0))
        resolve({ refused: `the script ended: ${this.#errors}` });
    });
    this.#child = child;
    return child;
  }

  close(): void {
    this.#child?.stdin.end();
    this.#child = null;
  }
}

const secretNames: Readonly<Record<ForeignMethod, string | undefined>> = {
  anonymous: undefined,
  ticket: "ticket",
  wampcra: "secret",
  cryptosign: "privkey",
  scram: "password",
};

/** The arguments of its authenticator. */
function argsOf({ method, authid, secret }: LoginWish): Record<string, unknown> {
  const name = secretNames[method];
  return {
    ...(authid === undefined ? {} : { authid }),
    ...(name === undefined ? {} : { [name]: secret }),
  };
}
