/** The certificates of one listener: which there are now, and what happens when their files change. Control path. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { type Log, silentLog } from "../base/log.ts";
import type { TlsOptions } from "../ports.ts";
import { type CertificatePair, filesOf, readTlsMaterial, type TlsMaterial } from "./tls-files.ts";
import { FileWatch } from "./tls-watch.ts";

/** Makes the listener use new certificates for new connections. Throws where it cannot; it then goes on with the old ones. */
export type UseMaterial = (material: TlsMaterial) => void;

export class Certificates {
  readonly options: TlsOptions;
  readonly #log: Log;
  #material: TlsMaterial;
  #watch: FileWatch | null = null;

  /** Throws what readTlsMaterial throws. */
  constructor(options: TlsOptions, log: Log = silentLog) {
    this.options = options;
    this.#log = log;
    this.#material = readTlsMaterial(options);
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /** From now on `use` is given what the files hold whenever they have changed. */
  follow(use: UseMaterial): void {
    this.#watch = new FileWatch(filesOf(this.options), () => this.#reload(use));
  }

  stop(): void {
    this.#watch?.stop();
  }

  #reload(use: UseMaterial): void {
    const { certFile } = this.options;
    try {
      const material = readTlsMaterial(this.options);
      use(material);
      this.#material = material;
      this.#log.info("tls", "certificates reloaded", { certFile });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#log.error("tls", `the changed certificates are not used, the old ones stay: ${why}`, {
        certFile,
      });
    }
  }
}

/** A pair for the name that a client asks for, or else the default one. A wildcard stands for exactly one label. */
export function pairFor({ standard, servers }: TlsMaterial, name: string): CertificatePair {
  const asked = name.toLowerCase();
  const dot = asked.indexOf(".");
  return servers.get(asked) ?? (dot > 0 ? servers.get(`*${asked.slice(dot)}`) : undefined) ?? standard;
}

const contextOptions = (
  { cert, key }: CertificatePair,
  ca: string | undefined,
  { minVersion = "TLSv1.2" }: TlsOptions,
): SecureContextOptions => ({ cert, key, minVersion, ...(ca === undefined ? {} : { ca }) });

/** What node:tls is given for one set of certificates. */
export class NodeContexts {
  /** For clients that ask for no name that is known. */
  readonly standard: SecureContextOptions;
  readonly #material: TlsMaterial;
  readonly #byPair = new Map<CertificatePair, SecureContext>();

  constructor(material: TlsMaterial, options: TlsOptions) {
    const { standard, servers, ca } = material;
    this.#material = material;
    this.standard = contextOptions(standard, ca, options);
    for (const pair of servers.values())
      this.#byPair.set(pair, createSecureContext(contextOptions(pair, ca, options)));
  }

  /** Undefined: the default one. */
  forName(name: string): SecureContext | undefined {
    return this.#byPair.get(pairFor(this.#material, name));
  }
}
