/** Where Bun's binary is: under its own package where install scripts ran, else in the package for the platform. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const candidates = ["@oven/bun-linux-x64/bin/bun", "@oven/bun-linux-aarch64/bin/bun", "bun/bin/bun.exe"];

/** The path, or undefined where Bun is not installed. */
export function bunPath(): string | undefined {
  const modules = new URL("../../../node_modules/", import.meta.url);
  return candidates.map((path) => fileURLToPath(new URL(path, modules))).find((path) => existsSync(path));
}
