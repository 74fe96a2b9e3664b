/**
 * Certificates and keys as files: read, checked, and named in errors that say what to do. What is wrong with them is found here, because
 * some servers only say that they could not start. Control path.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { CertificateFiles, TlsOptions } from "../ports.ts";

/** A certificate with its key, as they were read. */
export interface CertificatePair extends CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** What the files of one listener hold. */
export interface TlsMaterial {
  readonly standard: CertificatePair;
  /** By server name, in lower case. */
  readonly servers: ReadonlyMap<string, CertificatePair>;
  readonly ca: string | undefined;
}

/** Every file that the options name. */
export const filesOf = ({ certFile, keyFile, caFile, servers = {} }: TlsOptions): string[] => [
  ...new Set([
    certFile,
    keyFile,
    ...(caFile === undefined ? [] : [caFile]),
    ...Object.values(servers).flatMap((pair) => [pair.certFile, pair.keyFile]),
  ]),
];

/** Reads and checks all files. Throws an Error of one line that names the file, what is wrong with it, and what to do. */
export function readTlsMaterial(options: TlsOptions): TlsMaterial {
  const { caFile, clientCertificate = "none", servers = {} } = options;
  if (clientCertificate !== "none" && caFile === undefined)
    throw new Error("TLS asks for client certificates, but no caFile says who signs them; name one");
  const pairs = new Map<string, CertificatePair>();
  for (const [name, files] of Object.entries(servers)) {
    if (!serverName.test(name))
      throw new Error(
        `${JSON.stringify(name)} is no server name; write it like example.com or *.example.com`,
      );
    pairs.set(name.toLowerCase(), readPair(files));
  }
  return {
    standard: readPair(options),
    servers: pairs,
    ca: caFile === undefined ? undefined : readAuthorities(caFile),
  };
}

const serverName = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_](?:[a-z0-9_-]{0,62})$/i;

function readPair({ certFile, keyFile }: CertificateFiles): CertificatePair {
  const cert = readText(certFile, "the certificate");
  const key = readText(keyFile, "the key");
  const certificate = certificatesIn(cert, certFile)[0]!;
  checkDates(certificate, certFile);
  if (!certificate.checkPrivateKey(keyIn(key, keyFile)))
    throw new Error(
      `${keyFile} is not the key of the certificate in ${certFile}; name the two that belong together`,
    );
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new Error(`${certFile} and ${keyFile} cannot serve TLS: ${messageOf(cause)}; make new ones`, {
      cause,
    });
  }
  return { certFile, keyFile, cert, key };
}

function readAuthorities(caFile: string): string {
  const ca = readText(caFile, "the authorities for client certificates");
  certificatesIn(ca, caFile);
  return ca;
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = (cause as { code?: string }).code;
    const why =
      code === "ENOENT"
        ? "there is no such file; check the path"
        : code === "EACCES"
          ? "permission denied; let the user that runs the router read it"
          : messageOf(cause);
    throw new Error(`cannot read ${what} from ${path}: ${why}`, { cause });
  }
}

const certificatePem = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** At least one. */
function certificatesIn(text: string, path: string): X509Certificate[] {
  const blocks = text.match(certificatePem);
  if (blocks === null) {
    const found = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
    const holds = found === undefined ? "no PEM" : `a PEM of ${found}`;
    throw new Error(
      `${path} holds ${holds}, and no certificate; name a file with -----BEGIN CERTIFICATE-----`,
    );
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new Error(`${path} holds a certificate that cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function keyIn(text: string, path: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new Error(`${path} holds no private key; name a file with -----BEGIN PRIVATE KEY-----`);
  if (/ENCRYPTED/.test(text))
    throw new Error(
      `${path} is protected by a passphrase; store it without one, readable only for the router`,
    );
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new Error(`${path} holds a private key that cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function checkDates({ validFrom, validTo }: X509Certificate, path: string): void {
  const now_ms = Date.now();
  if (Date.parse(validTo) <= now_ms)
    throw new Error(`the certificate in ${path} has expired on ${validTo}; renew it`);
  if (Date.parse(validFrom) > now_ms)
    throw new Error(
      `the certificate in ${path} is not valid before ${validFrom}; check the clock of this machine`,
    );
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
