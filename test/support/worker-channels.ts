/** Channels between a first thread and others, in one thread: what crosses is copied, and arrives in a later turn. */
import type { WorkerChannel } from "../../src/main/shared-security.ts";

type Answerer = Parameters<WorkerChannel["answer"]>[1];

export interface TestChannels {
  readonly home: WorkerChannel;
  /** One more worker. */
  join(): WorkerChannel;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function cross(answerers: Map<string, Answerer>, name: string, args: readonly unknown[]) {
  const copy = structuredClone(args);
  await turn();
  return structuredClone(await answerers.get(name)?.(copy));
}

export function testChannels(): TestChannels {
  const homeAnswers = new Map<string, Answerer>();
  const workers: Map<string, Answerer>[] = [];
  return {
    home: {
      isHome: true,
      answer: (name, answerer) => void homeAnswers.set(name, answerer),
      ask: (name, args) => Promise.all(workers.map((answers) => cross(answers, name, args))),
    },
    join() {
      const answers = new Map<string, Answerer>();
      workers.push(answers);
      return {
        isHome: false,
        answer: (name, answerer) => void answers.set(name, answerer),
        ask: (name, args) => cross(homeAnswers, name, args),
      };
    },
  };
}
