/**
 * Certificates for the tests, made with the `openssl` command and kept in the build folder until they are a few days old: an authority,
 * servers, clients, and some that are not good.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CertificateFiles } from "../../src/ports.ts";

/** CN and, where it has some, the names beside it. */
const subjects = {
  server: "DNS:localhost,IP:127.0.0.1",
  renewed: "DNS:localhost,IP:127.0.0.1",
  one: "DNS:one.test",
  wild: "DNS:*.wild.test",
  "device-7": "DNS:device-7.test,URI:urn:device:7,email:seven@device.test",
} as const;

export type Subject = keyof typeof subjects | "stranger" | "expired";

const home = fileURLToPath(new URL("../../certificates", import.meta.url));
const kept_ms = 10 * 86_400_000;

function openssl(folder: string, ...args: string[]): void {
  execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function signed(folder: string, name: string, extensions: string, days: string): void {
  writeFileSync(join(folder, `${name}.ext`), extensions);
  openssl(folder, "req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", days];
  openssl(
    folder,
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    ...by,
    "-extfile",
    `${name}.ext`,
    "-out",
    `${name}.crt`,
  );
}

function make(folder: string): void {
  for (const authority of ["ca", "stranger"]) {
    const files = ["-keyout", `${authority}.key`, "-out", `${authority}.crt`];
    openssl(folder, "req", "-x509", ...newKey, ...files, "-subj", `/CN=${authority}`, "-days", "30");
  }
  for (const [name, names] of Object.entries(subjects))
    signed(folder, name, `subjectAltName=${names}\n`, "30");
  signed(folder, "expired", "subjectAltName=DNS:localhost\n", "-1");
}

/** Test files run at the same time: each makes its own where there are none, and the first to finish is kept. */
function ready(): string {
  if (existsSync(home) && Date.now() - statSync(home).mtimeMs < kept_ms) return home;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(join(home, ".."), { recursive: true });
  const folder = mkdtempSync(`${home}-`);
  make(folder);
  try {
    renameSync(folder, home);
    return home;
  } catch {
    // Another was first.
    return folder;
  }
}

let folder: string | undefined;

const pathOf = (name: string): string => {
  folder ??= ready();
  return join(folder, name);
};

export const filesOf = (subject: Subject): CertificateFiles => ({
  certFile: pathOf(`${subject}.crt`),
  keyFile: pathOf(`${subject}.key`),
});

export const authorityFile = (): string => pathOf("ca.crt");

/** What a client needs to trust the servers. */
export const trust = (): { readonly ca: string; readonly servername: string } => ({
  ca: readFileSync(authorityFile(), "utf8"),
  servername: "localhost",
});

/** What a client shows. */
export function shown(subject: Subject): { readonly cert: string; readonly key: string } {
  const { certFile, keyFile } = filesOf(subject);
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}
