/** The administrator's secret: told once, where somebody reads it, and never in the log. `spanwire admin reset-password`. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { readSecret } from "../config/files.ts";
import { WampError } from "../protocol/errors.ts";
import { type Administrator, ensureMasterRealm, resetAdministrator } from "../security/bootstrap.ts";
import { exitNoInput, exitUnavailable, exitUsage, fail } from "./exit-codes.ts";
import { withSecurity } from "./security.ts";
import { dataDirectory, openStore } from "./state.ts";

/** What is written to stderr when a first start made an administrator. */
export function administratorNotice({ realm, username, password }: Administrator): string {
  // Somebody chose it, and knows it.
  if (password === null)
    return `The administrator ${username} of realm ${realm} has the password that was given.\n`;
  const line = "─".repeat(72);
  return `${line}
  There is an administrator now. This is shown once, and kept nowhere:

    realm     ${realm}
    user      ${username}
    password  ${password}

  Lost it? "spanwire admin reset-password" makes a new one while the router is
  stopped. SPANWIRE_ADMIN_PASSWORD or --admin-password-file choose the first one.
${line}
`;
}

/** Gives the administrator a new password, and every right in the master realm, while no router runs. */
export async function resetPassword(
  command: Command,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const dir = dataDirectory(command);
  if (dir === undefined) return;
  if (!existsSync(dir)) return fail(`there is no data directory ${dir}`, exitNoInput);
  const file = command.getOptionValue("passwordFile") as string | undefined;
  const read = file === undefined ? undefined : readSecret(file);
  if (read !== undefined && "problem" in read)
    return fail(`--password-file ${file}: ${read.problem}`, exitUsage);
  const given = read?.text ?? (environment["SPANWIRE_ADMIN_PASSWORD"] || undefined);
  try {
    const { realm, username, password } = await reset(dir, given);
    const told = password === null ? "the password that was given" : `this password, shown once: ${password}`;
    process.stdout.write(`${username} of realm ${realm} has ${told}\n`);
  } catch (cause) {
    fail(
      cause instanceof Error ? cause.message : String(cause),
      cause instanceof WampError ? exitUsage : exitUnavailable,
    );
  }
}

async function reset(dir: string, password: string | undefined): Promise<Administrator> {
  const store = await openStore(dir);
  try {
    return await withSecurity(store, async (security) => {
      await ensureMasterRealm(security);
      return resetAdministrator(security, password);
    });
  } finally {
    await store.close();
  }
}
