/** What the sender is told when its payload could not be written for the receiver. */
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { WriteStatus } from "../../wasm/abi.ts";

/** `status` is the writer's; null when the frame was written but is larger than the receiver takes. */
export function payloadProblem(status: number | null): { error: ErrorEntry; message: string } {
  return status === WriteStatus.unrepresentable
    ? {
        error: errors.invalidPayload,
        message: "the payload holds a value that the receiver's serializer cannot express",
      }
    : { error: errors.payloadSizeExceeded, message: "the message is too large for its receiver" };
}
