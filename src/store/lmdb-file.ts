/**
 * Reads an LMDB data file without LMDB, and checks it. LMDB maps the file into memory and trusts it: a truncated file ends the process
 * with SIGBUS, a flipped bit in a page number with SIGSEGV, one in the list of free pages lets it overwrite live ones. So the file is
 * walked once with plain reads before LMDB sees it: every page that the two trees reach, every record, every free page.
 *
 * The format is that of lmdb 3 (mdb.c: MDB_meta, MDB_page_header, MDB_node, MDB_ovpage; midl.h for lists of free pages), 64 bits,
 * little endian, one unnamed database. Synchronous: it runs before the router serves anybody.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const headerBytes = 24;
const metaBytes = 24 + 24 + 2 * 48 + 24;
const magic = 0xbeefc0de;
const dataVersion = 2;
const pageFlags = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
/** Those, and two kinds of leaves (P_LEAF2, P_SUBP) that this store never has and LMDB would read in another way. */
const kindMask = 0x6f;
/** Lists of free pages have integers as keys (0x8), and the environment is a file (0x4000). Nothing else is ever switched on. */
const environmentFlags = 0x4008;
const bigData = 1;
const noPage = 0xffff_ffff_ffff_ffffn;
const depth_max = 32;

/** What is wrong with the file, in words. */
export class FileProblem extends Error {}

interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Null: the tree is empty. */
  readonly root: number | null;
}

interface Snapshot {
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
}

/** Where the keys of a page must be: what its parent says. */
interface Range {
  readonly from: Buffer | null;
  readonly below: Buffer | null;
}

/** One walk of one tree. */
interface Walk {
  readonly name: string;
  readonly compare: (a: Buffer, b: Buffer) => number;
  readonly record: (key: Buffer, value: Buffer) => void;
  branchPages: number;
  leafPages: number;
  overflowPages: number;
  entries: number;
  previous: Buffer | null;
}

/** Calls back for each record in the order of their keys, then checks the free pages. Throws FileProblem at the first thing wrong. */
export function readLmdbFile(path: string, record: (key: Buffer, value: Buffer) => void): void {
  const descriptor = openSync(path, "r");
  try {
    new LmdbFile(descriptor).check(record);
  } finally {
    closeSync(descriptor);
  }
}

class LmdbFile {
  readonly #descriptor: number;
  readonly #bytes: number;
  #pageBytes = 0;
  #snapshot!: Snapshot;
  /** Pages in use, then those that are free too. */
  readonly #seen = new Set<number>();

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#bytes = fstatSync(descriptor).size;
  }

  check(record: (key: Buffer, value: Buffer) => void): void {
    this.#snapshot = this.#latestSnapshot();
    const { main, free } = this.#snapshot;
    this.#walk("records", main, (a, b) => Buffer.compare(a, b), record);
    const lists: Buffer[] = [];
    const numberOf = (key: Buffer): bigint => {
      if (key.length !== 8) throw new FileProblem("a list of free pages has a wrong key");
      return integer(key, 0);
    };
    const byNumber = (a: Buffer, b: Buffer): number => Number(numberOf(a) - numberOf(b));
    this.#walk("free pages", free, byNumber, (key, list) => {
      numberOf(key);
      lists.push(list);
    });
    // Last, when all pages in use are known.
    for (const list of lists) this.#freeList(list);
  }

  #latestSnapshot(): Snapshot {
    if (this.#bytes === 0) throw new FileProblem("it is empty");
    const first = this.#read(0, metaBytes, "its first page");
    this.#pageBytes = first.readUInt32LE(48);
    const sound =
      this.#pageBytes >= 512 && this.#pageBytes <= 65_536 && Number.isInteger(Math.log2(this.#pageBytes));
    if (!sound) throw new FileProblem("its first page is not LMDB's");
    const second = this.#read(this.#pageBytes, metaBytes, "its second page");
    const [a, b] = [this.#snapshotOf(first, 0), this.#snapshotOf(second, 1)];
    // Each commit writes the page that the one before did not; a new file has two of transaction 0.
    if (Math.abs(a.transaction - b.transaction) !== 1 && (a.transaction !== 0 || b.transaction !== 0))
      throw new FileProblem("its two first pages do not belong together");
    return a.transaction >= b.transaction ? a : b;
  }

  #snapshotOf(page: Buffer, number: number): Snapshot {
    const name = number === 0 ? "first" : "second";
    const wrong = (): FileProblem => new FileProblem(`its ${name} page is not LMDB's, or is altered`);
    if (page.readUInt16LE(18) !== pageFlags.meta || page.readUInt32LE(24) !== magic) throw wrong();
    if ((page.readUInt32LE(28) & 0xffff) !== dataVersion) throw wrong();
    if (page.readUInt32LE(48) !== this.#pageBytes) throw wrong();
    const mapBytes = safe(integer(page, 40));
    const snapshot = {
      free: treeAt(page, 48),
      main: treeAt(page, 96),
      lastPage: safe(integer(page, 144)),
      transaction: safe(integer(page, 152)),
    };
    const { lastPage, transaction, main } = snapshot;
    if (lastPage < 1 || (lastPage + 1) * this.#pageBytes > mapBytes || mapBytes > 2 ** 46) throw wrong();
    if (transaction !== 0 && transaction % 2 !== number) throw wrong();
    if (main.flags !== 0 || snapshot.free.flags !== environmentFlags) throw wrong();
    return snapshot;
  }

  #walk(
    name: string,
    tree: Tree,
    compare: (a: Buffer, b: Buffer) => number,
    record: (key: Buffer, value: Buffer) => void,
  ): void {
    const walk: Walk = {
      name,
      compare,
      record,
      branchPages: 0,
      leafPages: 0,
      overflowPages: 0,
      entries: 0,
      previous: null,
    };
    if (tree.depth > depth_max || (tree.root === null) !== (tree.depth === 0))
      throw new FileProblem(`the tree of ${name} has an impossible depth`);
    // Every commit writes the store's own record, and with it the root: an older root is one of an earlier commit.
    if (
      name === "records" &&
      tree.root !== null &&
      this.#transactionOf(tree.root) !== this.#snapshot.transaction
    )
      throw new FileProblem("its first pages name an earlier commit than the last");
    if (tree.root !== null) this.#page(walk, tree.root, tree.depth, { from: null, below: null });
    const same =
      walk.branchPages === tree.branchPages &&
      walk.leafPages === tree.leafPages &&
      walk.overflowPages === tree.overflowPages &&
      walk.entries === tree.entries;
    if (!same) throw new FileProblem(`the tree of ${name} has not the pages and entries that it should`);
  }

  #page(walk: Walk, number: number, depth: number, range: Range): void {
    const page = this.#take(number, 1);
    const leaf = depth === 1;
    if ((page.readUInt16LE(18) & kindMask) !== (leaf ? pageFlags.leaf : pageFlags.branch))
      throw new FileProblem(`page ${number} is not of its kind`);
    if (leaf) walk.leafPages++;
    else walk.branchPages++;
    const nodes = nodesOf(page, number);
    if (leaf) {
      for (const node of nodes) this.#record(walk, page, { node, number, range });
      return;
    }
    const keys = nodes.map((node) => keyOf(page, node, number));
    for (const [index, node] of nodes.entries()) {
      const child =
        page.readUInt16LE(node) +
        page.readUInt16LE(node + 2) * 2 ** 16 +
        page.readUInt16LE(node + 4) * 2 ** 32;
      // The first key of a branch is not written: it stands for everything before the second.
      const from = index === 0 ? range.from : keys[index]!;
      this.#page(walk, child, depth - 1, { from, below: keys[index + 1] ?? range.below });
    }
  }

  #record(walk: Walk, page: Buffer, at: { node: number; number: number; range: Range }): void {
    const { node, number, range } = at;
    const flags = page.readUInt16LE(node + 4);
    const valueBytes = page.readUInt32LE(node);
    const key = keyOf(page, node, number);
    const ordered =
      (walk.previous === null || walk.compare(walk.previous, key) < 0) &&
      (range.from === null || walk.compare(range.from, key) <= 0) &&
      (range.below === null || walk.compare(key, range.below) < 0);
    if (!ordered) throw new FileProblem(`page ${number} is out of order`);
    const start = node + 8 + key.length;
    if (flags === 0) {
      if (start + valueBytes > page.length)
        throw new FileProblem(`a record of page ${number} ends behind it`);
      walk.record(key, page.subarray(start, start + valueBytes));
    } else if (flags === bigData && start + 24 <= page.length) {
      const count = Math.ceil((headerBytes + valueBytes) / this.#pageBytes);
      const overflow = safe(integer(page, start));
      if (
        safe(integer(page, start + 8)) > this.#snapshot.transaction ||
        safe(integer(page, start + 16)) !== count
      )
        throw new FileProblem(`a large record of page ${number} is altered`);
      const pages = this.#take(overflow, count);
      if (pages.readUInt16LE(18) !== pageFlags.overflow || pages.readUInt32LE(20) !== count)
        throw new FileProblem(`page ${overflow} is not of its kind`);
      walk.overflowPages += count;
      walk.record(key, pages.subarray(headerBytes, headerBytes + valueBytes));
    } else throw new FileProblem(`a record of page ${number} is of an unknown kind`);
    walk.entries++;
    walk.previous = key;
  }

  /** A count, then page numbers; a negative number says how many pages from the next number on. Zeros are gaps. */
  #freeList(list: Buffer): void {
    const count = list.length < 8 ? -1 : safe(integer(list, 0));
    if (count < 0 || (count + 1) * 8 > list.length) throw new FileProblem("a list of free pages is altered");
    for (let index = 1; index <= count; index++) {
      const entry = Number(list.readBigInt64LE(index * 8));
      if (entry === 0) continue;
      let pages = 1;
      let page = entry;
      if (entry < 0) {
        index++;
        pages = -entry;
        page = index > count ? 0 : Number(list.readBigInt64LE(index * 8));
      }
      if (page < 2 || page + pages - 1 > this.#snapshot.lastPage)
        throw new FileProblem("a list of free pages names pages that there are not");
      this.#claim(page, pages);
    }
  }

  /** Pages from `number` on, which nothing else uses. */
  #take(number: number, count: number): Buffer {
    if (number < 2 || number + count - 1 > this.#snapshot.lastPage)
      throw new FileProblem(`a page number, ${number}, is none`);
    this.#claim(number, count);
    const bytes = this.#read(number * this.#pageBytes, count * this.#pageBytes, `page ${number}`);
    // A page of a later transaction would be taken for one that may be written in place.
    if (safe(integer(bytes, 0)) !== number || safe(integer(bytes, 8)) > this.#snapshot.transaction)
      throw new FileProblem(`page ${number} is altered`);
    return bytes;
  }

  #transactionOf(page: number): number {
    return safe(integer(this.#read(page * this.#pageBytes, headerBytes, `page ${page}`), 8));
  }

  #claim(number: number, count: number): void {
    for (let page = number; page < number + count; page++) {
      if (this.#seen.has(page)) throw new FileProblem(`page ${page} is used twice`);
      this.#seen.add(page);
    }
  }

  #read(offset: number, length: number, name: string): Buffer {
    if (offset + length > this.#bytes)
      throw new FileProblem(`it ends at byte ${this.#bytes}, before the end of ${name}: it is truncated`);
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const got = readSync(this.#descriptor, bytes, done, length - done, offset + done);
      if (got === 0) throw new FileProblem(`${name} cannot be read`);
      done += got;
    }
    return bytes;
  }
}

const integer = (bytes: Buffer, offset: number): bigint => bytes.readBigUInt64LE(offset);
/** What is beyond any page number is beyond all checks too. */
const safe = (value: bigint): number => (value > 2n ** 53n ? Number.POSITIVE_INFINITY : Number(value));

function treeAt(page: Buffer, at: number): Tree {
  const root = integer(page, at + 40);
  return {
    flags: page.readUInt16LE(at + 4),
    depth: page.readUInt16LE(at + 6),
    branchPages: safe(integer(page, at + 8)),
    leafPages: safe(integer(page, at + 16)),
    overflowPages: safe(integer(page, at + 24)),
    entries: safe(integer(page, at + 32)),
    root: root === noPage ? null : safe(root),
  };
}

/** Where the nodes of a page begin. Offsets in a page count from the end of its header. */
function nodesOf(page: Buffer, number: number): number[] {
  const lower = page.readUInt16LE(20);
  const upper = page.readUInt16LE(22);
  if (lower > upper || upper > page.length - headerBytes || lower % 2 !== 0)
    throw new FileProblem(`page ${number} is altered`);
  return Array.from({ length: lower >> 1 }, (_, index) => {
    const offset = page.readUInt16LE(headerBytes + 2 * index);
    if (offset < upper || offset + 8 > page.length - headerBytes)
      throw new FileProblem(`page ${number} is altered`);
    return headerBytes + offset;
  });
}

function keyOf(page: Buffer, node: number, number: number): Buffer {
  const end = node + 8 + page.readUInt16LE(node + 6);
  if (end > page.length) throw new FileProblem(`a key of page ${number} ends behind it`);
  return page.subarray(node + 8, end);
}
