/** The thread that has a session of this id, where there are `count`: what src/base/session-ids.ts promises. */
export const placeOfSession = (id: number, count: number): number => (id - 1) % count;
