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
  /** Whoever it is not for is led on like somebody unknown. */
  suits: (login) => belongs(login),
  isOpen: ({ transport }) => transport.tls?.certificate !== undefined,
  begin(login: Login): MethodAnswer {
    const { authid, transport } = login.hello;
    if (transport.tls?.certificate === undefined) return abort("this connection has no client certificate");
    if (authid === undefined) return abort("tls needs an authid: the certificate may have several names");
    if (belongs(login)) return { kind: "proved" };
    return { kind: "failed", why: "the certificate is not this user's, or the user is not known here" };
  },
};

function belongs({ hello, principal }: Login): boolean {
  const certificate = hello.transport.tls?.certificate;
  if (certificate === undefined || hello.authid === undefined || principal === undefined) return false;
  const { meta, username } = principal.user;
  const names = [certificate.commonName, ...certificate.names]
    .filter((name) => name !== "")
    .map((name) => name.toLowerCase());
  const isNamed = names.includes(username) || names.includes(hello.authid.toLowerCase());
  return isNamed || isListed(certificate, meta["certificates"]);
}

const isListed = ({ fingerprint }: ClientCertificate, listed: unknown): boolean =>
  Array.isArray(listed) &&
  listed.some((text) => typeof text === "string" && text.replaceAll(":", "").toLowerCase() === fingerprint);
