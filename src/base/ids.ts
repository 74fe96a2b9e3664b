/** Branded ids: a plain number cannot be passed where an id of one kind is meant. All are integers in 1..2^53. */
declare const kind: unique symbol;
type Id<K extends string> = number & { readonly [kind]: K };

export type SessionId = Id<"session">;
export type PublicationId = Id<"publication">;
export type SubscriptionId = Id<"subscription">;
export type RegistrationId = Id<"registration">;
export type RequestId = Id<"request">;

/** A pattern's entry in the WASM index, and the slot of its subscription or registration in the router's tables; 1.. */
export type PatternHandle = Id<"pattern">;
/** A realm's number inside the index's keys; 1.. */
export type RealmHandle = Id<"realm">;
/** Where a message goes: a slot of Targets. Always below 2^31, so that it lives in a typed array and as a small integer. */
export type Target = Id<"target">;
