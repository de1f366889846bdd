import { createHash } from "node:crypto";
import type { ConnectionSettings } from "../../config/connection.ts";
import { together } from "../../parallel.ts";
import { collectGarbage } from "../../garbage.ts";
import { connect } from "../../postgres/client.ts";
import { joinSnapshot } from "../../postgres/snapshot.ts";
import { serializeBlockIndex } from "../../repository/blocks/block-index.ts";
import type { BlockRange } from "../../repository/blocks/stored-block.ts";
import type { ManifestBlocks, ManifestBlockTable } from "../../repository/manifest.ts";
import { tableKey, type Base, type BaseTable } from "./base.ts";
import { compress } from "../compress.ts";
import { BufferPool } from "./block-text.ts";
import type { BlockTable } from "./eligible.ts";
import type { PackWriter } from "./pack-writer.ts";
import { planSegments } from "./ranges.ts";
import type { BlockStore } from "./store-blocks.ts";
import { TableReader } from "./table-reader.ts";

/** zstd's, of lists of blocks: they are short. */
const INDEX_LEVEL = 3;
/** Bytes at a time of a compressed list; most have fewer in all. */
const INDEX_CHUNK_SIZE = 16 * 1024;

export interface BlocksRequest {
  connection: ConnectionSettings;
  applicationName: string;
  /** The exported snapshot's id. */
  snapshot: string;
  /** The first ones are begun first. */
  tables: readonly BlockTable[];
  base: Base;
  store: BlockStore;
  packs: PackWriter;
  /** Bytes of text that a block should have. */
  blockSize?: number | undefined;
  /** Connections that read at the same time. */
  jobs: number;
  /** Told of the bytes that came from the server. */
  onData: (bytes: number) => void;
  signal: AbortSignal;
}

/**
 * Reads tables as blocks, and writes those that the base does not have into packs. The packs are complete when it returns.
 *
 * When one connection fails, the others are ended, and waited for.
 *
 * @throws DataopsError as `runCopies` and `PackWriter.append` do; after an abort: the signal's reason
 */
export async function dumpBlocks(request: BlocksRequest): Promise<ManifestBlocks> {
  const { tables, base, store, packs, blockSize } = request;
  const pool = new BufferPool();
  const planned = tables.map((table) => {
    const known = knownTable(table, base);
    const reader = new TableReader(table, { store, known, pool, blockSize, onData: request.onData });
    return { reader, segments: planSegments(table, known?.ranges, blockSize) };
  });
  const readers = planned.map(({ reader }) => reader);
  const work = planned.flatMap(({ reader, segments }) => segments.map((segment) => ({ reader, segment })));

  const remaining = work.values();
  await together(Math.min(request.jobs, work.length), request.signal, async (signal) => {
    const { connection, applicationName, snapshot } = request;
    await using client = await connect(connection, { applicationName, signal });
    await joinSnapshot(client, snapshot);
    for (const { reader, segment } of remaining) await reader.read(client, segment, signal);
  });

  // What reading left behind, before as much is made of the lists.
  collectGarbage();
  const needed = new Set<string>();
  const described = [];
  for (const reader of readers) {
    addPacks(needed, reader.ranges());
    described.push(await describeTable(reader, request));
  }
  for (const { index } of described) needed.add(index.pack);
  const all = [...base.packs, ...(await packs.finish())];
  return {
    packs: all.filter(([name]) => needed.has(name)).map(([name, size]) => ({ name, size })),
    tables: described,
  };
}

/** The table in the base; its boundaries are of no use for another list of columns. */
function knownTable(table: BlockTable, base: Base): BaseTable | undefined {
  const known = base.tables.get(tableKey(table));
  const isSame = JSON.stringify(known?.entry.columns) === JSON.stringify(table.columns);
  return isSame ? known : undefined;
}

/** The manifest's entry. The list of the table's blocks is written only if the base's is another. */
async function describeTable(
  reader: TableReader,
  { base, packs }: Pick<BlocksRequest, "base" | "packs">,
): Promise<ManifestBlockTable> {
  const { schema, name, columns } = reader.table;
  const described = describeIndex(reader.ranges());
  return {
    schema,
    name,
    columns: [...columns],
    ...sumOf(reader.ranges()),
    index: knownIndex(reader.table, base, described.sha256) ?? {
      ...(await packs.append(compress(serializeBlockIndex(reader.ranges()), INDEX_LEVEL, INDEX_CHUNK_SIZE))),
      ...described,
    },
    fingerprints: null,
  };
}

/** The length of a list's text, in bytes, and its SHA-256. */
function describeIndex(ranges: Iterable<BlockRange>): { size: number; sha256: string } {
  const digest = createHash("sha256");
  let size = 0;
  for (const piece of serializeBlockIndex(ranges)) {
    digest.update(piece);
    size += piece.byteLength;
  }
  return { size, sha256: digest.digest("hex") };
}

function knownIndex(table: BlockTable, base: Base, sha256: string): ManifestBlockTable["index"] | undefined {
  const known = base.tables.get(tableKey(table))?.entry.index;
  return known?.sha256 === sha256 ? known : undefined;
}

/** Rows, and bytes of text. */
function sumOf(ranges: Iterable<BlockRange>): { rows: number; size: number } {
  const sum = { rows: 0, size: 0 };
  for (const { block } of ranges) {
    sum.rows += block?.rows ?? 0;
    sum.size += block?.size ?? 0;
  }
  return sum;
}

/** Adds the names of the packs that a restore of the ranges reads from. */
function addPacks(needed: Set<string>, ranges: Iterable<BlockRange>): void {
  for (const { block } of ranges) {
    if (block === undefined) continue;
    needed.add(block.frame.pack);
    if (block.base !== undefined) needed.add(block.base.frame.pack);
  }
}
