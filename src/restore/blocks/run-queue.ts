import type { ManifestBlockTable } from "../../repository/manifest.ts";
import type { BlockRange } from "../../repository/blocks/stored-block.ts";
import type { BlockList } from "../../repository/blocks/block-list.ts";
import type { BlockTable } from "../../repository/blocks/read-indexes.ts";
import type { TuplePosition } from "../../repository/blocks/tuple-position.ts";

/** Ranges of one table that follow each other and are loaded by one statement. At least one has rows. */
export interface Run {
  table: ManifestBlockTable;
  /** In their order; can be gone through once. */
  ranges: Iterable<BlockRange>;
  /** Where the first of them begins that has rows. */
  from: TuplePosition;
  rows: number;
  /** Bytes of text. */
  size: number;
}

/** Bytes of text. A shorter run would cost more in statements than it saves at the end. */
const MIN_RUN_SIZE = 32 * 1024 * 1024;
/** Runs that each worker would get if all were alike: the last one to finish is then not long alone. */
const RUNS_PER_WORKER = 4;

interface Waiting {
  runs: Run[];
  /** Bytes of text that nobody has taken yet. */
  left: number;
  workers: number;
}

/** One worker's place in the queue. */
export interface RunTaker {
  /** The run to load next; undefined when there is none left. */
  next(): Run | undefined;
}

/**
 * Hands out the runs of all tables, largest table first.
 *
 * A worker stays with its table: rows then come to lie in their old order, and no two connections extend the same file.
 * Only where every table has somebody is one shared.
 */
export class RunQueue {
  readonly #tables: Waiting[];

  constructor(tables: readonly BlockTable[], workers: number) {
    const total = tables.reduce((sum, { table }) => sum + table.size, 0);
    const maxSize = Math.max(MIN_RUN_SIZE, total / (workers * RUNS_PER_WORKER));
    this.#tables = tables.map(({ table, ranges }) => ({
      runs: cutIntoRuns(table, ranges, maxSize),
      left: table.size,
      workers: 0,
    }));
  }

  /** How many workers can have something to do. */
  get length(): number {
    return this.#tables.reduce((sum, { runs }) => sum + runs.length, 0);
  }

  join(): RunTaker {
    let current: Waiting | undefined;
    return {
      next: () => {
        if (current !== undefined && current.runs.length === 0) {
          current.workers -= 1;
          current = undefined;
        }
        if (current === undefined) {
          current = this.#choose();
          if (current !== undefined) current.workers += 1;
        }
        const run = current?.runs.shift();
        if (run !== undefined && current !== undefined) current.left -= run.size;
        return run;
      },
    };
  }

  #choose(): Waiting | undefined {
    const open = this.#tables.filter(({ runs }) => runs.length > 0);
    return open.toSorted((one, other) => one.workers - other.workers || other.left - one.left)[0];
  }
}

function cutIntoRuns(table: ManifestBlockTable, list: BlockList, maxSize: number): Run[] {
  const runs: Run[] = [];
  let first = 0;
  let from: TuplePosition = 0;
  let rows = 0;
  let size = 0;
  const close = (end: number): void => {
    if (rows > 0) runs.push({ table, ranges: list.between(first, end), from, rows, size });
    [first, rows, size] = [end, 0, 0];
  };
  for (let index = 0; index < list.length; index += 1) {
    const { from: start, block } = list.at(index);
    if (size + (block?.size ?? 0) > maxSize) close(index);
    if (rows === 0) from = start;
    rows += block?.rows ?? 0;
    size += block?.size ?? 0;
  }
  close(list.length);
  return runs;
}
