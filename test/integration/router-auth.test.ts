/** Authentication and authorization over every socket of this runtime, in each serializer. Memory has no address that a source could name. */
import { Serializer } from "../../src/protocol/serializers.ts";
import { tcpLeg, unixLeg, webSocketLegs } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";
import { authSuite } from "../support/router-suite-auth.ts";
import { dynamicAuthSuite } from "../support/router-suite-authorize.ts";
import { issuerSuite, tokenSuite } from "../support/router-suite-tokens.ts";
import { authFloodSuite } from "../support/router-suite-auth-floods.ts";
import { hostileAuthSuite } from "../support/router-suite-auth-hostile.ts";

for (const serializer of [Serializer.msgpack, Serializer.json, Serializer.cbor]) {
  const [first, ...others] = webSocketLegs(serializer).filter(({ skip }) => skip === undefined);
  await whole(new Suite(first!));
  // What the others could get wrong is who the client is, and how a login ends.
  const isFirst = serializer === Serializer.msgpack;
  for (const leg of isFirst ? [...others, tcpLeg(serializer)] : [tcpLeg(serializer)]) {
    const suite = new Suite(leg);
    authSuite(suite);
    if (isFirst) hostileAuthSuite(suite);
  }
}

async function whole(suite: Suite): Promise<void> {
  authSuite(suite);
  hostileAuthSuite(suite);
  authFloodSuite(suite);
  dynamicAuthSuite(suite);
  tokenSuite(suite);
  await issuerSuite(suite);
}

authSuite(new Suite(unixLeg(Serializer.msgpack)));
