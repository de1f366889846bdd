import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import type { PostgresClient } from "../../postgres/client.ts";
import type { BlockRange, FrameReference, StoredBlock } from "../../repository/block-index.ts";
import { compress } from "../compress.ts";
import type { Base, BaseTable } from "./base.ts";
import { BlockTexts, type BufferPool, type HeldText, type PassedText, type TextSink } from "./block-text.ts";
import { ByteQueue } from "./byte-queue.ts";
import { copyStatement, runCopies } from "./copy-reader.ts";
import type { BlockTable } from "./eligible.ts";
import type { PackWriter } from "./pack-writer.ts";
import {
  chooseRangePages,
  FIRST_RANGE_PAGES,
  nextRanges,
  type PageRange,
  type SeenText,
  type Segment,
} from "./ranges.ts";

const compressWhole = promisify(zstdCompress);

/** zstd's level for blocks: what they are later compressed against finds little at lower ones. */
export const BLOCK_COMPRESSION_LEVEL = 3;

/** COPYs in one query: their answers follow each other without a round trip. */
const COPIES_PER_QUERY = 16;

/** Blocks of one connection that may wait for compression or upload; then the server waits. */
const MOST_UNSTORED = 4;

/** Bytes of a long text that may wait. */
const MOST_PASSING = 1024 * 1024;

export interface ReadDependencies {
  packs: PackWriter;
  base: Base | undefined;
  /** The same table in the base, with the same columns. */
  known: BaseTable | undefined;
  pool: BufferPool;
  /** Bytes of text that a block should have; undefined for the format's own. */
  blockSize?: number | undefined;
  /** Told of the bytes that came from the server. */
  onData: (bytes: number) => void;
  signal: AbortSignal;
}

/** Reads one table, segment by segment, by whichever connection is free, and stores what the base does not have. */
export class TableReader {
  readonly table: BlockTable;
  readonly #dependencies: ReadDependencies;
  /** What became of each range, by its first page. */
  readonly #blocks = new Map<number, StoredBlock | undefined>();
  /** The base's blocks by their first page: a long text is passed through only once, if it is not this one. */
  readonly #earlier: ReadonlyMap<number, StoredBlock | undefined>;
  #seen: SeenText = { pages: 0, size: 0 };

  constructor(table: BlockTable, dependencies: ReadDependencies) {
    this.table = table;
    this.#dependencies = dependencies;
    const ranges = dependencies.known?.ranges ?? [];
    this.#earlier = new Map(ranges.map(({ fromPage, block }) => [fromPage, block]));
    if (table.pages > 0) this.#saw(FIRST_RANGE_PAGES, (table.size / table.pages) * FIRST_RANGE_PAGES);
  }

  /** All ranges, in their order; once every segment was read. */
  ranges(): BlockRange[] {
    const sorted = [...this.#blocks].sort(([left], [right]) => left - right);
    return sorted.map(([fromPage, block]) => ({ fromPage, block }));
  }

  /**
   * Reads a segment over a connection that is in the snapshot. Fulfilled when all its blocks are stored.
   *
   * @throws as `runCopies` and `PackWriter.append` do
   */
  async read(client: PostgresClient, segment: Segment): Promise<void> {
    if (segment.ranges !== undefined) {
      for (let first = 0; first < segment.ranges.length; first += COPIES_PER_QUERY) {
        await this.#readRanges(client, segment.ranges.slice(first, first + COPIES_PER_QUERY));
      }
      return;
    }
    let from: number | undefined = segment.from;
    let length = FIRST_RANGE_PAGES;
    let count = 1;
    while (from !== undefined) {
      length = chooseRangePages(this.#seen, length, this.#dependencies.blockSize);
      const ranges: PageRange[] = nextRanges(segment, { from, length, count, end: this.table.pages });
      await this.#readRanges(client, ranges);
      const end: number | undefined = ranges.at(-1)?.to;
      from = end === segment.to ? undefined : end;
      count = COPIES_PER_QUERY;
    }
  }

  async #readRanges(client: PostgresClient, ranges: readonly PageRange[]): Promise<void> {
    const batch = new Batch(this.#dependencies, ranges, (range) => this.#earlier.get(range.from));
    await this.#copy(client, ranges, batch);
    for (const [index, range] of ranges.entries()) {
      let block = await batch.blocks[index];
      if (block === "changed") {
        // Its digest alone was taken, and it is not the base's: once more, to store it.
        const again = new Batch(this.#dependencies, [range], () => undefined);
        await this.#copy(client, [range], again);
        block = await again.blocks[0];
      }
      if (block === "changed") throw new Error("a block was read twice, and not stored");
      this.#blocks.set(range.from, block);
      if (range.to !== undefined) this.#saw(range.to - range.from, block?.size ?? 0);
    }
  }

  async #copy(client: PostgresClient, ranges: readonly PageRange[], batch: Batch): Promise<void> {
    const { pool, signal, onData } = this.#dependencies;
    const texts = new BlockTexts(batch, pool, onData);
    const statements = ranges.map((range) => copyStatement(this.table, range));
    try {
      await runCopies(client, statements, texts, signal);
    } catch (error) {
      texts.dispose(error);
      await Promise.allSettled(batch.blocks);
      throw error;
    }
    texts.dispose(undefined);
  }

  /** What was seen long ago counts less and less. */
  #saw(pages: number, size: number): void {
    this.#seen = { pages: this.#seen.pages * 0.9 + pages, size: this.#seen.size * 0.9 + size };
  }
}

/** Stores the texts of some ranges, or finds them stored. */
class Batch implements TextSink {
  /** In the ranges' order; `changed` where only a digest was taken, and it is not the earlier block's. */
  readonly blocks: Promise<StoredBlock | "changed" | undefined>[] = [];
  readonly #dependencies: ReadDependencies;
  readonly #ranges: readonly PageRange[];
  readonly #earlier: (range: PageRange) => StoredBlock | undefined;
  readonly #storing = new Set<Promise<unknown>>();
  #frame: Promise<FrameReference> | undefined;

  constructor(
    dependencies: ReadDependencies,
    ranges: readonly PageRange[],
    earlier: (range: PageRange) => StoredBlock | undefined,
  ) {
    this.#dependencies = dependencies;
    this.#ranges = ranges;
    this.#earlier = earlier;
  }

  empty(index: number): void {
    this.blocks[index] = Promise.resolve(undefined);
  }

  held(index: number, { text, sha256, release }: HeldText, rows: number): Promise<void> | undefined {
    const stored = this.#dependencies.base?.blocks.get(sha256);
    if (stored?.rows === rows && stored.size === text.byteLength) {
      release();
      this.blocks[index] = Promise.resolve(stored);
      return undefined;
    }
    const { byteLength: size } = text;
    const storing = this.#store(text)
      .finally(release)
      .then((frame): StoredBlock => ({ rows, size, sha256, frame, base: undefined }));
    this.#keep(index, storing);
    return this.#storing.size < MOST_UNSTORED ? undefined : Promise.race(this.#storing).then(() => undefined);
  }

  begin(index: number): ByteQueue | undefined {
    const range = this.#ranges[index];
    if (range !== undefined && this.#earlier(range) !== undefined) return undefined;
    const queue = new ByteQueue(MOST_PASSING);
    const { packs } = this.#dependencies;
    this.#frame = packs.append(compress(queue, BLOCK_COMPRESSION_LEVEL));
    // A failure of the pack must reach the one that waits to push.
    this.#frame.catch((error: unknown) => queue.fail(error));
    return queue;
  }

  passed(index: number, { size, sha256 }: PassedText, rows: number): void {
    const frame = this.#frame;
    this.#frame = undefined;
    if (frame !== undefined) {
      this.#keep(
        index,
        frame.then((reference) => ({ rows, size, sha256, frame: reference, base: undefined })),
      );
      return;
    }
    const stored = this.#dependencies.base?.blocks.get(sha256);
    const isStored = stored?.rows === rows && stored.size === size;
    this.blocks[index] = Promise.resolve(isStored ? stored : "changed");
  }

  async #store(text: Buffer): Promise<FrameReference> {
    const frame = await compressWhole(text, {
      params: {
        [constants.ZSTD_c_compressionLevel]: BLOCK_COMPRESSION_LEVEL,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
    });
    return this.#dependencies.packs.append(frame);
  }

  #keep(index: number, storing: Promise<StoredBlock>): void {
    this.blocks[index] = storing;
    this.#storing.add(storing);
    // A failure is told to whoever waits for the block.
    storing.catch(() => undefined).finally(() => this.#storing.delete(storing));
  }
}
