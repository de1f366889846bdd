import { availableParallelism } from "node:os";
import type { ConnectionSettings } from "../../config/connection.ts";
import { DataopsError } from "../../errors.ts";
import type { Progress, Reporter } from "../../observe/reporter.ts";
import type { ManifestBlocks, ManifestSource, ManifestTable } from "../../repository/manifest.ts";
import type { Snapshot } from "../../postgres/snapshot.ts";
import type { Storage } from "../../storage/storage.ts";
import { watchForStall } from "../stall.ts";
import { readBase, tableKey } from "./base.ts";
import { dumpBlocks } from "./dump-blocks.ts";
import { chooseBlockTables, readTableFacts, type BlockTable } from "./eligible.ts";
import { PackWriter } from "./pack-writer.ts";

export interface BlockBackupRequest {
  connection: ConnectionSettings;
  applicationName: string;
  snapshot: Snapshot;
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  /** The backup's. */
  id: string;
  source: ManifestSource;
  /** Bytes that a table must have to be stored as blocks. */
  threshold: number | undefined;
  /** Milliseconds without a byte after which the run ends. */
  stallTimeout: number;
  reporter: Pick<Reporter, "warn">;
  signal: AbortSignal;
  /** Told what must end the run, when it is not an error of what is awaited. */
  fail: (error: unknown) => void;
}

/** The part of a backup that is stored as blocks. */
export interface BlockBackup {
  /** The tables whose rows pg_dump must leave out. */
  tables: readonly BlockTable[];
  /** Reads and stores. Called once. */
  run(progress: Progress): Promise<ManifestBlocks>;
  /** Takes away all that was stored, after a failure. */
  discard(): Promise<void>;
}

/**
 * Decides which tables are stored as blocks. Undefined where none is. The snapshot's client must be free.
 *
 * @throws DataopsError as `PostgresClient.query` does
 */
export async function planBlockBackup(request: BlockBackupRequest): Promise<BlockBackup | undefined> {
  const { snapshot, source, threshold, storage, database, id, signal } = request;
  const tables = chooseBlockTables(await readTableFacts(snapshot.client), source, threshold);
  if (tables.length === 0) return undefined;
  const moved = { note: (): void => undefined };
  const packs = new PackWriter({ storage, database, id, signal, onProgress: () => moved.note() });
  return {
    tables,
    run: (progress) => run(request, { tables, packs, progress, moved }),
    discard: () => packs.discard(signal.reason),
  };
}

async function run(
  request: BlockBackupRequest,
  with_: {
    tables: readonly BlockTable[];
    packs: PackWriter;
    progress: Progress;
    moved: { note: () => void };
  },
): Promise<ManifestBlocks> {
  const { storage, database, source, signal, reporter, stallTimeout, fail, snapshot } = request;
  const { tables, packs, progress, moved } = with_;
  const warn = (message: string): void => reporter.warn(message);
  const base = await readBase({ storage, database, source, signal, warn });
  using stall = watchForStall(stallTimeout, fail, "the server");
  moved.note = () => stall.moved();
  let unreported = 0;
  const onData = (bytes: number): void => {
    unreported += bytes;
    if (unreported < REPORTED_BYTES) return;
    stall.moved();
    progress.add(unreported);
    unreported = 0;
  };
  return await dumpBlocks({
    connection: request.connection,
    applicationName: request.applicationName,
    snapshot: snapshot.id,
    tables,
    base,
    packs,
    jobs: availableParallelism(),
    onData,
    signal,
  });
}

/** Bytes; a row is too little to look at the clock. */
const REPORTED_BYTES = 64 * 1024;

/**
 * Holds what was read against what the snapshot's own connection counted.
 *
 * @throws DataopsError `failed` naming the table
 */
export function checkRows(blocks: ManifestBlocks, counted: readonly ManifestTable[]): void {
  const rows = new Map(counted.map((table) => [tableKey(table), table.rows]));
  for (const table of blocks.tables) {
    const expected = rows.get(tableKey(table));
    if (expected === table.rows) continue;
    throw new DataopsError(
      "failed",
      `read ${table.rows} rows of ${table.schema}.${table.name}, which has ${expected ?? "no"} rows`,
      { hint: "set `format: archive` for this database, and report it" },
    );
  }
}
