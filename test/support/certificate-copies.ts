/** Certificate files that change while somebody uses them. */
import { copyFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesOf, type Subject } from "./certificates.ts";

/** Copies of certificate files, to be changed. */
export class CertificateCopies {
  readonly folder = mkdtempSync(join(tmpdir(), "spanwire-tls-"));

  at(name: string): { readonly certFile: string; readonly keyFile: string } {
    return { certFile: join(this.folder, `${name}.crt`), keyFile: join(this.folder, `${name}.key`) };
  }

  put(name: string, subject: Subject): void {
    const from = filesOf(subject);
    const to = this.at(name);
    copyFileSync(from.keyFile, to.keyFile);
    copyFileSync(from.certFile, to.certFile);
  }

  /** As programs do that never show half a file. */
  swap(name: string, subject: Subject): void {
    this.put("next", subject);
    const [from, to] = [this.at("next"), this.at(name)];
    renameSync(from.keyFile, to.keyFile);
    renameSync(from.certFile, to.certFile);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
