/** What Linux says of other processes: who descends from whom, and how much memory they hold. */
import { readdirSync, readFileSync } from "node:fs";

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It ended between the listing and this.
  }
};

/** The name in parentheses may hold anything; what counts stands behind it. */
const parentOf = (pid: number): number => {
  const text = read(`/proc/${pid}/stat`);
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
};

/** The process and all that descend from it, itself first; empty when it has ended. */
export const familyOf = (pid: number): readonly number[] => {
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((one) => one > 0);
  if (!pids.includes(pid)) return [];
  const parents = new Map(pids.map((one) => [one, parentOf(one)]));
  const family = [pid];
  for (let i = 0; i < family.length; i++)
    for (const [child, parent] of parents) if (parent === family[i]) family.push(child);
  return family;
};

/** Resident bytes of the process and all that descend from it. */
export const residentBytes = (pid: number): number =>
  familyOf(pid)
    .map((one) => Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${one}/status`))?.[1] ?? 0) * 1024)
    .reduce((sum, bytes) => sum + bytes, 0);
