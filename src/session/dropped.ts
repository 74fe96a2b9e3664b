/** Says what a slow reader has lost: to the log, and to the reader itself where it asked to hear of it. */
import type { SessionCore } from "./core.ts";
import type { Session } from "./session.ts";

/** Topic whose event tells a subscriber, and nobody else, how many of its own events were lost: `[count]`. */
export const eventsDroppedTopic = "spanwire.session.on_events_dropped";

export function tellDropped(core: SessionCore, session: Session, events: number): void {
  core.log.warn("session", "events lost: slow reader", { session: session.id, events });
  const { realm, id } = session;
  if (realm !== null)
    core.events.emit({ realm, topic: eventsDroppedTopic, args: [events], options: { eligible: [id] } });
}
