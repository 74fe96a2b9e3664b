import assert from "node:assert/strict";
import test from "node:test";
import { tlsCertificate } from "../../src/auth/tls-certificate.ts";
import type { ClientCertificate } from "../../src/ports.ts";
import { loginOf, principalOf, userRecord } from "../support/security-double.ts";

const certificate: ClientCertificate = {
  commonName: "Joe",
  fingerprint: "ab".repeat(32),
  names: ["joe.example.com", "Joe@Example.com"],
  validTo_ms: Number.MAX_SAFE_INTEGER,
};

function kindOf(
  authid: string | undefined,
  given: { user?: string; meta?: object; shown?: ClientCertificate | null } = {},
) {
  const { user = authid, meta = {}, shown = certificate } = given;
  const tls = { channelId: () => null, ...(shown === null ? {} : { certificate: shown }) };
  const record = user === undefined ? undefined : userRecord(user, { meta: { ...meta } });
  const principal = record === undefined ? undefined : principalOf("r", record);
  const login = loginOf({ authid, principal, tls });
  const answer = tlsCertificate.begin(login);
  assert.ok(!(answer instanceof Promise));
  return [tlsCertificate.isOpen?.(login.hello), answer.kind];
}

test("the common name and the alternative names of a certificate may log in, in any case", () => {
  for (const authid of ["joe", "JOE", "joe.example.com", "joe@example.com"])
    assert.deepEqual(kindOf(authid), [true, "proved"]);
  assert.deepEqual(kindOf("joey", { user: "joe" }), [true, "proved"]);
  for (const authid of ["ann", "example.com", "", "*.example.com"])
    assert.deepEqual(kindOf(authid, { user: authid || "ann" }), [true, "failed"]);
});

test("a user may list certificates that have other names", () => {
  const colons = "AB:".repeat(32).slice(0, -1);
  assert.deepEqual(kindOf("ann", { meta: { certificates: [7, colons] } }), [true, "proved"]);
  assert.deepEqual(kindOf("ann", { meta: { certificates: ["ab".repeat(32)] } }), [true, "proved"]);
  assert.deepEqual(kindOf("ann", { meta: { certificates: ["ba".repeat(32)] } }), [true, "failed"]);
  assert.deepEqual(kindOf("ann", { meta: { certificates: "ab".repeat(32) } }), [true, "failed"]);
});

test("no certificate, no authid and no such user let nobody in", () => {
  assert.deepEqual(kindOf("joe", { shown: null }), [false, "abort"]);
  assert.deepEqual(kindOf(undefined), [true, "abort"]);
  assert.deepEqual(tlsCertificate.begin(loginOf({ authid: "joe" })), {
    kind: "abort",
    error: "wamp.error.authentication_failed",
    message: "this connection has no client certificate",
  });
  const unknown = loginOf({ authid: "joe", tls: { certificate, channelId: () => null } });
  assert.equal((tlsCertificate.begin(unknown) as { kind: string }).kind, "failed");
});

test("a certificate without a common name has none", () => {
  const nameless = { ...certificate, commonName: "", names: [] };
  assert.deepEqual(kindOf("joe", { shown: nameless }), [true, "failed"]);
  assert.deepEqual(kindOf("", { user: "joe", shown: nameless }), [true, "failed"]);
});
