import type { FrameReference, StoredBlock } from "../../repository/blocks/stored-block.ts";

/** Sorts the blocks of any number of backups into what has to be read for them, each frame once. Pure. */

/** A frame that is stored as itself, and all deltas whose dictionary it is. */
export interface FrameGroup {
  frame: FrameReference;
  /** Of its text. */
  sha256: string;
  /** The blocks that it is, as their indexes have them: none where it is only a dictionary. More than one where indexes differ. */
  blocks: StoredBlock[];
  deltas: StoredBlock[];
}

/** The blocks to read. A block that several backups or tables refer to is kept once. */
export class FrameGroups {
  readonly #groups = new Map<string, FrameGroup>();
  readonly #blocks = new Set<string>();

  add(block: StoredBlock): void {
    const key = blockKey(block);
    if (this.#blocks.has(key)) return;
    this.#blocks.add(key);
    const group = this.#group(block.base ?? block);
    (block.base === undefined ? group.blocks : group.deltas).push(block);
  }

  /** All groups, in the order in which their own frames are stored. */
  sorted(): FrameGroup[] {
    return [...this.#groups.values()].sort(
      (one, other) => comparePacks(one.frame.pack, other.frame.pack) || one.frame.offset - other.frame.offset,
    );
  }

  #group({ frame, sha256 }: Pick<FrameGroup, "frame" | "sha256">): FrameGroup {
    const key = groupKey({ frame, sha256 });
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { frame, sha256, blocks: [], deltas: [] };
      this.#groups.set(key, group);
    }
    return group;
  }
}

/** What tells a block, as an index describes it, from every other. */
export function blockKey(block: StoredBlock): string {
  const { rows, size, base } = block;
  return `${groupKey(block)} ${rows} ${size}${base === undefined ? "" : ` ${groupKey(base)}`}`;
}

function groupKey({ frame, sha256 }: Pick<FrameGroup, "frame" | "sha256">): string {
  return `${frame.pack} ${frame.offset} ${frame.length} ${sha256}`;
}

/** The frames of a group, its own first. */
export function framesOf({ frame, deltas }: FrameGroup): FrameReference[] {
  return [frame, ...deltas.map((delta) => delta.frame)];
}

/** What is read and checked at one go. */
export interface Batch {
  groups: readonly FrameGroup[];
  /** Whether it is one group that does not fit into memory at one go. */
  isLarge: boolean;
}

/** Bytes of text that are decompressed in one piece. */
const MAX_WHOLE_TEXT = 8 * 1024 * 1024;

/** Whether a block is small enough to be held whole. */
export function isWholeText({ size, frame }: Pick<StoredBlock, "size" | "frame">): boolean {
  return Math.max(size, frame.length) <= MAX_WHOLE_TEXT;
}

/** Cuts groups into batches whose frames have up to `maxBytes`; what has more, or a block that is too large, is alone. */
export function* inBatches(groups: readonly FrameGroup[], maxBytes: number): Generator<Batch> {
  let batch: FrameGroup[] = [];
  let bytes = 0;
  for (const group of groups) {
    const more = framesOf(group).reduce((sum, { length }) => sum + length, 0);
    const isLarge = more > maxBytes || ![...group.blocks, ...group.deltas].every(isWholeText);
    if (batch.length > 0 && (isLarge || bytes + more > maxBytes)) {
      yield { groups: batch, isLarge: false };
      batch = [];
      bytes = 0;
    }
    if (isLarge) {
      yield { groups: [group], isLarge };
      continue;
    }
    batch.push(group);
    bytes += more;
  }
  if (batch.length > 0) yield { groups: batch, isLarge: false };
}

/** Cuts the deltas of one group into slices whose frames have up to `maxBytes`; one that is too large is alone. */
export function* inSlices(deltas: readonly StoredBlock[], maxBytes: number): Generator<StoredBlock[]> {
  let slice: StoredBlock[] = [];
  let bytes = 0;
  for (const delta of deltas) {
    const isAlone = !isWholeText(delta);
    if (slice.length > 0 && (isAlone || bytes + delta.frame.length > maxBytes)) {
      yield slice;
      slice = [];
      bytes = 0;
    }
    if (isAlone) {
      yield [delta];
      continue;
    }
    slice.push(delta);
    bytes += delta.frame.length;
  }
  if (slice.length > 0) yield slice;
}

function comparePacks(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
