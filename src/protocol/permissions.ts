/** What a session may be granted: the permissions of the router, as bits, and under the names that Bondy gave them. */
export const Permission = {
  call: 1 << 0,
  cancel: 1 << 1,
  register: 1 << 2,
  unregister: 1 << 3,
  subscribe: 1 << 4,
  unsubscribe: 1 << 5,
  publish: 1 << 6,
  discloseCaller: 1 << 7,
  disclosePublisher: 1 << 8,
  discloseSessionInfo: 1 << 9,
} as const;
export type Permission = (typeof Permission)[keyof typeof Permission];

/** How many there are: bits from 0. */
export const permissionCount = 10;
export const allPermissions = (1 << permissionCount) - 1;

/** Each permission by its name. A grant may name others too (any URI): they are kept, and asked for by whom they concern. */
export const permissionNames: Readonly<Record<string, Permission>> = {
  "wamp.call": Permission.call,
  "wamp.cancel": Permission.cancel,
  "wamp.register": Permission.register,
  "wamp.unregister": Permission.unregister,
  "wamp.subscribe": Permission.subscribe,
  "wamp.unsubscribe": Permission.unsubscribe,
  "wamp.publish": Permission.publish,
  "wamp.disclose_caller": Permission.discloseCaller,
  "wamp.disclose_publisher": Permission.disclosePublisher,
  "wamp.disclose_session_info": Permission.discloseSessionInfo,
};

/** The name of one permission bit. */
export const nameOfPermission = (bit: Permission): string =>
  Object.keys(permissionNames).find((name) => permissionNames[name] === bit) ?? "wamp.unknown";
