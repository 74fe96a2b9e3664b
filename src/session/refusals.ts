/** ERRORs of the router's own. The last few kinds are kept as templates: where many are sent, they are of one or two kinds. */
import type { RequestId } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import type { Connection } from "../ports.ts";
import { ErrorTemplate } from "../protocol/error-template.ts";
import type { ErrorEntry } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { controlFrame } from "./control-frame.ts";
import { OutboxFrame } from "./outbox.ts";

export class Refusals {
  readonly #templates: ErrorTemplate[] = [];
  #next = 0;

  frame(
    connection: Connection,
    type: Message,
    request: RequestId,
    { uri }: ErrorEntry,
    message: string,
  ): OutboxFrame {
    const bytes = this.#template(connection, type, uri, message).bytes(request);
    if (bytes.length <= connection.peerFrameBytes_max) return new OutboxFrame(bytes, false, 0);
    return controlFrame(connection, [Message.error, type, request, {}, uri, [message]]);
  }

  #template({ serializer }: Connection, type: Message, uri: string, message: string): ErrorTemplate {
    for (const template of this.#templates)
      if (template.isOf(serializer, type, uri, message)) return template;
    const made = new ErrorTemplate(serializer, type, uri, message);
    this.#templates[this.#next] = made;
    this.#next = (this.#next + 1) % fixedLimits.errorTemplates_max;
    return made;
  }
}
