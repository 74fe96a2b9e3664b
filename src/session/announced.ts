/** What a client must have announced in HELLO before it may use it (Advanced Profile: each feature's "Feature Announcement"). */
import { ClientFeature } from "../protocol/features.ts";
import { Message } from "../protocol/messages.ts";

const passthruOf: Readonly<Record<number, number>> = {
  [Message.call]: ClientFeature.callerPassthru,
  [Message.yield]: ClientFeature.calleePassthru,
  [Message.error]: ClientFeature.calleePassthru,
  [Message.publish]: ClientFeature.publisherPassthru,
};

/** Why a message with a payload in passthru mode breaks the protocol; null where its sender announced it. */
export function passthruProblem(type: number, clientFeatures: number): string | null {
  const needed = passthruOf[type] ?? 0;
  return (clientFeatures & needed) === needed
    ? null
    : 'option "ppt_scheme": the client has not announced payload_passthru_mode';
}
