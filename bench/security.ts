/**
 * The security bench: authorization on against off, logins by every method, calls during a storm of logins, realms at rest, and
 * durable changes.
 */
import { performance } from "node:perf_hooks";
import { type Ed25519, nativeEd25519, portableEd25519 } from "../src/auth/ed25519.ts";
import { type BenchResult, merge, type Wanted, wantsAny } from "./result.ts";
import { accessSuite } from "./security-access.ts";
import { type LoginOptions, runLogins, runStorm, stormFigures } from "./security-logins.ts";
import { atRestFigures, runState, type StateOptions } from "./security-state.ts";
import { type Figure, figure, ratio, short } from "./stats.ts";
import { narrowed, runSuite, type WireOptions } from "./wire.ts";

export interface SecurityOptions {
  readonly access: WireOptions;
  readonly logins: LoginOptions;
  readonly storm: LoginOptions;
  readonly state: StateOptions;
}

const verifications = 50;

/** Microseconds of one verification, as a login by cryptosign makes it. */
const verification_us = (ed25519: Ed25519): number => {
  const seed = new Uint8Array(32).fill(7);
  const message = new Uint8Array(32).fill(9);
  const signature = ed25519.sign(message, seed);
  const publicKey = ed25519.publicKeyOf(seed);
  const since = performance.now();
  for (let i = 0; i < verifications; i++) {
    if (!ed25519.verify(message, signature, publicKey))
      throw new Error(`${ed25519.name} refuses a good signature`);
  }
  return ((performance.now() - since) * 1e3) / verifications;
};

/** Cryptosign by the runtime's own Ed25519, and by what stands in where it has none. In this process. */
const runSignatures = (rounds: number): BenchResult => {
  const values = { native: [] as number[], tweetnacl: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const one of [nativeEd25519(), portableEd25519]) {
      if (one !== null) values[one.name].push(verification_us(one));
    }
  }
  const figures: Figure[] = [
    figure("security/Ed25519: native", "µs", values.native),
    figure("security/Ed25519: tweetnacl", "µs", values.tweetnacl),
    ratio("security/Ed25519: tweetnacl / native", values.tweetnacl, values.native),
  ];
  const rows = figures.map((f) => [f.name, f.unit, short(f.value), `${short(f.low)}–${short(f.high)}`]);
  const table = {
    title: "security: verifying a signature",
    head: ["figure", "unit", "value", "low–high"],
    rows,
  };
  return { figures, tables: [table], problems: [], notes: [] };
};

/** A part that cannot run is a problem of its own, and takes no figures of the others along. */
const part = async (name: string, run: () => Promise<BenchResult>): Promise<BenchResult> => {
  try {
    return await run();
  } catch (cause) {
    const problem = `security, ${name}: ${cause instanceof Error ? cause.message : String(cause)}`;
    return { figures: [], tables: [], problems: [problem], notes: [] };
  }
};

/** All of it, or what is needed for the figures that are wanted. */
export const runSecurity = async (
  options: SecurityOptions,
  progress: (text: string) => void,
  wanted?: Wanted,
): Promise<BenchResult> => {
  const all = accessSuite(options.access);
  const suite = wanted === undefined ? all : narrowed(all, wanted);
  const results: BenchResult[] = [];
  const take = async (
    name: string,
    figures: readonly string[],
    run: () => Promise<BenchResult>,
  ): Promise<void> => {
    if (figures.some((figure) => wantsAny(wanted, figure)) || wanted === undefined)
      results.push(await part(name, run));
  };
  if (suite.scenarios.length > 0)
    results.push(await part("authorization", () => runSuite(suite, options.access, progress)));
  await take("logins", [], () => runLogins(options.logins, progress));
  await take("signatures", [], async () => runSignatures(options.logins.rounds));
  await take("storm", stormFigures, () => runStorm(options.storm, progress));
  await take("state", atRestFigures, async () => merge(await runState(options.state, progress)));
  return merge(results);
};
