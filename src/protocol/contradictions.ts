/**
 * Where the specification contradicts itself, its vectors or the clients in use, and the side that this router takes: once, here.
 * Tests that prove a side name its number as `[2.13 #n]`; CONFORMANCE.md prints the table with what they found.
 */
export interface Decision {
  readonly number: string;
  readonly contradiction: string;
  /** What a realm with the profile `compat` does, and one with `strict`. */
  readonly compat: string;
  readonly strict: string;
}

const decision = (number: string, contradiction: string, compat: string, strict = compat): Decision => ({
  number,
  contradiction,
  compat,
  strict,
});

export const decisions: readonly Decision[] = [
  decision(
    "1",
    "the URI of a canceled call is spelt wamp.error.canceled and wamp.error.cancelled",
    "sends wamp.error.canceled",
  ),
  decision(
    "2",
    "the feature is spelt call_canceling and call_cancelling",
    "announces call_canceling, understands both",
  ),
  decision(
    "3",
    "two URIs say that disclosure is refused",
    "sends wamp.error.option_disallowed.disclose_me to callers, callees and publishers alike",
  ),
  decision(
    "4",
    "sharded subscription is announced as shareded_subscriptions in one place",
    "announces sharded_subscription",
  ),
  decision(
    "5",
    "progressive call results ask the callee for call_canceling too, which clients in use do not announce",
    "asks for progressive_call_results only",
    "asks for both, as the text has it",
  ),
  decision(
    "5b",
    "batched JSON ends each message with octet 0x1E in the text, and with 0x18 in Python clients",
    "takes both, answers with the peer's",
  ),
  decision(
    "6",
    "request ids must count 1, 2, 3 …, and some clients draw them at random",
    "takes any id that is not in flight",
    "answers an id out of sequence with ABORT wamp.error.protocol_violation",
  ),
  decision(
    "7",
    "the subscription in a revocation's details is described as a boolean",
    "sends the subscription's id",
  ),
  decision(
    "8",
    "shared and sharded registration have one status in the list of features and another in their own text",
    "reports the list's: beta and alpha",
  ),
  decision(
    "9",
    "GOODBYE is answered wamp.close.goodbye_and_out, and by clients wamp.error.goodbye_and_out",
    "sends the first, takes any reason",
  ),
  decision("10", "CANCEL has a mode but no default", "takes an absent mode for killnowait"),
  decision(
    "11",
    "opaque payloads are marked by ppt_* in the text and by enc_* in the vectors",
    "takes and forwards both",
  ),
  decision(
    "12",
    "the vectors call some wrong options a protocol violation that routers answer with ERROR",
    "follows the vectors: ABORT wamp.error.protocol_violation",
  ),
  decision(
    "13",
    "wamp.error.option_not_allowed and wamp.error.option_disallowed.* mean the same",
    "sends the second for disclose_me, the first for any other option",
  ),
  decision(
    "14",
    "an example shows the ERROR that ends a progressive call as one of an INVOCATION (68)",
    "sends the caller an ERROR of its CALL (48)",
  ),
  decision(
    "15",
    "an option may be null, or may not",
    "takes null for absent",
    "answers null with ABORT wamp.error.protocol_violation",
  ),
];
