/** The first byte of every message between routers: what it is. Each range has one handler, see peers.ts. */
export const PeerKind = {
  // ---- the directory: who is subscribed and registered where (directory.ts)
  propose: 0x01,
  apply: 0x02,
  applied: 0x03,
  snapshot: 0x04,
  hello: 0x05,
  rejected: 0x06,
  // ---- calls (outgoing-calls.ts, served-calls.ts)
  invoke: 0x10,
  proceed: 0x11,
  interrupt: 0x12,
  abandon: 0x13,
  yield: 0x14,
  error: 0x15,
  refused: 0x16,
  returned: 0x17,
  want: 0x18,
  offer: 0x19,
  decline: 0x1a,
  // ---- events (publications.ts)
  realm: 0x20,
  publish: 0x21,
  retained: 0x22,
  forget: 0x23,
  // ---- questions to other routers (questions.ts)
  ask: 0x30,
  answer: 0x31,
  part: 0x32,
  // ---- HTTP requests that belong elsewhere (http-forwarding.ts)
  request: 0x40,
  respond: 0x41,
  piece: 0x42,
  stream: 0x43,
  end: 0x44,
  unknown: 0x45,
  taken: 0x46,
  gone: 0x47,
  // ---- connections that belong elsewhere (carrying.ts)
  carry: 0x50,
  fromClient: 0x51,
  toClient: 0x52,
  violation: 0x53,
  fromClientTaken: 0x54,
  toClientTaken: 0x55,
  pause: 0x56,
  close: 0x57,
  handBack: 0x58,
  lost: 0x59,
} as const;
export type PeerKind = (typeof PeerKind)[keyof typeof PeerKind];

/** Ranges of kinds, first to last. */
export const kindRange = {
  directory: [0x01, 0x0f],
  calls: [0x10, 0x1f],
  events: [0x20, 0x2f],
  questions: [0x30, 0x3f],
  requests: [0x40, 0x4f],
  connections: [0x50, 0x5f],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;
