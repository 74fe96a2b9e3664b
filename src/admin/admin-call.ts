/** One CALL of an admin procedure: which realm it is about, and its arguments. */
import { aText, invalidArgument, type Kind, optional, positional } from "../router/meta/meta-args.ts";
import type { ProcedureCall } from "../router/procedures.ts";
import { type AdminProcedure, type AdminText, adminProcedures } from "./catalogue.ts";
import type { Rights } from "./rights.ts";

export type AdminHandler = (call: AdminCall) => readonly unknown[] | Promise<readonly unknown[]>;

/** How many positional arguments a procedure takes beside its realm. */
function arity(args: readonly string[]): { readonly least: number; readonly most: number } {
  const counted = args.filter((text) => !text.startsWith("realm?"));
  return { least: counted.filter((text) => !/^\w+\?/.test(text)).length, most: counted.length };
}

export class AdminCall {
  readonly name: AdminProcedure;
  readonly call: ProcedureCall;
  /** The realm of the caller's session, and the one that the call is about; in lower case. */
  readonly own: string;
  readonly realm: string;
  /** The caller may do this as a user to itself, and not as an administrator. */
  isSelf = false;
  readonly #text: AdminText;
  readonly #most: number;
  #rights: Rights | null = null;
  /** Positions are counted with the realm; by so much they are less where it is left away. */
  readonly #shift: number;

  /** Throws wamp.error.invalid_argument where the realm is not a string. */
  constructor(name: AdminProcedure, call: ProcedureCall) {
    this.name = name;
    this.call = call;
    this.#text = adminProcedures[name];
    this.own = call.realm.uri.toLowerCase();
    const { args = [] } = this.#text;
    const { least, most } = arity(args);
    const takesRealm = args[0]?.startsWith("realm?") === true;
    const byName = takesRealm ? (call.kwargs["realm"] ?? undefined) : undefined;
    const byPosition = takesRealm && byName === undefined && call.args.length > least;
    const given = byPosition ? (call.args[0] ?? undefined) : byName;
    if (given !== undefined && typeof given !== "string")
      throw invalidArgument(`${byPosition ? "argument 1" : "keyword argument"} ("realm") must be a URI`);
    this.realm = given?.toLowerCase() ?? this.own;
    this.#shift = takesRealm && !byPosition ? 1 : 0;
    this.#most = most + (byPosition ? 1 : 0);
  }

  /** Refuses callers without the right, then calls with too many arguments. */
  admit(rights: Rights): void {
    this.#rights = rights;
    const { caller, args, uri } = this.call;
    const { own, name, realm } = this;
    const { reach, self } = this.#text;
    const question = { caller, own, name, reach, target: realm };
    if (self === true && !rights.allows(question)) {
      rights.requireSelf(question, args[1 - this.#shift]);
      this.isSelf = true;
    } else rights.require(question);
    if (args.length > this.#most)
      throw invalidArgument(
        `${uri} takes ${this.#most} arguments at most: argument ${this.#most + 1} is not known`,
      );
  }

  /** Refuses callers that may not do the same in another realm, which the call changes too. */
  requireIn(realm: string): void {
    const { name, own } = this;
    const { reach } = this.#text;
    this.#rights?.require({ caller: this.call.caller, own, name, reach, target: realm.toLowerCase() });
  }

  /** The argument at `position`, counted with the realm as 0 where the procedure takes one. */
  arg<T>(position: number, name: string, kind: Kind<T>): T {
    return positional(this.call, position - this.#shift, name, kind);
  }

  text(position: number, name: string): string {
    return this.arg(position, name, aText);
  }

  /** An optional argument, by name or at the position. */
  option<T>(position: number, name: string, kind: Kind<T>): T | undefined {
    return optional(this.call, position - this.#shift, name, kind);
  }

  /** An optional argument that goes by its name only. */
  named<T>(name: string, kind: Kind<T>): T | undefined {
    return optional(this.call, -1, name, kind);
  }
}
