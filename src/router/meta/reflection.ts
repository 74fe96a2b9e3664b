/**
 * Reflection: which procedures, topics and errors there are, and what their authors say of them (Advanced Profile, "Interface
 * Reflection", a sketch: it names the procedures and leaves their arguments open). Control path.
 *
 * A description belongs to the session that gave it and ends with it. Where several sessions describe the same thing, as the
 * callees of a shared registration do, the oldest description is the one that is told, and the next one takes its place when it
 * ends: nobody can put words into another's mouth. `on_define` and `on_undefine` tell of each session's own.
 */
import type { PatternHandle, SessionId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { errors, WampError } from "../../protocol/errors.ts";
import { Match } from "../../protocol/messages.ts";
import { Serializer } from "../../protocol/serializers.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { MetaEvents } from "../meta-events.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { ProcedureCall, ProcedureHandler, RouterProcedures } from "../procedures.ts";
import type { Realm } from "../realm.ts";
import { sortInSteps } from "../sort-steps.ts";
import type { Steps, TurnShare } from "../turn-share.ts";
import type { RouterSession, SessionObserver } from "../types.ts";
import { aDict, aUri, type Dict, oneOf, optional, positional, requireOwnUri } from "./meta-args.ts";
import { type MetaProcedure, metaTopics, type TopicText } from "./meta-catalogue.ts";
import { requireListable } from "./pattern-queries.ts";

const types = ["procedure", "topic", "error"] as const;
type Type = (typeof types)[number];
const aType = oneOf(types);

interface Definition {
  readonly type: Type;
  readonly uri: string;
  readonly session: SessionId;
  /** The description, encoded: it takes no more memory than was counted. */
  bytes: Uint8Array;
}

export interface ReflectionParts {
  readonly codec: Codec;
  readonly events: MetaEvents;
  readonly limits: Limits;
  readonly patterns: Patterns;
  readonly procedures: RouterProcedures;
  readonly turnShare: TurnShare;
}

/** What it costs to read a pattern's URI, in steps. */
const uriCost = 12;

/** One key for both; a URI holds no blank. */
const keyOf = (type: Type, uri: string): string => `${type} ${uri}`;

export class Reflection implements SessionObserver {
  readonly #parts: ReflectionParts;
  /** By realm, then by type and URI: all sessions' definitions of one thing, the oldest first. */
  readonly #byRealm = new Map<Realm, Map<string, Definition[]>>();
  readonly #topics = new Map<string, TopicText>(Object.entries(metaTopics));
  readonly #bySession = new Map<SessionId, Map<string, Definition>>();

  constructor(parts: ReflectionParts) {
    this.#parts = parts;
  }

  /** Topics of the router's own beside those of the meta API, by URI. */
  addTopics(texts: Readonly<Record<string, TopicText>>): void {
    for (const [uri, text] of Object.entries(texts)) this.#topics.set(uri, text);
  }

  /** Definitions of all sessions together. */
  get count(): number {
    let count = 0;
    for (const own of this.#bySession.values()) count += own.size;
    return count;
  }

  readonly handlers = {
    "wamp.reflection.procedure.list": (call) => this.#listed(call, "procedure"),
    "wamp.reflection.topic.list": (call) => this.#listed(call, "topic"),
    "wamp.reflection.error.list": (call) => this.#listed(call, "error"),
    "wamp.reflection.procedure.describe": (call) => [this.#describe(call, ["procedure"])],
    "wamp.reflection.topic.describe": (call) => [this.#describe(call, ["topic"])],
    "wamp.reflection.error.describe": (call) => [this.#describe(call, ["error"])],
    "wamp.reflect.describe": (call) => {
      const type = optional(call, 1, "type", aType);
      return [this.#describe(call, type === undefined ? types : [type])];
    },
    "wamp.reflect.define": (call) => this.#define(call),
    "wamp.reflection.define": (call) => this.#define(call),
    "wamp.reflection.undefine": (call) => {
      const uri = positional(call, 0, "uri", aUri);
      this.#undefine(call.caller, call.realm, optional(call, 1, "type", aType) ?? "procedure", uri);
      return [];
    },
  } satisfies Partial<Record<MetaProcedure, ProcedureHandler>>;

  onJoin(): void {}

  onLeave(session: RouterSession, realm: Realm): void {
    const own = this.#bySession.get(session.id);
    if (own === undefined) return;
    for (const { type, uri } of [...own.values()]) this.#undefine(session, realm, type, uri);
  }

  #listed(call: ProcedureCall, type: Type): readonly unknown[] | Promise<readonly unknown[]> {
    return this.#parts.turnShare.run(call.caller.id, this.#list(call, type));
  }

  /** URIs that are known, in order: what is there (patterns are not URIs), what is defined, and what is the router's own. */
  *#list(call: ProcedureCall, type: Type): Steps<readonly unknown[]> {
    const { limits } = this.#parts;
    const uris = new Set<string>(this.#ownUris(type));
    let length = 0;
    const add = (uri: string): void => {
      if (uris.has(uri)) return;
      uris.add(uri);
      length += uri.length;
      requireListable(uris.size, limits, length);
    };
    for (const [first] of [...(this.#byRealm.get(call.realm)?.values() ?? [])])
      if (first?.type === type) add(first.uri);
    yield uris.size;
    const { patterns } = this.#parts;
    for (const pattern of this.#patternsOf(type, call.realm)) {
      const isNamed = patterns.match(pattern) === Match.exact && !patterns.isReserved(pattern);
      if (isNamed) add(patterns.uri(pattern));
      yield isNamed ? uriCost : 1;
    }
    return [yield* sortInSteps([...uris])];
  }

  #ownUris(type: Type): Iterable<string> {
    if (type === "procedure") return this.#parts.procedures.uris;
    return type === "topic" ? this.#topics.keys() : Object.values(errors).map(({ uri }) => uri);
  }

  #patternsOf(type: Type, realm: Realm): Iterable<PatternHandle> {
    if (type === "error") return [];
    const kind = type === "topic" ? PatternKind.subscription : PatternKind.registration;
    return this.#parts.patterns.of(kind, realm);
  }

  #describe(call: ProcedureCall, of: readonly Type[]): Dict | null {
    const uri = positional(call, 0, "uri", aUri);
    for (const type of of) {
      const description = this.#given(call.realm, type, uri) ?? this.#ownDescription(type, uri);
      if (description !== null) return description;
    }
    return null;
  }

  #given(realm: Realm, type: Type, uri: string): Dict | null {
    const definition = this.#byRealm.get(realm)?.get(keyOf(type, uri))?.[0];
    return definition === undefined ? null : decoded(definition);
  }

  /** What the router says of its own. */
  #ownDescription(type: Type, uri: string): Dict | null {
    if (type === "error") return described(Object.values(errors).find((error) => error.uri === uri));
    if (type === "procedure") return described(this.#parts.procedures.text(uri));
    return described(this.#topics.get(uri));
  }

  #define(call: ProcedureCall): readonly unknown[] {
    const { codec, events } = this.#parts;
    const { caller, realm } = call;
    const uri = positional(call, 0, "uri", aUri);
    const type = optional(call, 1, "type", aType) ?? "procedure";
    const description = optional(call, 2, "description", aDict);
    requireOwnUri(codec, realm, uri, type);
    if (description === undefined) {
      this.#undefine(caller, realm, type, uri);
      return [];
    }
    const bytes = encodeMessage(Serializer.msgpack, [description]);
    this.#requireRoom(caller.id, keyOf(type, uri), bytes);
    this.#keep({ type, uri, session: caller.id, bytes }, realm);
    const topic = "wamp.reflect.on_define";
    events.emit({ realm, topic, args: [caller.id, { uri, type, description }] });
    return [];
  }

  #requireRoom(session: SessionId, key: string, bytes: Uint8Array): void {
    const { definitionsPerSession_max, definitionBytes_max } = this.#parts.limits;
    const others = [...(this.#bySession.get(session) ?? [])].filter(([other]) => other !== key);
    if (others.length >= definitionsPerSession_max)
      throw new WampError(errors.unavailable.uri, `a session may define ${definitionsPerSession_max} URIs`);
    if (others.reduce((sum, [, other]) => sum + other.bytes.length, bytes.length) > definitionBytes_max)
      throw new WampError(
        errors.unavailable.uri,
        `a session's descriptions may have ${definitionBytes_max} bytes together`,
      );
  }

  /** A session that defines anew what it has defined keeps its place among the others. */
  #keep(definition: Definition, realm: Realm): void {
    const { type, uri, session, bytes } = definition;
    const key = keyOf(type, uri);
    const own = this.#bySession.get(session) ?? new Map<string, Definition>();
    const before = own.get(key);
    if (before !== undefined) {
      before.bytes = bytes;
      return;
    }
    own.set(key, definition);
    this.#bySession.set(session, own);
    const inRealm = this.#byRealm.get(realm) ?? new Map<string, Definition[]>();
    this.#byRealm.set(realm, inRealm);
    const all = inRealm.get(key);
    if (all === undefined) inRealm.set(key, [definition]);
    else all.push(definition);
  }

  /** Does nothing where the session has not defined it. */
  #undefine(session: RouterSession, realm: Realm, type: Type, uri: string): void {
    const key = keyOf(type, uri);
    const own = this.#bySession.get(session.id);
    const definition = own?.get(key);
    if (own === undefined || definition === undefined) return;
    own.delete(key);
    if (own.size === 0) this.#bySession.delete(session.id);
    const inRealm = this.#byRealm.get(realm);
    const others = inRealm?.get(key)?.filter((other) => other !== definition) ?? [];
    if (others.length > 0) inRealm?.set(key, others);
    else inRealm?.delete(key);
    this.#parts.events.emit({
      realm,
      topic: "wamp.reflect.on_undefine",
      args: [session.id, { uri, type }],
    });
  }
}

const described = (entry: object | undefined): Dict | null => (entry === undefined ? null : { ...entry });

const decoded = ({ bytes }: Definition): Dict => decodeMessage(Serializer.msgpack, bytes)[0] as Dict;
