// A new password for the administrator of a stopped router.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createKeyDerivation } from "../../src/auth/kdf.ts";
import { verifyPassword } from "../../src/auth/credentials.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import { administratorNotice } from "../../src/cli/administrator.ts";
import { withSecurity } from "../../src/cli/security.ts";
import { openStore } from "../../src/cli/state.ts";
import { ConfigFiles } from "../support/config-files.ts";

const command = fileURLToPath(new URL("../../src/cli/spanwire.js", import.meta.url));
const timeout = 120_000;
const files = new ConfigFiles();
const realm = "com.leapsight.bondy";

function reset(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = {
    cwd: files.directory,
    encoding: "utf8",
    timeout,
    env: { ...process.env, ...env },
  } as const;
  const all = [command, "admin", "reset-password", "--data", "data", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, options);
  return { status, stdout, stderr };
}

/** Whether the administrator of the directory has this password. */
async function has(password: string): Promise<boolean> {
  const store = await openStore(files.path("data"));
  const kdf = createKeyDerivation(defaultLimits);
  try {
    return await withSecurity(store, async (security) => {
      const { credentials } = security.user(realm, "admin")!;
      return verifyPassword(kdf, password, credentials!);
    });
  } finally {
    await kdf.close();
    await store.close();
  }
}

test("reset-password makes a password and shows it once, or takes the one that is given", {
  timeout,
}, async () => {
  assert.deepEqual(reset([]), {
    status: 66,
    stdout: "",
    stderr: "spanwire: there is no data directory data\n",
  });
  const store = await openStore(files.path("data"));
  const locked = reset([]);
  assert.equal(locked.status, 69);
  assert.match(locked.stderr, /is used by process \d+/);
  await store.close();

  const made = reset([]);
  assert.equal(made.status, 0);
  const [, password] =
    /^admin of realm com\.leapsight\.bondy has this password, shown once: (\S{20,})\n$/.exec(made.stdout)!;
  assert.ok(await has(password!));

  const said = reset([], { SPANWIRE_ADMIN_PASSWORD: "from the variable" });
  assert.equal(said.stdout, `admin of realm ${realm} has the password that was given\n`);
  assert.ok(await has("from the variable"));
  assert.ok(!(await has(password!)));

  files.write("secret", "from the file\n");
  assert.equal(reset(["--password-file", "secret"], { SPANWIRE_ADMIN_PASSWORD: "other one" }).status, 0);
  assert.ok(await has("from the file"));
  assert.match(reset(["--password-file", "none"]).stderr, /--password-file none: there is no such file/);
});

test("a password that is too short is refused, and not repeated", { timeout }, () => {
  const { status, stdout, stderr } = reset([], { SPANWIRE_ADMIN_PASSWORD: "xyz" });
  assert.deepEqual({ status, stdout }, { status: 64, stdout: "" });
  assert.match(stderr, /password/);
  assert.doesNotMatch(stderr, /xyz/);
});

test("the notice of a first start shows a password only where the router made it", () => {
  const shown = administratorNotice({ realm, username: "admin", password: "s3cret" });
  assert.match(shown, /^─+\n {2}There is an administrator now\. [\s\S]*password {2}s3cret\n[\s\S]*─\n$/);
  assert.equal(
    administratorNotice({ realm, username: "admin", password: null }),
    "The administrator admin of realm com.leapsight.bondy has the password that was given.\n",
  );
});
