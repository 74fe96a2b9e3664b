/**
 * Notices that files have changed: in place, by a rename over them, or because a link on the way to them points elsewhere, as
 * cert-manager and Kubernetes do it. Folders are watched, and the files looked at now and then where watching does not work. Control path.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/** Certificate and key are written one after the other. */
const settle_ms = 250;
const poll_ms = 10_000;

export class FileWatch {
  readonly #files: readonly string[];
  readonly #changed: () => void;
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;
  #seen: string;

  /** Calls `changed` after one of the files has changed, once for changes that follow each other. */
  constructor(files: readonly string[], changed: () => void) {
    this.#files = files;
    this.#changed = changed;
    this.#seen = this.#state();
    this.#poll = setInterval(() => this.#look(), poll_ms);
    this.#poll.unref();
    for (const folder of new Set(files.map((file) => dirname(file)))) this.#watchFolder(folder);
  }

  stop(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers) watcher.close();
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#stir());
      // Looking at the files goes on.
      watcher.on("error", () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // A system without watches, or without any left: looking at the files goes on.
    }
  }

  #stir(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#look(), settle_ms);
    this.#settling.unref();
  }

  #look(): void {
    const state = this.#state();
    if (state === this.#seen) return;
    this.#seen = state;
    this.#changed();
  }

  /** Of the files themselves, behind all links. */
  #state(): string {
    return this.#files.map(fileState).join(" ");
  }
}

function fileState(file: string): string {
  try {
    const { dev, ino, size, mtimeNs } = statSync(file, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  } catch {
    // Not there, or not to be seen: who reads it says why.
    return "";
  }
}
