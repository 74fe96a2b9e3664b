/** [S-07] Sessions that come back at another router than the one that has them: several routers in one process that work as one. */
import type { Accept, ConnectionEvents } from "../../src/ports.ts";
import { decodeMessage, isDict } from "../../src/protocol/encoding.ts";
import { MemoryConnection } from "../support/memory-connection.ts";
import type { PeerWorld } from "../support/peer-world.ts";
import { attach, peerLeg } from "../support/router-legs.ts";
import { type Leg, Suite } from "../support/router-suite.ts";
import { resumeSuite } from "../support/router-suite-resume.ts";
import { resumeEndingSuite } from "../support/router-suite-resume-endings.ts";
import { resumeMetaSuite } from "../support/router-suite-resume-meta.ts";
import { resumeRandomSuite } from "../support/router-suite-resume-random.ts";
import { resumeTransportSuite } from "../support/router-suite-resume-transports.ts";

const count = 3;

/** New sessions are at the first router; a client that comes back comes to one of the others. */
const elsewhere = ({ peers }: PeerWorld, back: () => number): Accept => {
  return (connection) => {
    let events: ConnectionEvents | null = null;
    const begin = (bytes: Uint8Array): ConnectionEvents | null => {
      const [, , details] = decodeMessage(connection.serializer, bytes);
      const comesBack = isDict(details) && JSON.stringify(details).includes("token");
      return peers[comesBack ? back() : 0]!.host.accept(connection);
    };
    return {
      onFrame(bytes) {
        events ??= begin(bytes);
        events?.onFrame(bytes);
      },
      onViolation: (problem) => events?.onViolation(problem),
      onDrain: () => events?.onDrain(),
      onClose: () => events?.onClose(),
    };
  };
};

const legTo = (where: string, back: () => number): Leg => ({
  ...peerLeg(count, `at the first, and resumed at ${where}`, () => 0),
  connect: async (router, serializer) => {
    const accept = elsewhere(router as PeerWorld, back);
    return attach({ accept }, new MemoryConnection({ serializer }));
  },
});

let times = 0;
const others = legTo("the others", () => 1 + (times++ % (count - 1)));
for (const suite of [resumeSuite, resumeEndingSuite, resumeMetaSuite, resumeTransportSuite])
  suite(new Suite(others));
// Its client counts on it that of two HELLOs the later one arrives later, which over two routers nobody promises.
resumeRandomSuite(new Suite(legTo("the second", () => 1)));
