/** Ends of ring links in one thread, with the message ports and the loop turns of the runtime: a world for the links' suite. */
import { MessageChannel } from "node:worker_threads";
import { hostScheduler } from "../../src/host.ts";
import { newLink } from "../../src/workers/link.ts";
import { RingLinks } from "../../src/workers/ring-links.ts";
import type { LinksWorld } from "./links-suite.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface RingWorldOptions {
  readonly count: number;
  readonly ringBytes: number;
  readonly linkBytes_max: number;
  readonly below: (n: number) => number;
}

export function ringWorld({ count, ringBytes, linkBytes_max, below }: RingWorldOptions): LinksWorld {
  const newEnd = (self: number): RingLinks =>
    new RingLinks({ self, count, linkBytes_max, scheduler: hostScheduler });
  const join = (one: RingLinks, other: RingLinks): void => {
    const [there, back] = newLink(ringBytes, new MessageChannel());
    one.attach(other.self, there);
    other.attach(one.self, back);
  };
  const ends: (RingLinks | null)[] = Array.from({ length: count }, (_, self) => newEnd(self));
  for (let one = 0; one < count; one++)
    for (let other = 0; other < one; other++) join(ends[one]!, ends[other]!);
  const queued = (): boolean =>
    ends.some((end) => ends.some((_, peer) => end !== null && end.queuedBytes(peer) > 0));
  return {
    end: (place) => ends[place]!,
    takeDown(place) {
      ends[place]!.close();
      ends[place] = null;
      for (const other of ends) other?.detach(place);
    },
    bringUp(place) {
      const end = newEnd(place);
      for (const other of ends) if (other !== null) join(end, other);
      ends[place] = end;
      return end;
    },
    async advance() {
      for (let turns = below(4); turns > 0; turns--) await turn();
    },
    async settle() {
      const giveUp_ms = performance.now() + 5_000;
      // What waits although nobody is awake is a lost wake-up: it shows in what the suite looks at then.
      for (let quiet = 0; quiet < 20 && performance.now() < giveUp_ms; quiet++) {
        if (queued()) quiet = 0;
        await turn();
      }
    },
    close() {
      for (const end of ends) end?.close();
    },
  };
}
