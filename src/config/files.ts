/** Files that a configuration names: reading them, and whether they hold what they should. Control path. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { sizeProblem } from "./source.ts";

export type FileText = { readonly text: string } | { readonly problem: string };

/** Whole file as text; a byte order mark is dropped. */
export function readText(path: string): FileText {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { problem: "it is a directory" };
    const problem = sizeProblem(stat.size);
    if (problem !== undefined) return { problem };
    return { text: readFileSync(path, "utf8").replace(/^\uFEFF/, "") };
  } catch (cause) {
    return { problem: whyUnreadable(cause) };
  }
}

function whyUnreadable(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "it may not be read";
  return `it cannot be read (${code ?? "unknown reason"})`;
}

/** The first line of a file, a password; never part of a problem. */
export function readSecret(path: string): FileText {
  const read = readText(path);
  if ("problem" in read) return read;
  const text = read.text.split(/\r?\n/, 1)[0]!;
  return text === "" ? { problem: "its first line is empty" } : { text };
}

export interface PairProblem {
  readonly option: "certFile" | "keyFile";
  readonly problem: string;
}

/** What is wrong with a certificate and its key; [] where they are there and belong together. */
export function pairProblems(certFile: string, keyFile: string): readonly PairProblem[] {
  const problems: PairProblem[] = [];
  const [cert, key] = [readText(certFile), readText(keyFile)];
  if ("problem" in cert) problems.push({ option: "certFile", problem: `${certFile}: ${cert.problem}` });
  if ("problem" in key) problems.push({ option: "keyFile", problem: `${keyFile}: ${key.problem}` });
  if ("problem" in cert || "problem" in key) return problems;
  const certificate = attempt(() => new X509Certificate(cert.text));
  if (certificate === undefined)
    problems.push({ option: "certFile", problem: `${certFile}: it has no certificate in PEM form` });
  const privateKey = attempt(() => createPrivateKey(key.text));
  if (privateKey === undefined)
    problems.push({ option: "keyFile", problem: `${keyFile}: it has no private key in PEM form` });
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey))
    problems.push({ option: "keyFile", problem: `${keyFile}: it is not the key of the certificate` });
  return problems;
}

/** Undefined: the file has certificates. */
export function authoritiesProblem(caFile: string): string | undefined {
  const read = readText(caFile);
  if ("problem" in read) return `${caFile}: ${read.problem}`;
  const certificate = attempt(() => new X509Certificate(read.text));
  return certificate === undefined ? `${caFile}: it has no certificate in PEM form` : undefined;
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
