import type { PostgresClient } from "../../postgres/client.ts";
import type { BlockRange, StoredBlock } from "../../repository/blocks/stored-block.ts";
import { BlockList } from "../../repository/blocks/block-list.ts";
import { pageOf, type TuplePosition } from "../../repository/blocks/tuple-position.ts";
import type { BaseTable } from "./base.ts";
import { Batch } from "./batch.ts";
import { BlockTexts, type BufferPool } from "./block-text.ts";
import { runCopies } from "../../postgres/copy-out.ts";
import { copyStatement } from "./copy-statement.ts";
import type { BlockTable } from "./eligible.ts";
import {
  chooseRangeLength,
  FIRST_RANGE_PAGES,
  nextRanges,
  rangesOf,
  type Range,
  type RangeLength,
  type SeenText,
  type Segment,
} from "./ranges.ts";
import type { BlockStore } from "./store-blocks.ts";

/** A guess, until rows were seen: that of short rows whose long values are stored out of line. */
const FIRST_ROWS_PER_PAGE = 60;

/** COPYs in one query: their answers follow each other without a round trip. */
const COPIES_PER_QUERY = 16;

export interface ReadDependencies {
  store: BlockStore;
  /** The same table in the base, with the same columns. */
  known: BaseTable | undefined;
  pool: BufferPool;
  /** Bytes of text that a block should have. */
  blockSize: number | undefined;
  /** Told of the bytes that came from the server. */
  onData: (bytes: number) => void;
}

/** Reads one table, segment by segment, by whichever connection is free, and stores what the base does not have. */
export class TableReader {
  readonly table: BlockTable;
  readonly #dependencies: ReadDependencies;
  /** What became of the ranges of each segment, by its start. */
  readonly #segments = new Map<TuplePosition, BlockList>();

  constructor(table: BlockTable, dependencies: ReadDependencies) {
    this.table = table;
    this.#dependencies = dependencies;
  }

  /** All ranges, in their order; once every segment was read. */
  *ranges(): Generator<BlockRange, void, void> {
    const segments = [...this.#segments].sort(([left], [right]) => left - right);
    for (const [, ranges] of segments) yield* ranges;
  }

  /**
   * Reads a segment over a connection that is in the snapshot. Fulfilled when all its blocks are stored.
   *
   * @throws as `runCopies` and `BlockStore.store` do
   */
  async read(client: PostgresClient, segment: Segment, signal: AbortSignal): Promise<void> {
    const read = new BlockList();
    this.#segments.set(segment.from, read);
    if (segment.starts === undefined) {
      await this.#findRanges(client, segment, read, signal);
      return;
    }
    for (let first = 0; first < segment.starts.length; first += COPIES_PER_QUERY) {
      await this.#readRanges(client, rangesOf(segment, first, COPIES_PER_QUERY), read, signal);
    }
  }

  /**
   * Reads a segment that has no ranges yet. They follow from this segment alone, so that they are the same when a run that
   * was killed is made once more.
   */
  async #findRanges(
    client: PostgresClient,
    segment: Segment,
    read: BlockList,
    signal: AbortSignal,
  ): Promise<void> {
    const seen = new TextLength(this.table);
    let length: RangeLength = { pages: FIRST_RANGE_PAGES };
    let from: TuplePosition | undefined = segment.from;
    let count = 1;
    while (from !== undefined) {
      length = chooseRangeLength(seen.text, length, this.#dependencies.blockSize);
      const ranges: Range[] = nextRanges(segment, { from, length, count, pages: this.table.pages });
      const blocks = await this.#readRanges(client, ranges, read, signal);
      for (const [index, range] of ranges.entries()) seen.add(range, blocks[index]);
      const end: TuplePosition | undefined = ranges.at(-1)?.to;
      from = end === segment.to ? undefined : end;
      count = COPIES_PER_QUERY;
    }
  }

  /** Adds the ranges, with what became of them, to those that were read. */
  async #readRanges(
    client: PostgresClient,
    ranges: readonly Range[],
    read: BlockList,
    signal: AbortSignal,
  ): Promise<(StoredBlock | undefined)[]> {
    const { store, known } = this.#dependencies;
    const batch = new Batch(store, ranges, ({ from }) => known?.ranges.blockFrom(from));
    await this.#copy(client, ranges, batch, signal);
    const blocks: (StoredBlock | undefined)[] = [];
    for (const [index, range] of ranges.entries()) {
      let block = await batch.blocks[index];
      if (block === "changed") {
        // Its digest alone was taken, and it is not the base's: once more, to store it.
        const again = new Batch(store, [range], () => undefined);
        await this.#copy(client, [range], again, signal);
        block = await again.blocks[0];
      }
      if (block === "changed") throw new Error("a block was read twice, and not stored");
      read.push({ from: range.from, block });
      blocks.push(block);
    }
    return blocks;
  }

  async #copy(
    client: PostgresClient,
    ranges: readonly Range[],
    batch: Batch,
    signal: AbortSignal,
  ): Promise<void> {
    const { pool, onData } = this.#dependencies;
    const texts = new BlockTexts(batch, pool, onData);
    const statements = ranges.map((range) => copyStatement(this.table, range));
    try {
      await runCopies(client, statements, texts, signal);
      texts.dispose(undefined);
    } catch (error) {
      texts.dispose(error);
      throw error;
    } finally {
      // Nobody is at work any more when a failure is told.
      await Promise.allSettled(batch.blocks);
    }
  }
}

/** How long the text of a page is, as far as one has come. What was seen long ago counts less and less. */
class TextLength {
  text: SeenText = { pages: 0, size: 0, rows: 0, isGuess: true };
  /** Of the page that is not read to its end yet. */
  #begun = { size: 0, rows: 0 };

  constructor({ pages, size }: BlockTable) {
    if (pages === 0) return;
    this.text = {
      pages: FIRST_RANGE_PAGES,
      size: (size / pages) * FIRST_RANGE_PAGES,
      rows: FIRST_ROWS_PER_PAGE * FIRST_RANGE_PAGES,
      isGuess: true,
    };
  }

  add({ from, to }: Range, block: StoredBlock | undefined): void {
    this.#begun.size += block?.size ?? 0;
    this.#begun.rows += block?.rows ?? 0;
    const pages = to === undefined ? 0 : pageOf(to) - pageOf(from);
    if (pages === 0) return;
    // What was read counts, not what was guessed, once it is more than a few rows.
    const weight = this.text.isGuess && this.#begun.rows > 0 ? 0 : 0.9;
    this.text = {
      pages: this.text.pages * weight + pages,
      size: this.text.size * weight + this.#begun.size,
      rows: this.text.rows * weight + this.#begun.rows,
      isGuess: weight === 0.9 && this.text.isGuess,
    };
    this.#begun = { size: 0, rows: 0 };
  }
}
