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

/** SUBSCRIBE is answered when the other routers know of it, and GOODBYE at once. */
const answersLater =
  "a GOODBYE in the same packet is answered before the SUBSCRIBE before it, or in its place";
const unfit = {
  "[S-07] messages behind HELLO in the same packet are handled and counted, however many came before":
    answersLater,
  "[S-07 B-04] after GOODBYE the transport serves the next session, resumable or not, also in one packet":
    answersLater,
};

const legTo = (where: string, back: () => number): Leg => ({
  ...peerLeg(count, `at the first, and resumed at ${where}`, () => 0),
  unfit,
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
