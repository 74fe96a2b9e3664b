/** `spanwire backup` and `spanwire restore`: copies of the durable state, and back. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { loadConfig } from "../config/load.ts";
import { hostScheduler } from "../host.ts";
import { version } from "../main.ts";
import type { Store } from "../ports.ts";
import { openLmdbStore } from "../store/lmdb.ts";
import { restoreBackup } from "../store/restore.ts";
import { StoreError } from "../store/store-error.ts";
import { askControl } from "./control.ts";
import { exitNoInput, exitUnavailable, exitUsage, fail } from "./exit-codes.ts";
import { configFile } from "./options.ts";

export const openStore = (dir: string): Promise<Store> =>
  openLmdbStore(dir, { wrote: `spanwire/${version}`, wall_ms: () => hostScheduler.wall_ms() });

/**
 * The data directory that a command is about: that of `--data`, or of the configuration file. Undefined, and said, where that keeps
 * none or cannot be read.
 */
export function dataDirectory(command: Command): string | undefined {
  const named = command.getOptionValue("data") as string | undefined;
  if (named !== undefined) return named;
  const file = configFile(command);
  const nothing = { overrides: {}, environment: process.env, checkDefinitions: () => [] };
  const { config } = loadConfig({ ...nothing, ...(file !== undefined && { file }) });
  if (config === undefined)
    fail(`${file} has problems (spanwire check says which); name the directory with --data`, exitUsage);
  else if (config.data === null)
    fail(`${file} keeps the state in memory: there is nothing to copy`, exitUsage);
  return config?.data ?? undefined;
}

/** Through the router that has the directory open; without one, from the directory itself. */
export async function backup(file: string, command: Command): Promise<void> {
  const dir = dataDirectory(command);
  if (dir === undefined) return;
  if (!existsSync(dir)) return fail(`there is no data directory ${dir}`, exitNoInput);
  const path = resolve(file);
  try {
    const answer = await askControl(dir, { command: "backup", path });
    if (answer?.ok === false)
      return fail(answer.error ?? "the router could not make the backup", exitUnavailable);
    if (answer === undefined) await backupStopped(dir, path);
  } catch (cause) {
    return fail(messageOf(cause), exitUnavailable);
  }
  process.stdout.write(`${file} is a backup of ${dir}\n`);
}

async function backupStopped(dir: string, path: string): Promise<void> {
  const store = await openStore(dir);
  try {
    await store.backup(path);
  } finally {
    await store.close();
  }
}

export async function restore(file: string, command: Command): Promise<void> {
  const dir = dataDirectory(command);
  if (dir === undefined) return;
  const force = command.getOptionValue("force") === true;
  try {
    const { header, aside } = await restoreBackup(file, dir, { force });
    const taken = new Date(header.taken_ms).toISOString();
    process.stdout.write(`${dir} is as it was at ${taken}\n`);
    if (aside !== null) process.stdout.write(`What was there before is ${aside}\n`);
  } catch (cause) {
    fail(
      messageOf(cause),
      cause instanceof StoreError && cause.problem === "occupied" ? exitUsage : exitUnavailable,
    );
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
