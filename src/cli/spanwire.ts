#!/usr/bin/env -S node --max-semi-space-size=2
/** The command `spanwire`. */
import { buildProgram } from "./program.ts";

await buildProgram().parseAsync(process.argv);
