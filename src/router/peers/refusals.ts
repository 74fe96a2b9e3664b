/** Why a callee's router does not carry out a call of another one, and how it is to carry it out: what the messages say. */
import { type ErrorEntry, errors } from "../../protocol/errors.ts";

/** `refused` says what the caller is told by its index here. */
export const refusals: readonly ErrorEntry[] = [
  errors.canceled,
  errors.unavailable,
  errors.payloadSizeExceeded,
  errors.invalidPayload,
];

/** Of `returned`. */
export const RefusalReason = {
  /** The callee has left the registration. */
  left: 0,
  /** It has as many calls as it takes at a time. */
  busy: 1,
} as const;

/** Of `invoke`; bits. */
export const ServeFlag = {
  /** The call goes to all callees, and waits for none. */
  part: 1 << 0,
  /** The caller takes progressive results. */
  progress: 1 << 1,
  /** Others will follow, and what this one says about an opaque payload holds for them. */
  passthru: 1 << 2,
  /** It takes the place that was offered. */
  offered: 1 << 3,
} as const;
