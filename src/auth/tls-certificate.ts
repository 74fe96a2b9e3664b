/**
 * Method `tls`: the client's certificate, which the listener has verified against its authorities, says who it is. HELLO's authid must be
 * the certificate's common name or one of its subjectAltNames (DNS name, e-mail, URI, address), in any case, or the certificate's
 * SHA-256 stands in the list `certificates` of the user's meta (hex, with or without colons).
 */
import type { ClientCertificate } from "../ports.ts";
import { errors } from "../protocol/errors.ts";
import type { Login, Method, MethodAnswer } from "./method.ts";

const abort = (message: string): MethodAnswer => ({
  kind: "abort",
  error: errors.authenticationFailed.uri,
  message,
});

export const tlsCertificate: Method = {
  name: "tls",
  suits: () => true,
  isOpen: ({ transport }) => transport.tls?.certificate !== undefined,
  begin({ hello, principal }: Login): MethodAnswer {
    const certificate = hello.transport.tls?.certificate;
    if (certificate === undefined) return abort("this connection has no client certificate");
    if (hello.authid === undefined)
      return abort("tls needs an authid: the certificate may have several names");
    if (principal === undefined) return { kind: "failed", why: "the certificate's owner is not known here" };
    const { user } = principal;
    const names = [certificate.commonName, ...certificate.names]
      .filter((name) => name !== "")
      .map((name) => name.toLowerCase());
    const isNamed = names.includes(user.username) || names.includes(hello.authid.toLowerCase());
    if (isNamed || isListed(certificate, user.meta["certificates"])) return { kind: "proved" };
    return { kind: "failed", why: "the certificate has another name, and is not listed with the user" };
  },
};

const isListed = ({ fingerprint }: ClientCertificate, listed: unknown): boolean =>
  Array.isArray(listed) &&
  listed.some((text) => typeof text === "string" && text.replaceAll(":", "").toLowerCase() === fingerprint);
