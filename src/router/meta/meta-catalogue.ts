/**
 * The meta API's procedures and topics, each in a line, with its arguments: what `wamp.reflection.*` says of them. The names are
 * the type of the tables of handlers, so that a procedure without an entry, or an entry without a procedure, does not compile.
 */
import type { ProcedureText } from "../procedures.ts";

export interface TopicText {
  readonly summary: string;
  readonly args: readonly string[];
}

const farewell = ["reason?: uri", "message?: string"];
const identifiers = ["exact: id[]", "prefix: id[]", "wildcard: id[]"].join(", ");
const registration = ["registration: id"];
const subscription = ["subscription: id"];

export const metaProcedures = {
  "wamp.session.count": {
    summary: "How many sessions have joined the realm.",
    args: ["filter_authroles?: string[]"],
    result: ["count: int"],
  },
  "wamp.session.list": {
    summary: "The sessions that have joined the realm.",
    args: ["filter_authroles?: string[]"],
    result: ["sessions: id[]"],
  },
  "wamp.session.get": {
    summary: "Who a session is, and how it is connected.",
    args: ["session: id"],
    result: ["{session, authid, authrole, authmethod, authprovider, transport: {type, peer, protocol}}"],
  },
  "wamp.session.kill": {
    summary: "Ends another session.",
    args: ["session: id"],
    kwargs: farewell,
  },
  "wamp.session.kill_by_authid": {
    summary: "Ends all other sessions with an authid.",
    args: ["authid: string"],
    kwargs: farewell,
    result: ["killed: id[]"],
  },
  "wamp.session.kill_by_authrole": {
    summary: "Ends all other sessions with an authrole.",
    args: ["authrole: string"],
    kwargs: farewell,
    result: ["count: int"],
  },
  "wamp.session.kill_all": {
    summary: "Ends all other sessions of the realm, without session meta events and testaments.",
    kwargs: farewell,
    result: ["count: int"],
  },
  "wamp.session.add_testament": {
    summary: "Leaves an event to be published when the caller's session is detached or destroyed.",
    args: ["topic: uri", "args: list", "kwargs: dict"],
    kwargs: ["publish_options?: dict", "scope?: destroyed | detached"],
  },
  "wamp.session.flush_testaments": {
    summary: "Forgets the caller's testaments of one scope.",
    kwargs: ["scope?: destroyed | detached"],
  },
  "wamp.registration.list": {
    summary: "The registrations of the realm, by match policy.",
    result: [`{${identifiers}}`],
  },
  "wamp.registration.lookup": {
    summary: "The registration with exactly this URI and match policy.",
    args: ["procedure: uri", "options?: {match}"],
    result: ["registration: id | null"],
  },
  "wamp.registration.match": {
    summary: "The registration that a call of the procedure would take.",
    args: ["procedure: uri"],
    result: ["registration: id | null"],
  },
  "wamp.registration.get": {
    summary: "What a registration is.",
    args: registration,
    result: ["{id, created, uri, match, invoke}"],
  },
  "wamp.registration.list_callees": {
    summary: "The sessions that have registered.",
    args: registration,
    result: ["sessions: id[]"],
  },
  "wamp.registration.count_callees": {
    summary: "How many sessions have registered.",
    args: registration,
    result: ["count: int"],
  },
  "wamp.registration.remove_callee": {
    summary: "Takes a registration away from a session.",
    args: ["registration: id", "session: id"],
    kwargs: ["reason?: string"],
  },
  "wamp.subscription.list": {
    summary: "The subscriptions of the realm, by match policy.",
    result: [`{${identifiers}}`],
  },
  "wamp.subscription.lookup": {
    summary: "The subscription with exactly this URI and match policy.",
    args: ["topic: uri", "options?: {match}"],
    result: ["subscription: id | null"],
  },
  "wamp.subscription.match": {
    summary: "All subscriptions that an event would reach.",
    args: ["topic: uri"],
    result: ["subscriptions: id[] | null"],
  },
  "wamp.subscription.get": {
    summary: "What a subscription is.",
    args: subscription,
    result: ["{id, created, uri, match}"],
  },
  "wamp.subscription.list_subscribers": {
    summary: "The sessions that are subscribed.",
    args: subscription,
    result: ["sessions: id[]"],
  },
  "wamp.subscription.count_subscribers": {
    summary: "How many sessions are subscribed.",
    args: subscription,
    result: ["count: int"],
  },
  "wamp.subscription.count_suscribers": {
    summary: "How many sessions are subscribed, under another router's spelling.",
    args: subscription,
    result: ["count: int"],
  },
  "wamp.subscription.remove_subscriber": {
    summary: "Takes a subscription away from a session.",
    args: ["subscription: id", "session: id"],
    kwargs: ["reason?: string"],
  },
  "wamp.reflection.procedure.list": {
    summary: "Procedures that are registered (exactly), defined, or the router's own.",
    result: ["procedures: uri[]"],
  },
  "wamp.reflection.topic.list": {
    summary: "Topics that are subscribed to (exactly), defined, or the router's own.",
    result: ["topics: uri[]"],
  },
  "wamp.reflection.error.list": {
    summary: "Errors that are defined, or the router's own.",
    result: ["errors: uri[]"],
  },
  "wamp.reflection.procedure.describe": {
    summary: "The description of a procedure.",
    args: ["procedure: uri"],
    result: ["description: dict | null"],
  },
  "wamp.reflection.topic.describe": {
    summary: "The description of a topic.",
    args: ["topic: uri"],
    result: ["description: dict | null"],
  },
  "wamp.reflection.error.describe": {
    summary: "The description of an error.",
    args: ["error: uri"],
    result: ["description: dict | null"],
  },
  "wamp.reflect.describe": {
    summary: "The description of a procedure, topic or error, in this order where no type is given.",
    args: ["uri: uri", "type?: procedure | topic | error"],
    result: ["description: dict | null"],
  },
  "wamp.reflect.define": {
    summary:
      "Describes a procedure, topic or error for as long as the caller's session lasts; null takes it back.",
    args: ["uri: uri", "type?: procedure | topic | error", "description: dict | null"],
  },
  "wamp.reflection.define": {
    summary: "The same as wamp.reflect.define.",
    args: ["uri: uri", "type?: procedure | topic | error", "description: dict | null"],
  },
  "wamp.reflection.undefine": {
    summary: "Takes a description of the caller's back.",
    args: ["uri: uri", "type?: procedure | topic | error"],
  },
} as const satisfies Readonly<Record<string, ProcedureText>>;
export type MetaProcedure = keyof typeof metaProcedures;

export const metaTopics = {
  "wamp.session.on_join": {
    summary: "A session has joined the realm.",
    args: ["{session, authid, authrole, authmethod, authprovider, transport}"],
  },
  "wamp.session.on_leave": {
    summary: "A session has left the realm.",
    args: ["session: id", "authid: string", "authrole: string"],
  },
  "wamp.session.on_detach": {
    summary: "A resumable session has lost its transport and waits for its client.",
    args: ["session: id"],
  },
  "wamp.session.on_attach": {
    summary: "A resumable session that had been detached is resumed.",
    args: ["session: id"],
  },
  "wamp.registration.on_create": {
    summary: "A registration came into being; on_register follows.",
    args: ["session: id", "{id, created, uri, match, invoke}"],
  },
  "wamp.registration.on_register": {
    summary: "A session has joined a registration.",
    args: ["session: id", ...registration],
  },
  "wamp.registration.on_unregister": {
    summary: "A session has left a registration.",
    args: ["session: id", ...registration],
  },
  "wamp.registration.on_delete": {
    summary: "The last session has left a registration.",
    args: ["session: id", ...registration],
  },
  "wamp.subscription.on_create": {
    summary: "A subscription came into being; on_subscribe follows.",
    args: ["session: id", "{id, created, uri, match}"],
  },
  "wamp.subscription.on_subscribe": {
    summary: "A session has joined a subscription.",
    args: ["session: id", ...subscription],
  },
  "wamp.subscription.on_unsubscribe": {
    summary: "A session has left a subscription.",
    args: ["session: id", ...subscription],
  },
  "wamp.subscription.on_delete": {
    summary: "The last session has left a subscription.",
    args: ["session: id", ...subscription],
  },
  "spanwire.session.on_events_dropped": {
    summary: "The hearer has read too slowly and lost events.",
    args: ["count: int"],
  },
  "wamp.reflect.on_define": {
    summary: "A session has described a procedure, topic or error.",
    args: ["session: id", "{uri, type, description}"],
  },
  "wamp.reflect.on_undefine": {
    summary: "A session's description has ended.",
    args: ["session: id", "{uri, type}"],
  },
} as const satisfies Readonly<Record<string, TopicText>>;
