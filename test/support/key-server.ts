/** An issuer of tokens on loopback: its keys over HTTP, well or badly served. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export interface IssuerKey {
  readonly kid: string | undefined;
  readonly alg: string;
  readonly jwk: JWK;
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

export async function issuerKey(kid: string | undefined, alg = "ES256"): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const named = kid === undefined ? {} : { kid };
  return {
    kid,
    alg,
    jwk: { ...(await exportJWK(publicKey)), ...named, alg },
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, ...named, ...header }).sign(privateKey),
  };
}

export class KeyServer {
  requests = 0;
  answer: (response: ServerResponse) => void;
  readonly #server = createServer((request, response) => {
    this.requests++;
    if (request.url === "/elsewhere") response.end(JSON.stringify({ keys: [] }));
    else this.answer(response);
  });

  constructor() {
    this.answer = (response) => response.writeHead(500).end();
  }

  serve(keys: readonly JWK[]): void {
    this.answer = (response) => response.end(JSON.stringify({ keys }));
  }

  /** Its URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
