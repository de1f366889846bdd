import { BytesInFlight } from "../../bytes-in-flight.ts";
import type { Progress } from "../../observe/reporter.ts";
import { together } from "../../parallel.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { runCopies } from "../../postgres/copy-out.ts";
import { quoteIdentifier, quoteLiteral, quoteQualified } from "../../postgres/quote.ts";
import { applyReadingSettings } from "../../postgres/snapshot.ts";
import type { PackReader } from "../../repository/blocks/pack-reader.ts";
import type { BlockTable } from "../../repository/blocks/read-indexes.ts";
import type { Findings } from "../../repository/findings.ts";
import type { Manifest, ManifestTable } from "../../repository/manifest.ts";
import { BatchReader, KEPT_DICTIONARIES } from "../blocks/batch-reader.ts";
import { placedBlocks, planReads } from "../blocks/plan-reads.ts";
import { readAhead } from "../blocks/read-ahead.ts";
import { RecentTexts } from "../blocks/recent-texts.ts";
import { liftForcedPolicies, readTables, tableKey, type TableFacts } from "../load/row-check.ts";
import type { Scratch } from "../../replace/scratch/scratch.ts";
import type { ArchivedRows } from "./archive-rows.ts";
import { RowDigest } from "./row-digest.ts";

/** Bytes that all workers together hold of what came from the storage, or is on its way. */
const MAX_IN_FLIGHT = 16 * 1024 * 1024;

export interface CompareRowsRequest {
  manifest: Pick<Manifest, "source" | "tables">;
  /** The tables that are stored as blocks, and what reads them. */
  blocks: readonly BlockTable[];
  packs: PackReader;
  /** The tables whose rows are in the archive. */
  archived: readonly ArchivedRows[];
  /** Extensions that were not created: the rows of their tables are left out. */
  missingExtensions: ReadonlySet<string>;
  scratch: Pick<Scratch, "connectAsLoader">;
  /** Connections. */
  jobs: number;
  findings: Findings;
  /** Told the bytes of the restored text. */
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Compares the rows of every restored table with those of the backup: each table's COPY text, in the same columns and with the same
 * settings, as a digest in which the order of the rows does not count.
 *
 * As who loaded, never as a superuser: a type's output functions may have come with the backup.
 *
 * @throws DataopsError as the connection and the storage do; after an abort: the signal's reason
 */
export async function compareRows(request: CompareRowsRequest): Promise<void> {
  const { scratch, jobs, signal } = request;
  const tables = plan(request).values();
  const dictionaries = new RecentTexts(KEPT_DICTIONARIES);
  const inFlight = new BytesInFlight(MAX_IN_FLIGHT);
  await together(jobs, signal, async (either) => {
    await using client = await scratch.connectAsLoader();
    const facts = await readTables(client);
    for (const table of tables) {
      either.throwIfAborted();
      const expected =
        table.archived?.digest ??
        (await digestOfBlocks(table, { ...request, dictionaries, inFlight }, either));
      await compare(client, { table, expected, facts: facts.get(tableKey(table)) }, request, either);
    }
  });
}

/** A table, and where its rows are in the backup. */
interface PlannedTable extends ManifestTable {
  blocks: BlockTable | undefined;
  archived: ArchivedRows | undefined;
  columns: readonly string[];
}

/** The largest first, so that no worker is left with it at the end. */
function plan({
  manifest,
  blocks,
  archived,
  missingExtensions,
  findings,
}: CompareRowsRequest): PlannedTable[] {
  const blocksOf = new Map(blocks.map((each) => [tableKey(each.table), each]));
  const archivedOf = new Map(archived.map((each) => [tableKey(each), each]));
  const planned: PlannedTable[] = [];
  for (const table of manifest.tables) {
    if (table.extension !== undefined && missingExtensions.has(table.extension)) continue;
    const inBlocks = blocksOf.get(tableKey(table));
    const inArchive = archivedOf.get(tableKey(table));
    const columns = inBlocks?.table.columns ?? inArchive?.columns;
    if (columns === undefined) {
      findings.add({
        table: nameOf(table),
        what: "the backup holds no rows of it, neither as blocks nor in the archive",
      });
      continue;
    }
    planned.push({
      ...table,
      blocks: inBlocks,
      archived: inBlocks === undefined ? inArchive : undefined,
      columns,
    });
  }
  return planned.sort((one, other) => other.rows - one.rows);
}

interface BlockSource extends Pick<CompareRowsRequest, "packs"> {
  dictionaries: RecentTexts;
  inFlight: BytesInFlight;
}

async function digestOfBlocks(
  table: PlannedTable,
  { packs, dictionaries, inFlight }: BlockSource,
  signal: AbortSignal,
): Promise<RowDigest> {
  const digest = new RowDigest();
  const reader = new BatchReader(packs, dictionaries, nameOf(table));
  const batches = planReads(placedBlocks(table.blocks?.ranges ?? []));
  for await (const { bytes, release } of readAhead(reader, batches, { inFlight, signal })) {
    digest.add(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    release();
  }
  return digest;
}

interface Comparison {
  table: PlannedTable;
  expected: RowDigest;
  /** Undefined where the restored database has no such table. */
  facts: TableFacts | undefined;
}

async function compare(
  client: PostgresClient,
  { table, expected, facts }: Comparison,
  { manifest, findings, progress }: CompareRowsRequest,
  signal: AbortSignal,
): Promise<void> {
  if (facts === undefined) {
    findings.add({ table: nameOf(table), what: "it is not in the restored database" });
    return;
  }
  const restored = new RowDigest();
  await client.query("BEGIN");
  await applyReadingSettings(client);
  await liftForcedPolicies(client, [facts]);
  const statement = copyStatement(table, facts, manifest.source.encoding);
  const take = (chunk: Buffer, start: number, end: number): undefined => {
    restored.add(chunk, start, end);
    progress.add(end - start);
  };
  await runCopies(client, [statement], { data: take, end: () => undefined }, signal);
  await client.query("ROLLBACK");
  if (restored.equals(expected)) return;
  const what =
    restored.rows === expected.rows
      ? `restored, it has as many rows as in the backup (${expected.rows}), but not the same ones`
      : `restored, its number of rows is ${restored.rows} (backup: ${expected.rows})`;
  findings.add({ table: nameOf(table), what });
}

/** Of an extension's table, only the rows that are in a dump. */
function copyStatement(
  { schema, name, extension, columns }: PlannedTable,
  { condition }: TableFacts,
  encoding: string,
): string {
  const list = columns.map(quoteIdentifier).join(", ");
  const which = extension === undefined ? "" : ` ${condition}`;
  return `COPY (SELECT ${list} FROM ONLY ${quoteQualified(schema, name)}${which}) TO STDOUT WITH (ENCODING ${quoteLiteral(encoding)})`;
}

function nameOf({ schema, name }: Pick<ManifestTable, "schema" | "name">): string {
  return `${schema}.${name}`;
}
