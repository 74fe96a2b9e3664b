/** What a client says about who it is: HELLO's part of it, the answer to CHALLENGE, and the look at WELCOME. */
import { type Authenticate, type ClientMethod, misuse, refusal } from "./auth-method.ts";
import { Cryptosign } from "./auth-cryptosign.ts";
import { WampScram } from "./auth-scram.ts";
import { WampCra } from "./auth-wampcra.ts";
import type { AuthMethodName, AuthOptions, Kwargs } from "./options.ts";
import type { ClientTransport } from "./transport.ts";

/** Methods in which the router asks nothing. */
const unchallenged: readonly string[] = ["anonymous", "trust", "tls", "cookie"];

/** What is offered where nobody says: never what would show the password itself to whoever answers. */
function methodsFor(auth: AuthOptions): readonly AuthMethodName[] {
  if (auth.methods !== undefined) return auth.methods;
  const methods: AuthMethodName[] = [];
  if (auth.secretKey !== undefined) methods.push("cryptosign");
  if (auth.password !== undefined) methods.push("wamp-scram", "wampcra");
  if (auth.ticket !== undefined) methods.push("ticket");
  if (auth.token !== undefined) methods.push("oauth2");
  return methods.length === 0 ? ["anonymous"] : methods;
}

/** One login. Made for one HELLO: its nonces are used once. */
export class Authentication {
  /** HELLO.Details. */
  readonly hello: Kwargs;
  readonly #methods: ReadonlyMap<string, ClientMethod | null>;
  #challenged: string | null = null;

  private constructor(auth: AuthOptions, methods: ReadonlyMap<string, ClientMethod | null>) {
    this.#methods = methods;
    const extras = [...methods.values()].map((method) => method?.hello ?? {});
    const authextra = Object.assign({}, ...extras, auth.extra) as Kwargs;
    this.hello = {
      authid: auth.authid,
      authrole: auth.authrole,
      authmethods: [...methods.keys()],
      authextra: Object.keys(authextra).length === 0 ? undefined : authextra,
    };
  }

  /** Rejects with WampError `wamp.error.invalid_argument` where something is missing, or the transport has no such channel binding. */
  static async create(auth: AuthOptions, transport: ClientTransport): Promise<Authentication> {
    const methods = new Map<string, ClientMethod | null>();
    for (const name of methodsFor(auth)) methods.set(name, await clientMethod(name, auth, transport));
    return new Authentication(auth, methods);
  }

  /** Answers CHALLENGE. Rejects with a WampError where the router does not keep to the rules; nothing was told to it then. */
  async answer(method: string, challenge: Kwargs): Promise<Authenticate> {
    const chosen = this.#methods.get(method);
    if (chosen === undefined || chosen === null)
      throw refusal(`the router challenges by ${method}, which was not offered`);
    if (this.#challenged !== null) throw refusal("the router challenges a second time");
    this.#challenged = method;
    return chosen.answer(challenge);
  }

  /** Throws WampError where WELCOME comes from a router that should have asked, or proved something, and has not. */
  checkWelcome(details: Kwargs): void {
    if (this.#challenged === null) {
      if (![...this.#methods.keys()].some((name) => unchallenged.includes(name)))
        throw refusal("the router has let the client in without asking who it is");
      return;
    }
    const extra = details["authextra"];
    const said = typeof extra === "object" && extra !== null ? (extra as Kwargs) : {};
    if (this.#methods.get(this.#challenged)?.isGenuine?.(said) === false)
      throw refusal("the router has not proved that it knows the password");
  }
}

/** Null: a method without a challenge. */
async function clientMethod(
  name: AuthMethodName,
  auth: AuthOptions,
  transport: ClientTransport,
): Promise<ClientMethod | null> {
  const channel = channelOf(auth, transport);
  switch (name) {
    case "password":
      return secret(given(auth.password, name));
    case "ticket":
      return secret(given(auth.ticket ?? auth.password, name));
    case "oauth2":
      return secret(given(auth.token, name));
    case "wampcra":
      return new WampCra(given(auth.password, name));
    case "wamp-scram":
      // Its tls-unique is another than cryptosign's; the specification's exporter is the same for both.
      if (channel?.type === "tls-unique") throw misuse("wamp-scram binds to tls-exporter only");
      return new WampScram({
        authid: given(auth.authid, name),
        password: given(auth.password, name),
        channel,
      });
    case "cryptosign": {
      const { routerKey = null } = auth;
      return Cryptosign.create({ secretKey: given(auth.secretKey, name), channel, routerKey });
    }
    default:
      return null;
  }
}

/** Says the secret itself. */
const secret = (signature: string): ClientMethod => ({ answer: () => ({ signature, extra: {} }) });

function given(value: string | undefined, method: string): string {
  if (value === undefined) throw misuse(`something is missing in auth that ${method} needs`);
  return value;
}

function channelOf(
  { channelBinding }: AuthOptions,
  transport: ClientTransport,
): { readonly type: string; readonly id: Uint8Array } | null {
  if (channelBinding === undefined) return null;
  const id = transport.channelId?.(channelBinding) ?? null;
  if (id === null) throw misuse(`this connection has no channel binding of the type ${channelBinding}`);
  return { type: channelBinding, id };
}
