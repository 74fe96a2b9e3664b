/** The large regions of the memory map (abi.ts): reserved once by `init`, sized by the largest frame, never moved. */

import { KEPT_BYTES } from "./abi";
import { reserve } from "./arena";

export let FRAME_IN: u32 = 0;
export let FRAME_IN_BYTES: u32 = 0;
export let FRAME_OUT: u32 = 0;
export let FRAME_OUT_BYTES: u32 = 0;
export let SCRATCH: u32 = 0;
export let SCRATCH_BYTES: u32 = 0;
export let MATCHES: u32 = 0;
export let MATCHES_MAX: u32 = 0;
/** Payload transcoded for the current visit, one region per format 1..3; each PAYLOAD_BYTES long. */
export let PAYLOAD: u32 = 0;
export let PAYLOAD_BYTES: u32 = 0;

/** Room for a head around the payload: a URI, authid and authrole at their longest, each escaped sixfold in JSON. */
const HEAD_BYTES: u32 = 32768;

/** Reserves all regions for frames of at most `frameBytes` and `matches` pattern matches. False when memory is short or it ran before. */
export function reserveRegions(frameBytes: u32, matches: u32): bool {
  if (FRAME_IN != 0) return false;
  FRAME_IN_BYTES = frameBytes;
  SCRATCH_BYTES = frameBytes;
  // A transcoded payload may grow to twice the largest frame (JSON can grow sixfold); beyond, W_TOO_LARGE.
  PAYLOAD_BYTES = frameBytes * 2;
  FRAME_OUT_BYTES = KEPT_BYTES + PAYLOAD_BYTES + HEAD_BYTES;
  MATCHES_MAX = matches;
  FRAME_IN = <u32>reserve(FRAME_IN_BYTES);
  FRAME_OUT = <u32>reserve(FRAME_OUT_BYTES);
  SCRATCH = <u32>reserve(SCRATCH_BYTES);
  MATCHES = <u32>reserve(matches << 2);
  PAYLOAD = <u32>reserve(PAYLOAD_BYTES * 3);
  return FRAME_IN != 0 && FRAME_OUT != 0 && SCRATCH != 0 && MATCHES != 0 && PAYLOAD != 0;
}
