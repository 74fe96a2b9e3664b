/**
 * A second module for tests only: the inner functions of the codecs, which the ABI (index.ts) does not export. Frames are
 * written to FRAME_IN, output is read from FRAME_OUT; `kernelsReset` starts a visit.
 */

import { U_SCRATCH, U_VIOLATION, U_WRITE_STATUS, V_NONE, W_NONE, setU } from "./abi";
import { quickFrame } from "./msgpack-frame";
import { FRAME_IN, SCRATCH, reserveRegions } from "./regions";

export { HEADER, HEADER_U32, TEXT } from "./abi";
export { FRAME_IN, FRAME_IN_BYTES, FRAME_OUT, FRAME_OUT_BYTES, MATCHES, SCRATCH, SCRATCH_BYTES } from "./regions";

export function kernelsInit(frameBytes: u32): bool {
  return reserveRegions(frameBytes, 16);
}

export function kernelsReset(): void {
  setU(U_VIOLATION, V_NONE);
  setU(U_WRITE_STATUS, W_NONE);
  setU(U_SCRATCH, SCRATCH);
}

// ---- numbers, base64, JSON
export { base64Decode, base64Encode } from "./base64";
export * from "./json";
export { digitCount, putDigits, putF64, scanNumber, scannedF64 } from "./number";
export { POWERS, POWER_MAX, POWER_MIN } from "./powers";

// ---- CBOR, and from one format to another
export * from "./cbor";
export { transcode } from "./transcode";

// ---- a visit by either way
export { indexInit, indexInsert } from "./pattern-index";
export { visit, visitAny } from "./visit";

/** Whether the frame of `length` bytes in FRAME_IN is read in the quick way. */
export function isQuick(length: u32, flags: u32): bool {
  return quickFrame(FRAME_IN + length, flags);
}
