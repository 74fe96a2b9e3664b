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
  eventReceived: 337,
} as const;
export type Message = (typeof Message)[keyof typeof Message];

/** `Options.match` of SUBSCRIBE and REGISTER. */
export const Match = { exact: 0, prefix: 1, wildcard: 2 } as const;
export type Match = (typeof Match)[keyof typeof Match];

/**
 * `Options.invoke` of REGISTER. Beyond the specification's: `queue_least_loaded` (`qll`: fewest invocations outstanding),
 * `queue_least_loaded_sample` (`qlls`: the better of two at random), `jump_consistent_hash` (`jch`: by Options.rkey of the CALL)
 * and `all` (every callee, see Options.runmode).
 */
export const Invoke = {
  single: 0,
  roundrobin: 1,
  random: 2,
  first: 3,
  last: 4,
  leastLoaded: 5,
  leastLoadedSample: 6,
  consistentHash: 7,
  all: 8,
} as const;
export type Invoke = (typeof Invoke)[keyof typeof Invoke];

/** `Options.invoke` and `Options.match` as they are written, by number. */
export const invokeNames = [
  "single",
  "roundrobin",
  "random",
  "first",
  "last",
  "queue_least_loaded",
  "queue_least_loaded_sample",
  "jump_consistent_hash",
  "all",
] as const;
export const matchNames = ["exact", "prefix", "wildcard"] as const;

/** `Options.runmode` of CALL. */
export const RunMode = { none: 0, partition: 1, all: 2 } as const;
export type RunMode = (typeof RunMode)[keyof typeof RunMode];

/** `Options.mode` of CANCEL; `none` where the option was absent. */
export const CancelMode = { none: 0, skip: 1, kill: 2, killnowait: 3 } as const;
export type CancelMode = (typeof CancelMode)[keyof typeof CancelMode];
