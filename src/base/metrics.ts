/** What the router counts. Plain numbers, cheap to raise on the hot path; whoever reports them reads them from here. */
export class Metrics {
  /** Sessions that joined and left since the start. */
  sessionsOpened = 0;
  sessionsClosed = 0;
  /** Resumable sessions that lost their transport, and that were resumed over another one. */
  sessionsDetached = 0;
  sessionsResumed = 0;
  /** Messages that arrived, and EVENTs queued for subscribers. */
  messagesIn = 0;
  events = 0;
  /** INVOCATIONs sent, and how many of them were for calls that another callee had been asked before. */
  calls = 0;
  callsRerouted = 0;
  /** EVENTs not delivered: the receiver's outbox or the router's egress budget was full. */
  eventsDroppedSlow = 0;
  /** EVENTs not delivered: larger than the receiver accepts. */
  eventsDroppedSize = 0;
  /** EVENTs not delivered: the receiver's serializer cannot say the payload. */
  eventsDroppedPayload = 0;
  /** Publications that another router of this process did not get, or could not deliver: the way there was full. */
  eventsDroppedPeer = 0;
  /** Meta events and testaments not published: too many in one turn, or too large. */
  routerEventsDropped = 0;
  /** What all realms hold now: retained events, and events in histories, with their bytes. */
  retained = 0;
  retainedBytes = 0;
  history = 0;
  historyBytes = 0;
  /** Events that their publisher wanted retained, but a limit did not allow. */
  eventsNotRetained = 0;
  /** SUBSCRIBEs that matched more retained events than one may be sent. */
  retainedReplaysCut = 0;
  /** Events that a history had no room for. */
  eventsNotKept = 0;
  /** EVENTs sent again because their receiver had not acknowledged them, and those given up in the end. */
  eventsRedelivered = 0;
  eventsUndelivered = 0;
  /** EVENTs not delivered: the receiver had too many to acknowledge. */
  eventsDroppedUnacknowledged = 0;
  /** Requests refused because their session has no right to them, and decisions that were not remembered and had to be made. */
  accessDenied = 0;
  accessDecided = 0;
  /** Subscriptions and registrations ended because the right to them was taken away. */
  accessRevoked = 0;
  /** What an overloaded router did not take: new connections, and unacknowledged publications of the heaviest senders. */
  connectionsShed = 0;
  publicationsShed = 0;
  /** Sessions ended: a reply did not fit into the outbox, or the inbox overflowed. */
  sessionsOverrun = 0;
  /** Logins that succeeded and failed, and those refused because there had been, or were under way, too many. */
  logins = 0;
  loginsFailed = 0;
  loginsLimited = 0;
  /** ABORTs sent for a violation of the protocol. */
  violations = 0;
}
