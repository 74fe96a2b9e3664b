/**
 * The load of one router thread: samples it, takes the steps of overload.ts, and answers what they mean for connections and
 * publications. While it is normal it costs a timer, and one compare for each PUBLISH.
 */
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Scheduler, TransportInfo } from "../ports.ts";
import { LoadLevel, type LoadState, step, unloaded } from "./overload.ts";

export interface LoadParts {
  readonly limits: Limits;
  readonly scheduler: Scheduler;
  /** Milliseconds for which this thread has computed. */
  readonly cpu_ms: () => number;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Whose `bytes` wait in inboxes. */
  readonly intake: { readonly bytes: number };
}

/** What a router says of its load. */
export interface LoadReport {
  /** `refusing`: it takes no new connections; `shedding`: nor unacknowledged publications beyond each session's share. */
  readonly level: keyof typeof LoadLevel;
  /** How long what is ready waited for its turn, in the samples of the last half minute. */
  readonly loopDelay_ms: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Bytes of messages that have arrived and wait. */
  readonly backlogBytes: number;
  /** Since the start. */
  readonly shed: { readonly connections: number; readonly publications: number };
}

/** Of one session since the last sample. */
interface Sent {
  routed: number;
  shed: number;
  /** What the routed ones cost: one for each message in and out. */
  cost: number;
}

const samples_max = 300;
const { loadSample_ms } = fixedLimits;
/** Between two lines in the log while it lasts. */
const report_ms = 10_000;

export class Load {
  readonly #parts: LoadParts;
  readonly #delays_ms = new Float64Array(samples_max);
  #samples = 0;
  #state: LoadState = unloaded;
  #last_ms = 0;
  #lastCpu_ms = 0;
  #reported_ms = 0;
  /** What had been shed when that was. */
  #reported = { connections: 0, publications: 0 };
  /** By session, as a target; only while it is overloaded. */
  readonly #sent = new Map<number, Sent>();
  #stop: (() => void) | null = null;

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  /** Hot: `normal` is all that most ever ask. */
  level: LoadLevel = LoadLevel.normal;

  start(): void {
    const { scheduler, cpu_ms } = this.#parts;
    this.#last_ms = scheduler.now_ms();
    this.#lastCpu_ms = cpu_ms();
    this.#stop ??= scheduler.every(loadSample_ms, () => this.#sample());
  }

  stop(): void {
    this.#stop?.();
    this.#stop = null;
  }

  /** Whether a new connection is refused now. In-process sessions and Unix sockets are not: they are how somebody looks after it. */
  refuses({ kind, peer }: TransportInfo): boolean {
    if (this.level === LoadLevel.normal || kind === "local" || peer.startsWith("/")) return false;
    this.#parts.metrics.connectionsShed++;
    return true;
  }

  /** Whether an unacknowledged publication is routed; to be asked when the level is not normal. Then `routed` is to follow. */
  admits(target: number): boolean {
    const sent = this.#sent.get(target) ?? { routed: 0, shed: 0, cost: 0 };
    if (sent.routed + sent.shed === 0) this.#sent.set(target, sent);
    if (sent.cost < this.#state.share) {
      sent.routed++;
      return true;
    }
    sent.shed++;
    this.#parts.metrics.publicationsShed++;
    return false;
  }

  /** One that was admitted made so many EVENTs. */
  routed(target: number, events: number): void {
    const sent = this.#sent.get(target);
    if (sent !== undefined) sent.cost += 1 + events;
  }

  report(): LoadReport {
    const { metrics, intake } = this.#parts;
    const delays = this.#delays_ms.slice(0, Math.min(this.#samples, samples_max)).sort();
    const at = (part: number): number => delays[Math.ceil(delays.length * part) - 1] ?? 0;
    return {
      level: this.#levelName,
      loopDelay_ms: { p50: at(0.5), p99: at(0.99), max: at(1) },
      backlogBytes: intake.bytes,
      shed: { connections: metrics.connectionsShed, publications: metrics.publicationsShed },
    };
  }

  get #levelName(): LoadReport["level"] {
    if (this.level === LoadLevel.normal) return "normal";
    return this.level === LoadLevel.refusing ? "refusing" : "shedding";
  }

  #sample(): void {
    const { scheduler, limits, intake, cpu_ms } = this.#parts;
    const now_ms = scheduler.now_ms();
    const computed_ms = cpu_ms() - this.#lastCpu_ms;
    this.#lastCpu_ms += computed_ms;
    const delay_ms = Math.max(0, now_ms - this.#last_ms - loadSample_ms);
    this.#last_ms = now_ms;
    this.#delays_ms[this.#samples++ % samples_max] = delay_ms;
    const asked: number[] = [];
    let spent = 0;
    for (const { routed, shed, cost } of this.#sent.values()) {
      spent += cost;
      // What was shed is taken for as costly as what was not.
      asked.push(routed === 0 ? shed : (cost * (routed + shed)) / routed);
    }
    this.#sent.clear();
    const before = this.#state;
    // While the machine does something else, or nothing, it is late too; but there is nothing that shedding would help.
    const own_ms = Math.min(delay_ms, computed_ms);
    this.#state = step(before, { delay_ms: own_ms, backlogBytes: intake.bytes, asked, spent }, limits);
    this.level = this.#state.level;
    if (this.level !== before.level) this.#tell(now_ms, delay_ms);
    else if (this.level !== LoadLevel.normal && now_ms - this.#reported_ms >= report_ms)
      this.#tell(now_ms, delay_ms);
  }

  #tell(now_ms: number, delay_ms: number): void {
    const { log, metrics, intake } = this.#parts;
    const { connectionsShed: connections, publicationsShed: publications } = metrics;
    const shed = {
      connections: connections - this.#reported.connections,
      publications: publications - this.#reported.publications,
    };
    this.#reported = { connections, publications };
    this.#reported_ms = now_ms;
    const fields = {
      level: this.#levelName,
      delay_ms: Math.round(delay_ms),
      backlogBytes: intake.bytes,
      shed,
    };
    if (this.level === LoadLevel.normal) log.info("load", "not overloaded any more", fields);
    else if (this.level === LoadLevel.refusing) log.warn("load", "overloaded: no new connections", fields);
    else log.warn("load", "overloaded: the heaviest publishers lose unacknowledged publications", fields);
  }
}
