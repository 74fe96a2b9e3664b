#!/usr/bin/env node
/** The command `spanwire`. */
import { buildProgram } from "./program.ts";

await buildProgram().parseAsync(process.argv);
