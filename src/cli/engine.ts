/** What the command asks of the engine that it runs on. Before the router's code is hot: what is compiled already stays as it is. */
import { setFlagsFromString } from "node:v8";

/**
 * A message takes its way through many small functions, and V8 stops to join them into one after so many bytes of bytecode. With three
 * times as many a call costs a tenth less of its JavaScript.
 */
const flags = ["--max-inlined-bytecode-size-cumulative=3000", "--max-inlined-bytecode-size=800"];

/** Does nothing on Bun, whose engine is another. */
export function tuneEngine(): void {
  if (process.versions["bun"] !== undefined) return;
  for (const flag of flags) setFlagsFromString(flag);
}
