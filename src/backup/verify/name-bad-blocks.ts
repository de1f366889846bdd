import type { Findings } from "../../repository/findings.ts";
import type { StoredBlock } from "../../repository/blocks/stored-block.ts";
import type { BlockList } from "../../repository/blocks/block-list.ts";
import { formatPosition } from "../../repository/blocks/tuple-position.ts";
import { packKey } from "../../repository/keys.ts";
import type { Manifest, ManifestBlockTable } from "../../repository/manifest.ts";
import { blockKey } from "./frame-groups.ts";
import type { BadBlock } from "./read-frames.ts";
import type { StoredPacks } from "./stored-packs.ts";
import type { IndexReader } from "./verify-indexes.ts";

export interface BadBlocks {
  /** By the blocks' keys. */
  bad: ReadonlyMap<string, BadBlock>;
  /** The database's name in the configuration. */
  database: string;
  stored: StoredPacks;
  indexes: IndexReader;
}

interface Check {
  manifest: Manifest;
  findings: Findings;
  badIndexes: ReadonlySet<ManifestBlockTable>;
}

/**
 * Says of each backup which of its tables' ranges the bad blocks are. The lists of blocks are read once more for it: to keep
 * who refers to what would take memory in the many cases where nothing is wrong.
 */
export async function nameBadBlocks(checks: readonly Check[], blocks: BadBlocks): Promise<void> {
  for (const { manifest, findings, badIndexes } of checks) {
    for (const table of manifest.blocks?.tables ?? []) {
      if (badIndexes.has(table)) continue;
      const ranges = await blocks.indexes.read(table, manifest, findings);
      if (ranges !== undefined) nameRanges(table, ranges, findings, blocks);
    }
  }
}

/** A range each; but what is in one missing pack, all together. */
function nameRanges(
  table: ManifestBlockTable,
  ranges: BlockList,
  findings: Findings,
  { bad, database, stored }: BadBlocks,
): void {
  const name = `${table.schema}.${table.name}`;
  const lost = new Map<string, number>();
  for (let index = 0; index < ranges.length; index += 1) {
    const { from, block } = ranges.at(index);
    const why = block === undefined ? undefined : bad.get(blockKey(block));
    if (block === undefined || why === undefined) continue;
    const { pack, offset, length } = why.frame;
    if (!stored.has(pack)) {
      lost.set(pack, (lost.get(pack) ?? 0) + block.rows);
      continue;
    }
    const next = index + 1 < ranges.length ? ranges.at(index + 1).from : undefined;
    findings.add({
      object: packKey(database, pack),
      offset,
      length,
      table: name,
      range: { from: formatPosition(from), to: next === undefined ? null : formatPosition(next) },
      what: describe(block, why),
    });
  }
  for (const [pack, rows] of lost) {
    const what = `${rows} of its ${table.rows} rows need the missing pack`;
    findings.add({ object: packKey(database, pack), table: name, what });
  }
}

function describe({ rows }: StoredBlock, { what }: BadBlock): string {
  return `${rows} ${rows === 1 ? "row" : "rows"} cannot be restored: ${what}`;
}
