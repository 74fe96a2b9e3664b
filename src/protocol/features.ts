/**
 * The features of the Advanced Profile: what this router announces in WELCOME, and which announcements of a client it acts on.
 * Nothing is listed here that no test proves over a real socket.
 */
export const brokerFeatures = Object.freeze({
  // Experimental; the only router that has a name for it calls it so.
  acknowledge_event_received: true,
  event_history: true,
  event_retention: true,
  pattern_based_subscription: true,
  payload_passthru_mode: true,
  publication_trustlevels: true,
  publisher_exclusion: true,
  publisher_identification: true,
  reflection: true,
  session_meta_api: true,
  sharded_subscription: true,
  subscriber_blackwhite_listing: true,
  subscription_meta_api: true,
  subscription_revocation: true,
});

export const dealerFeatures = Object.freeze({
  call_canceling: true,
  call_reroute: true,
  call_timeout: true,
  call_trustlevels: true,
  caller_identification: true,
  pattern_based_registration: true,
  payload_passthru_mode: true,
  progressive_call_invocations: true,
  progressive_call_results: true,
  reflection: true,
  registration_meta_api: true,
  registration_revocation: true,
  session_meta_api: true,
  sharded_registration: true,
  shared_registration: true,
  testament_meta_api: true,
});

/** WELCOME.Details.roles. */
export const routerRoles = Object.freeze({
  broker: { features: brokerFeatures },
  dealer: { features: dealerFeatures },
});

/** The roles a client can have; HELLO must name one at least. */
export const clientRoles = ["caller", "callee", "publisher", "subscriber"] as const;

/** Client announcements that change what the router sends; bits, so that a session keeps them in one small integer. */
export const ClientFeature = {
  calleeProgress: 1 << 0,
  calleeCanceling: 1 << 1,
  callerProgressiveInvocations: 1 << 2,
  calleeProgressiveInvocations: 1 << 3,
  calleeTimeout: 1 << 4,
  callerPassthru: 1 << 5,
  calleePassthru: 1 << 6,
  publisherPassthru: 1 << 7,
  calleeRevocation: 1 << 8,
  subscriberRevocation: 1 << 9,
} as const;

const announced: readonly (readonly [role: string, feature: string, bit: number])[] = [
  ["callee", "progressive_call_results", ClientFeature.calleeProgress],
  ["callee", "call_canceling", ClientFeature.calleeCanceling],
  ["caller", "progressive_call_invocations", ClientFeature.callerProgressiveInvocations],
  ["callee", "progressive_call_invocations", ClientFeature.calleeProgressiveInvocations],
  ["callee", "call_timeout", ClientFeature.calleeTimeout],
  ["caller", "payload_passthru_mode", ClientFeature.callerPassthru],
  ["callee", "payload_passthru_mode", ClientFeature.calleePassthru],
  ["publisher", "payload_passthru_mode", ClientFeature.publisherPassthru],
  ["callee", "registration_revocation", ClientFeature.calleeRevocation],
  ["subscriber", "subscription_revocation", ClientFeature.subscriberRevocation],
  // Spelt with two l in some texts of the specification (reference of contradictions, row 2).
  ["callee", "call_cancelling", ClientFeature.calleeCanceling],
];

/**
 * The bits of `ClientFeature` that HELLO.Details.roles announces; null when it names no role that a client can have. By the
 * letter (`strict`) progress is for callees that can be canceled; clients in use do not announce that.
 */
export function readClientRoles(roles: unknown, strict: boolean): number | null {
  if (typeof roles !== "object" || roles === null) return null;
  const given = roles as Readonly<Record<string, unknown>>;
  if (!clientRoles.some((role) => typeof given[role] === "object" && given[role] !== null)) return null;
  let bits = 0;
  for (const [role, feature, bit] of announced) {
    const features = (given[role] as { features?: Readonly<Record<string, unknown>> } | null | undefined)
      ?.features;
    if (typeof features === "object" && features !== null && features[feature] === true) bits |= bit;
  }
  if (strict && (bits & ClientFeature.calleeCanceling) === 0) bits &= ~ClientFeature.calleeProgress;
  return bits;
}
