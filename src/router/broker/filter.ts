/**
 * Who may receive an event: the six lists of PUBLISH.Options (Advanced Profile, "Subscriber Black- and Whitelisting").
 * A receiver must be in every eligible list that is present – an empty one admits nobody – and in no exclude list.
 */
import { decodeMessage } from "../../protocol/encoding.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { RouterSession } from "../types.ts";

/** The options in the order in which the visit reports their spans. */
const listOptions = [
  Option.exclude,
  Option.excludeAuthid,
  Option.excludeAuthrole,
  Option.eligible,
  Option.eligibleAuthid,
  Option.eligibleAuthrole,
] as const;

export const anyList: number = listOptions.reduce((all, option) => all | option, 0);

/** Bytes of the lists of the visited PUBLISH together. */
export function listBytes(codec: Codec): number {
  const present = codec.u(Slot.present);
  let bytes = 0;
  for (let i = 0; i < listOptions.length; i++)
    if ((present & listOptions[i]!) !== 0) bytes += codec.u(Slot.lists + 2 * i + 1);
  return bytes;
}

export class ReceiverFilter {
  readonly #lists: readonly (ReadonlySet<unknown> | null)[];

  private constructor(lists: readonly (ReadonlySet<unknown> | null)[]) {
    this.#lists = lists;
  }

  /** Reads the lists of the visited PUBLISH; the visit has checked their types. */
  static read(codec: Codec): ReceiverFilter {
    const present = codec.u(Slot.present);
    const serializer = codec.u(Slot.format) as Serializer;
    const lists = listOptions.map((option, i) => {
      if ((present & option) === 0) return null;
      const raw = codec.span(codec.u(Slot.lists + 2 * i), codec.u(Slot.lists + 2 * i + 1));
      return new Set(decodeMessage(serializer, raw));
    });
    return new ReceiverFilter(lists);
  }

  admits(session: RouterSession): boolean {
    const [exclude, excludeAuthid, excludeAuthrole, eligible, eligibleAuthid, eligibleAuthrole] = this.#lists;
    const authid = session.identity?.authid;
    const authrole = session.identity?.authrole;
    return !(
      exclude?.has(session.id) ||
      excludeAuthid?.has(authid) ||
      excludeAuthrole?.has(authrole) ||
      (eligible && !eligible.has(session.id)) ||
      (eligibleAuthid && !eligibleAuthid.has(authid)) ||
      (eligibleAuthrole && !eligibleAuthrole.has(authrole))
    );
  }
}
