/** The states of a connection, and the codes it is closed with. */

/**
 * `joining`: HELLO has come, and who it is is not decided yet. `leaving`: its subscriptions are being ended, over several turns if they are many. `lent`: a resumable session uses its connection.
 * From `closed` on nothing is heard any more.
 */
export const State = {
  waiting: 0,
  joining: 1,
  open: 2,
  leaving: 3,
  closing: 4,
  closed: 5,
  lent: 6,
} as const;
export type State = (typeof State)[keyof typeof State];

/** WebSocket close codes (RFC 6455, 7.4.1). */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  policy: 1008,
  internalError: 1011,
} as const;

/** More than any frame has, and for the engines still a small integer: Infinity would be looked up in memory for every receiver. */
export const noLimit = 2 ** 30;
