/**
 * Who belongs to a pattern, as one word of its row: 0 for nobody, the row of the one member, as most patterns have, or a mark and the
 * number of a group: how many members there are, the first, the last, and whose turn it is. Hot: a fan-out begins here.
 */
import { Rows, U32Records } from "../base/column.ts";

const groupBit = 2 ** 31;
const Group = { count: 0, first: 1, last: 2, cursor: 3 } as const;

export class MemberGroups {
  readonly #groups = new U32Records(4);
  readonly #rows = new Rows();

  count(word: number): number {
    if (word >= groupBit) return this.#groups.get(word - groupBit, Group.count);
    return word === 0 ? 0 : 1;
  }
  first(word: number): number {
    return word >= groupBit ? this.#groups.get(word - groupBit, Group.first) : word;
  }
  last(word: number): number {
    return word >= groupBit ? this.#groups.get(word - groupBit, Group.last) : word;
  }
  /** The member whose turn is next; 0: the first. */
  cursor(word: number): number {
    return word >= groupBit ? this.#groups.get(word - groupBit, Group.cursor) : 0;
  }
  setCursor(word: number, row: number): void {
    // Of one member there is no next.
    if (word >= groupBit) this.#groups.set(word - groupBit, Group.cursor, row);
  }

  /** The word after a member has joined between two others (0: none). */
  join(word: number, row: number, previous: number, next: number): number {
    if (word === 0) return row;
    const group = word >= groupBit ? word - groupBit : this.#make(word);
    if (previous === 0) this.#groups.set(group, Group.first, row);
    if (next === 0) this.#groups.set(group, Group.last, row);
    this.#groups.set(group, Group.count, this.#groups.get(group, Group.count) + 1);
    return groupBit + group;
  }

  #make(member: number): number {
    const group = this.#rows.take();
    this.#groups.ensure(group);
    this.#groups.set(group, Group.count, 1);
    this.#groups.set(group, Group.first, member);
    this.#groups.set(group, Group.last, member);
    this.#groups.set(group, Group.cursor, 0);
    return group;
  }

  /** The word after a member has left that stood between two others (0: none). The turn passes on if it was its. */
  leave(word: number, row: number, previous: number, next: number): number {
    if (word < groupBit) return 0;
    const group = word - groupBit;
    if (previous === 0) this.#groups.set(group, Group.first, next);
    if (next === 0) this.#groups.set(group, Group.last, previous);
    if (this.#groups.get(group, Group.cursor) === row) this.#groups.set(group, Group.cursor, next);
    const count = this.#groups.get(group, Group.count) - 1;
    this.#groups.set(group, Group.count, count);
    if (count > 1) return word;
    this.#rows.free(group);
    return this.#groups.get(group, Group.first);
  }

  get bytes(): number {
    return this.#groups.bytes + this.#rows.bytes;
  }
}
