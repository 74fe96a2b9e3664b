/** Reads an event stream (HTML standard, "Server-sent events") from the body of an answer. */
export interface SseEvent {
  readonly event: string;
  readonly data: string;
}

export class SseReader implements AsyncIterable<SseEvent> {
  readonly #body: ReadableStream<Uint8Array>;
  /** Comments, in order. */
  readonly comments: string[] = [];

  constructor(body: ReadableStream<Uint8Array>) {
    this.#body = body;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<SseEvent> {
    const decoder = new TextDecoder();
    const reader = this.#body.getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = this.#eventOf(text.slice(0, end).split("\n"));
        text = text.slice(end + 2);
        if (event !== null) yield event;
      }
    }
  }

  #eventOf(lines: readonly string[]): SseEvent | null {
    let event = "message";
    const data: string[] = [];
    for (const line of lines) {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (name === "") this.comments.push(value);
      else if (name === "event") event = value;
      else if (name === "data") data.push(value);
    }
    return data.length === 0 ? null : { event, data: data.join("\n") };
  }
}
