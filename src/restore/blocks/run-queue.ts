import type { ManifestBlockTable } from "../../repository/manifest.ts";
import type { BlockTable } from "../../repository/blocks/read-indexes.ts";
import { placedBlocks, type PlacedBlock } from "./plan-reads.ts";

/** Blocks of one table that are loaded by one statement, in their order. */
export interface Run {
  table: ManifestBlockTable;
  blocks: readonly PlacedBlock[];
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
      runs: cutIntoRuns(table, placedBlocks(ranges), maxSize),
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
        if (run !== undefined && current !== undefined) current.left -= sizeOf(run.blocks);
        return run;
      },
    };
  }

  #choose(): Waiting | undefined {
    const open = this.#tables.filter(({ runs }) => runs.length > 0);
    return open.toSorted((one, other) => one.workers - other.workers || other.left - one.left)[0];
  }
}

function cutIntoRuns(table: ManifestBlockTable, blocks: readonly PlacedBlock[], maxSize: number): Run[] {
  const runs: Run[] = [];
  let current: PlacedBlock[] = [];
  let size = 0;
  for (const block of blocks) {
    if (current.length > 0 && size + block.size > maxSize) {
      runs.push({ table, blocks: current });
      current = [];
      size = 0;
    }
    current.push(block);
    size += block.size;
  }
  if (current.length > 0) runs.push({ table, blocks: current });
  return runs;
}

function sizeOf(blocks: readonly PlacedBlock[]): number {
  return blocks.reduce((sum, { size }) => sum + size, 0);
}
