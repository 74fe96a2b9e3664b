/**
 * WELCOME. Sessions of one serializer, realm, role and method are told the same but for their id and authid: that is encoded once, and
 * kept. Control path.
 */
import type { SessionId } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import type { Connection, Identity } from "../ports.ts";
import { routerRoles } from "../protocol/features.ts";
import type { Serializer } from "../protocol/serializers.ts";
import { WelcomeTemplate } from "../protocol/welcome-template.ts";
import type { Outbox, OutboxFrame, WrittenFrame } from "./outbox.ts";

type Details = Readonly<Record<string, unknown>>;

/** Characters in which a session says who it is: as JSON escapes them, WELCOME must fit where the codec writes the head of a frame. */
const plainText_max = 1_024;

export interface WelcomesParts {
  readonly codec: Pick<WrittenFrame, "outFrame">;
  readonly outbox: Pick<Outbox, "take">;
  /** WELCOME.Details.agent. */
  readonly agent: string;
}

export class Welcomes {
  readonly #parts: WelcomesParts;
  readonly #templates = new Map<string, WelcomeTemplate>();

  constructor(parts: WelcomesParts) {
    this.#parts = parts;
  }

  /** Kinds of WELCOME that are kept. */
  get count(): number {
    return this.#templates.size;
  }

  /** WELCOME.Details of a session. */
  details(realm: string, who: Identity, extra: Details | undefined): Details {
    const authextra = extra === undefined ? {} : { authextra: extra };
    return { ...this.#shared(realm, who), authid: who.authid, ...authextra };
  }

  /** Whether `plain` may write it. */
  isPlain({ authid, authrole, authmethod, authprovider }: Identity, extra: Details | undefined): boolean {
    const length = authid.length + authrole.length + authmethod.length + authprovider.length;
    return extra === undefined && length <= plainText_max;
  }

  /** WELCOME with these details and no others. Its bytes lie in memory that is used again after this turn. */
  plain(
    { serializer }: Pick<Connection, "serializer">,
    id: SessionId,
    realm: string,
    who: Identity,
  ): OutboxFrame {
    const { codec, outbox } = this.#parts;
    const template = this.#template(serializer, realm, who);
    const room = codec.outFrame(template.room(who.authid.length));
    return outbox.take(template.write(room, id, who.authid), false);
  }

  #template(serializer: Serializer, realm: string, who: Identity): WelcomeTemplate {
    const key = JSON.stringify([serializer, realm, who.authrole, who.authmethod, who.authprovider]);
    let template = this.#templates.get(key);
    if (template === undefined) {
      if (this.#templates.size >= fixedLimits.welcomeTemplates_max) this.#templates.clear();
      template = new WelcomeTemplate(serializer, this.#shared(realm, who));
      this.#templates.set(key, template);
    }
    return template;
  }

  /** What all sessions of its kind are told. */
  #shared(realm: string, { authrole, authmethod, authprovider }: Identity): Details {
    return { realm, authrole, authmethod, authprovider, roles: routerRoles, agent: this.#parts.agent };
  }
}
