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
  publication_trustlevels: true,
  publisher_exclusion: true,
  publisher_identification: true,
  sharded_subscription: true,
  subscriber_blackwhite_listing: true,
});

export const dealerFeatures = Object.freeze({
  call_canceling: true,
  call_timeout: true,
  caller_identification: true,
  pattern_based_registration: true,
  progressive_call_results: true,
  shared_registration: true,
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
} as const;

const announced: readonly (readonly [role: string, feature: string, bit: number])[] = [
  ["callee", "progressive_call_results", ClientFeature.calleeProgress],
  ["callee", "call_canceling", ClientFeature.calleeCanceling],
  ["caller", "progressive_call_invocations", ClientFeature.callerProgressiveInvocations],
  // Spelt with two l in some texts of the specification (reference of contradictions, row 2).
  ["callee", "call_cancelling", ClientFeature.calleeCanceling],
];

/** The bits of `ClientFeature` that HELLO.Details.roles announces; null when it names no role that a client can have. */
export function readClientRoles(roles: unknown): number | null {
  if (typeof roles !== "object" || roles === null) return null;
  const given = roles as Readonly<Record<string, unknown>>;
  if (!clientRoles.some((role) => typeof given[role] === "object" && given[role] !== null)) return null;
  let bits = 0;
  for (const [role, feature, bit] of announced) {
    const features = (given[role] as { features?: Readonly<Record<string, unknown>> } | null | undefined)
      ?.features;
    if (typeof features === "object" && features !== null && features[feature] === true) bits |= bit;
  }
  return bits;
}
