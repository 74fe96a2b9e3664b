/**
 * One of two threads that talk over a link: random messages in bursts, with pauses long enough for both to fall asleep, and in the end
 * the number and the sum of what was said. Run as a worker's main module it is the second of them.
 */
import { parentPort, workerData } from "node:worker_threads";
import { hostScheduler } from "../../src/host.ts";
import type { LinkEnd } from "../../src/workers/link.ts";
import { RingLinks } from "../../src/workers/ring-links.ts";
import { prng } from "./links-suite.ts";

export interface TalkOptions {
  readonly end: LinkEnd;
  readonly self: 0 | 1;
  readonly seed: number;
  readonly messages: number;
  readonly bytes_max: number;
  /** Each sends one message and waits for one: whoever is not woken waits for ever. */
  readonly alternate?: true;
}

/** What was sent or heard: how many messages, how many bytes, and their sum (FNV-1a, order counts). */
interface Tally {
  messages: number;
  bytes: number;
  sum: number;
}

export interface TalkResult {
  readonly sent: Tally;
  readonly heard: Tally;
}

function add(tally: Tally, message: Uint8Array): void {
  tally.messages++;
  tally.bytes += message.length;
  let sum = tally.sum;
  // Not every byte of long ones: the suite over one thread looks at all of them.
  for (let at = 0; at < message.length; at += 1 + (at >> 6)) sum = Math.imul(sum ^ message[at]!, 0x01000193);
  tally.sum = Math.imul(sum ^ message.length, 0x01000193) >>> 0;
}

const newTally = (): Tally => ({ messages: 0, bytes: 0, sum: 0x811c9dc5 });

/** Resolves when this thread has said and heard everything. */
export function talk({ end, self, seed, messages, bytes_max, alternate }: TalkOptions): Promise<TalkResult> {
  const peer = 1 - self;
  const random = prng(seed + self);
  const links = new RingLinks({ self, count: 2, linkBytes_max: 1 << 20, scheduler: hostScheduler });
  const [sent, heard] = [newTally(), newTally()];
  return new Promise((resolve) => {
    const finish = (): void => {
      if (sent.messages < messages || heard.messages < messages || links.queuedBytes(peer) > 0)
        return void setTimeout(finish, 5);
      clearInterval(alive);
      resolve({ sent, heard });
    };
    const burst = (): void => {
      const count = alternate ? 1 : Math.floor(random() * 60);
      for (let left = count; left > 0 && sent.messages < messages; left--) {
        const large = random() < 0.01;
        const message = new Uint8Array(Math.floor(random() * (large ? bytes_max : 600)));
        for (let at = 0; at < message.length; at++) message[at] = random() * 256;
        const cut = Math.floor(random() * message.length);
        if (!links.send(peer, message.subarray(0, cut), message.subarray(cut), false))
          throw new Error("the peer is down");
        add(sent, message);
      }
      if (sent.messages === messages) return finish();
      if (alternate) return;
      if (random() < 0.05) setTimeout(burst, random() * 4);
      else setImmediate(burst);
    };
    const alive = setInterval(() => {}, 1_000);
    const onMessage = (_: number, message: Uint8Array): void => {
      add(heard, message);
      if (alternate && sent.messages < messages) burst();
    };
    const onUp = (): void => {
      if (!alternate || self === 0) burst();
    };
    links.connect({ onUp, onDown() {}, onMessage });
    links.attach(peer, end);
  });
}

const given = workerData as TalkOptions | null;
if (parentPort !== null && given?.self === 1)
  void talk(given).then((result) => parentPort?.postMessage(result));
