/** Configuration files of a test, in a directory of their own. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Config } from "../../src/config/config.ts";
import type { CheckDefinitions } from "../../src/config/definitions.ts";
import { type Loaded, loadConfig } from "../../src/config/load.ts";
import type { Overrides } from "../../src/config/overrides.ts";
import { formatProblem } from "../../src/config/problems.ts";

export class ConfigFiles {
  readonly directory = mkdtempSync(join(tmpdir(), "spanwire-config-"));

  constructor() {
    after(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): string {
    mkdirSync(join(this.path(name), ".."), { recursive: true });
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  load(text: string, given: GivenLoad = {}): Loaded {
    const file = this.write("spanwire.yaml", text);
    return loadConfig({ file, overrides: {}, environment: {}, checkDefinitions: () => [], ...given });
  }

  /** Each problem on a line as the command prints it, without this directory. */
  problems(text: string, given?: GivenLoad): string[] {
    return (this.load(text, given).problems ?? []).map((problem) =>
      formatProblem(problem).replaceAll(`${this.directory}/`, ""),
    );
  }

  /** Throws where there are problems. */
  config(text: string, given?: GivenLoad): Config {
    const { config, problems } = this.load(text, given);
    if (problems !== undefined) throw new Error(problems.map(formatProblem).join("\n"));
    return config;
  }
}

export interface GivenLoad {
  readonly overrides?: Overrides;
  readonly environment?: Readonly<Record<string, string>>;
  readonly checkDefinitions?: CheckDefinitions;
}

/** A certificate that signed itself, and its key; undefined where there is no openssl to make it. */
export function makeCertificate(
  files: ConfigFiles,
  name: string,
): { readonly certFile: string; readonly keyFile: string } | undefined {
  const [certFile, keyFile] = [`${name}.pem`, `${name}.key`];
  const paths = ["-keyout", files.path(keyFile), "-out", files.path(certFile)];
  const kind = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-subj",
    `/CN=${name}`,
  ];
  try {
    execFileSync("openssl", ["req", "-x509", ...kind, "-days", "2", ...paths], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  return { certFile, keyFile };
}
