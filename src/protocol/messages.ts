/** WAMP message codes (wamp_latest, "Messages"). */
export const Message = {
  hello: 1,
  welcome: 2,
  abort: 3,
  challenge: 4,
  authenticate: 5,
  goodbye: 6,
  error: 8,
  publish: 16,
  published: 17,
  subscribe: 32,
  subscribed: 33,
  unsubscribe: 34,
  unsubscribed: 35,
  event: 36,
  call: 48,
  cancel: 49,
  result: 50,
  register: 64,
  registered: 65,
  unregister: 66,
  unregistered: 67,
  invocation: 68,
  interrupt: 69,
  yield: 70,
} as const;
export type Message = (typeof Message)[keyof typeof Message];

/** `Options.match` of SUBSCRIBE and REGISTER. */
export const Match = { exact: 0, prefix: 1, wildcard: 2 } as const;
export type Match = (typeof Match)[keyof typeof Match];

/** `Options.invoke` of REGISTER. */
export const Invoke = { single: 0, roundrobin: 1, random: 2, first: 3, last: 4 } as const;
export type Invoke = (typeof Invoke)[keyof typeof Invoke];

/** `Options.mode` of CANCEL; `none` where the option was absent. */
export const CancelMode = { none: 0, skip: 1, kill: 2, killnowait: 3 } as const;
export type CancelMode = (typeof CancelMode)[keyof typeof CancelMode];
