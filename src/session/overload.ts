/**
 * What a router that gets more than it can do gives up, and in which order: first new connections, then unacknowledged publications of
 * those who send most of them. Never what was acknowledged, a call, or a reply. A state machine without clock and sessions: one step
 * for each sample of the load.
 */

/** How far it has come. Each level does what those below it do. */
export const LoadLevel = { normal: 0, refusing: 1, shedding: 2 } as const;
export type LoadLevel = (typeof LoadLevel)[keyof typeof LoadLevel];

/** From where on the router is overloaded. At half of both it is calm. */
export interface LoadLimits {
  readonly overloadDelay_ms: number;
  readonly overloadBacklogBytes: number;
}

/** What was seen since the last sample. */
export interface LoadSample {
  /** How much later than it should the sample was taken, because of the router's own work: whatever else waits for its turn is as late. */
  readonly delay_ms: number;
  /** Bytes that wait in inboxes, over all sessions. */
  readonly backlogBytes: number;
  /** What the unacknowledged publications of each session that sent any would have cost, and what those routed did cost, all together. */
  readonly asked: readonly number[];
  readonly spent: number;
}

export interface LoadState {
  readonly level: LoadLevel;
  /** Samples in a row that were overloaded, and that were calm. */
  readonly hot: number;
  readonly calm: number;
  /** What all unacknowledged publications may cost until the next sample. */
  readonly budget: number;
  /** What those of one session may. Sessions that want less leave the rest to the others. */
  readonly share: number;
}

export const unloaded: LoadState = Object.freeze({
  level: LoadLevel.normal,
  hot: 0,
  calm: 0,
  budget: Number.POSITIVE_INFINITY,
  share: Number.POSITIVE_INFINITY,
});

/** Samples in a row that it takes to go up and down: one long pause is no overload, and one short one no recovery. */
export const hotSamples = 3;
export const calmSamples = 10;

const less = 0.7;
const more = 1.25;

export function step(state: LoadState, sample: LoadSample, limits: LoadLimits): LoadState {
  const isOver = (part: number): boolean =>
    sample.delay_ms >= limits.overloadDelay_ms * part ||
    sample.backlogBytes >= limits.overloadBacklogBytes * part;
  const isHot = isOver(1);
  const isCalm = !isOver(0.5);
  const hot = isHot ? state.hot + 1 : 0;
  const calm = isCalm ? state.calm + 1 : 0;
  if (state.level < LoadLevel.shedding && hot >= hotSamples) {
    if (state.level === LoadLevel.normal) return { ...unloaded, level: LoadLevel.refusing };
    return shedding({ hot: 0, calm: 0 }, sample.asked, sample.spent * less);
  }
  if (state.level !== LoadLevel.shedding) {
    const isOver = state.level === LoadLevel.refusing && calm >= calmSamples;
    return isOver ? unloaded : { ...state, hot, calm };
  }
  // Where nobody publishes it is not the publications.
  const budget =
    isHot && sample.asked.length > 0
      ? Math.min(state.budget, sample.spent) * less
      : isCalm
        ? state.budget * more
        : state.budget;
  const next = shedding({ hot, calm }, sample.asked, budget);
  const isEnough = next.share === Number.POSITIVE_INFINITY && calm >= calmSamples;
  return isEnough ? { ...unloaded, level: LoadLevel.refusing } : next;
}

function shedding(
  counts: { hot: number; calm: number },
  asked: readonly number[],
  budget: number,
): LoadState {
  const atLeast = Math.max(1, budget);
  return { level: LoadLevel.shedding, ...counts, budget: atLeast, share: fairShare(asked, atLeast) };
}

/**
 * The share of each of those who ask, so that all together get `budget`: max-min fair, which is the largest share that holds when who
 * asks for less than it gets just that. At least 1; Infinity where there is enough for all.
 */
export function fairShare(asked: readonly number[], budget: number): number {
  const rising = [...asked].sort((a, b) => a - b);
  let left = budget;
  for (const [i, wanted] of rising.entries()) {
    const share = left / (rising.length - i);
    if (wanted > share) return Math.max(1, share);
    left -= wanted;
  }
  return Number.POSITIVE_INFINITY;
}
