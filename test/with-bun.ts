/** Runs a file on the Bun that is installed here: `node build/test/with-bun.js FILE ARGS…`. Exits as it does. */
import { spawn } from "node:child_process";
import { bunPath } from "./support/bun-path.ts";

const bun = bunPath();
if (bun === undefined) {
  console.error("Bun is not installed; run npm install");
  process.exitCode = 69;
} else {
  const child = spawn(bun, process.argv.slice(2), { stdio: "inherit" });
  // Ctrl-C reaches both; the router's own goodbye decides when this ends.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
