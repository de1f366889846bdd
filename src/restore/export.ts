import type { CacheConfig } from "../config/config.ts";
import type { Environment } from "../config/environment.ts";
import { leaveToGarbage } from "../garbage.ts";
import { DataopsError } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { exitGate } from "../postgres/exit-gate.ts";
import { chooseRestoreClient, discoverTools, spawnTool, type InstalledTools } from "../postgres/tools.ts";
import type { Manifest } from "../repository/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { unpackedArchive } from "./archive/unpacked.ts";
import { PackReader } from "../repository/blocks/pack-reader.ts";
import { readBlockIndexes, type BlockTable } from "../repository/blocks/read-indexes.ts";
import { BatchReader, KEPT_DICTIONARIES, type Text } from "./blocks/batch-reader.ts";
import { BytesInFlight } from "../bytes-in-flight.ts";
import { copyStatement } from "./blocks/copy-statement.ts";
import { openPacks } from "./blocks/open-packs.ts";
import { placedBlocks, planReads } from "./blocks/plan-reads.ts";
import { readAhead } from "./blocks/read-ahead.ts";
import { RecentTexts } from "./blocks/recent-texts.ts";
import { fetchArchive } from "./cache/cache.ts";

/** Bytes that are held of what came from the storage, or is on its way. */
const MAX_IN_FLIGHT = 8 * 1024 * 1024;

export interface ExportRequest {
  storage: Storage;
  manifest: Manifest;
  cache: CacheConfig;
  /** Whether a pg_restore with known security holes will do. */
  allowVulnerableClient: boolean;
  reporter: Reporter;
  signal: AbortSignal;
  environment: Environment;
}

/**
 * A whole backup as SQL that `psql` reads, without owners and grants. Nothing is given before all that can be checked
 * beforehand has been. Where it fails later, what was given so far makes `psql` fail, too.
 *
 * @throws DataopsError `corrupt` naming what is, `tool` and `refused` where no program reads the archive, `failed`; what
 *   the storage throws; after an abort: the signal's reason
 */
export async function* exportSql(request: ExportRequest): AsyncGenerator<Uint8Array, void, void> {
  const { storage, manifest, cache, signal, reporter, environment } = request;
  const archiveMajor = Number.parseInt(manifest.tools.pgDump, 10);
  const tools = chooseRestoreClient(await discoverTools(environment), {
    archiveMajor,
    serverMajor: archiveMajor,
    allowVulnerable: request.allowVulnerableClient,
  });
  const tables = await readBlockIndexes(request);
  await using cached = await fetchArchive(storage, manifest, cache, { signal, reporter });
  await using archive = await unpackedArchive(cached.path, manifest, {
    directory: cache.directory,
    signal,
    reporter,
  });
  try {
    yield Buffer.from(HEAD);
    yield* sectionsOf(archive.path, tools, ["pre-data"], request);
    yield* blocksOf(tables, request);
    yield* sectionsOf(archive.path, tools, ["data", "post-data"], request);
  } catch (error) {
    yield Buffer.from(FAILURE);
    throw error;
  }
}

/** After a statement that failed, psql would take the rows that follow it for commands. */
const HEAD = "\\set ON_ERROR_STOP on\n\n";

/** Ends the rows of a table, if it stands among them, and fails in any case: at a mere end psql would exit with 0. */
const FAILURE = "\n\\.\nDO $$ BEGIN RAISE EXCEPTION 'the export failed before its end'; END $$;\n";

function sectionsOf(
  archive: string,
  { directory }: InstalledTools,
  sections: readonly string[],
  { signal, environment }: ExportRequest,
): AsyncGenerator<Uint8Array, void, void> {
  const running = spawnTool(
    { program: "pg_restore", directory },
    [
      "--format=custom",
      "--no-owner",
      "--no-acl",
      "--no-tablespaces",
      ...sections.map((section) => `--section=${section}`),
      "--file=-",
      archive,
    ],
    { signal, environment },
  );
  return exitGate(running);
}

/** The names in the statements are UTF-8, whatever the rows are; the archive's own part sets what it needs again. */
const BLOCK_SETTINGS = `
SET client_encoding = 'UTF8';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
`;

async function* blocksOf(
  tables: readonly BlockTable[],
  request: ExportRequest,
): AsyncGenerator<Uint8Array, void, void> {
  if (tables.length === 0) return;
  const { storage, manifest, signal } = request;
  const { database } = manifest;
  yield Buffer.from(BLOCK_SETTINGS);
  const dictionaries = new RecentTexts(KEPT_DICTIONARIES);
  const inFlight = new BytesInFlight(MAX_IN_FLIGHT);
  await using cache = await openPacks(request, tables);
  const packs = new PackReader({ storage, database, cache });
  for (const { table, ranges } of tables) {
    const name = `${table.schema}.${table.name}`;
    const reader = new BatchReader(packs, dictionaries, name);
    yield Buffer.from(`\n${copyStatement(table, manifest.source.encoding)};\n`);
    const text = readAhead(reader, planReads(placedBlocks(ranges)), { inFlight, signal });
    yield* withoutEndMark(bytesOf(text), name);
    yield Buffer.from("\\.\n");
  }
}

/** Of texts that somebody else will have written at some time. */
async function* bytesOf(texts: AsyncIterable<Text>): AsyncGenerator<Uint8Array, void, void> {
  for await (const { bytes } of texts) {
    yield bytes;
    leaveToGarbage(bytes.byteLength);
  }
}

const LINE_END = "\n";
const END_MARK = `${LINE_END}\\.`;

/**
 * Passes rows on. No row that PostgreSQL writes begins with the mark that ends them; one that does was made to have psql
 * run what follows.
 *
 * @throws DataopsError `corrupt` before such a row is passed on
 */
export async function* withoutEndMark(
  text: AsyncIterable<Uint8Array>,
  table: string,
): AsyncGenerator<Uint8Array, void, void> {
  // What was passed on last; the first row follows a line's end, too.
  let tail: Uint8Array = Buffer.from(LINE_END);
  for await (const chunk of text) {
    const seam = Buffer.concat([tail, chunk.subarray(0, END_MARK.length - 1)]);
    if (
      seam.includes(END_MARK) ||
      Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).includes(END_MARK)
    ) {
      throw new DataopsError("corrupt", `the rows of ${table} hold the mark that ends them`, {
        hint: "do not trust this backup: find out what wrote to the storage",
      });
    }
    yield chunk;
    const last = chunk.subarray(-(END_MARK.length - 1));
    tail = Buffer.concat([tail, last]).subarray(-(END_MARK.length - 1));
  }
}
