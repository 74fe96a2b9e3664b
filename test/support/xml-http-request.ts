/** As much of a browser's XMLHttpRequest as autobahn-js needs, over node:http; requests run in parallel, as they do there. */
import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true });

export class XmlHttpRequest {
  onreadystatechange: () => void = () => {};
  ontimeout: () => void = () => {};
  withCredentials = false;
  timeout = 0;
  readyState = 0;
  status = 0;
  statusText = "";
  responseText = "";
  readonly #headers: Record<string, string> = {};
  #method = "";
  #url = "";

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  send(body = ""): void {
    const length = String(Buffer.byteLength(body));
    const headers = { ...this.#headers, "content-length": length };
    const asked = request(this.#url, { method: this.#method, headers, agent }, (answer) => {
      this.status = answer.statusCode ?? 0;
      this.statusText = answer.statusMessage ?? "";
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => {
        this.responseText += text;
      });
      answer.on("end", () => this.#done());
    });
    if (this.timeout > 0) asked.setTimeout(this.timeout, () => this.ontimeout());
    asked.on("error", () => {
      this.status = 0;
      this.#done();
    });
    asked.end(body);
  }

  #done(): void {
    this.readyState = 4;
    this.onreadystatechange();
  }
}
