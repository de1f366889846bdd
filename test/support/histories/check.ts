import { openFileStorage } from "../../../src/storage/file.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { comparePictures, takePicture, type Picture } from "../compare-databases.ts";
import { createDatabase, type TestDatabase } from "../postgres-test.ts";
import type { SharedPostgres } from "../shared-servers.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { addPaths, countBlockPaths, type BlockPaths } from "./block-paths.ts";
import { generateHistory } from "./generate.ts";
import { Replay } from "./replay.ts";
import { stockPicture } from "./stock.ts";
import { backUp, environmentFor, restoredPicture, storageIn } from "./round-trip.ts";

/** Milliseconds between the starts of two backups, as they are told. */
const BETWEEN_BACKUPS = 60_000;

export interface CheckRequest {
  server: SharedPostgres;
  /** Of the histories, which share one database. */
  seeds: readonly number[];
  /** Backups of each. */
  steps: number;
}

export interface Checked {
  /** One line for each way in which a restored backup is not what the database was, with step, schema and table. */
  differences: string[];
  paths: BlockPaths;
}

interface Taken {
  manifest: Manifest;
  /** What the database was. */
  picture: Picture;
  /** What stock pg_dump and pg_restore made of it; for the last step only, as it takes as long as a restore of ours. */
  stock: Picture | undefined;
}

/**
 * Plays histories, backs up after each step, and then restores every one of the backups and compares it with what the
 * database was when it was made: rows by sums of the server's own hashes, the schema by stock pg_dump.
 */
export async function checkHistories(request: CheckRequest): Promise<Checked> {
  const { server } = request;
  const folder = await temporaryFolder("histories");
  const database = await createDatabase(server);
  try {
    const backups = await backUpEachStep(database, folder, request);
    const storage = openFileStorage(storageIn(folder));
    const differences: string[] = [];
    let paths: BlockPaths = { referenced: 0, full: 0, delta: 0 };
    for (const [index, taken] of backups.entries()) {
      paths = addPaths(paths, await countBlockPaths(storage, taken.manifest));
      const found = await compareRestored(server, folder, taken);
      differences.push(...found.map((difference) => `step ${index + 1}: ${difference}`));
    }
    return { differences, paths };
  } finally {
    await database.drop();
  }
}

async function backUpEachStep(
  database: TestDatabase,
  folder: string,
  { server, seeds, steps }: CheckRequest,
): Promise<Taken[]> {
  const major = await majorOfServer(database);
  const histories = seeds.map((seed) => generateHistory(seed, { major, steps }));
  await using replay = await Replay.start(database, histories);
  const start = Date.now() - steps * BETWEEN_BACKUPS;
  const taken: Taken[] = [];
  for (let step = 0; step < steps; step += 1) {
    await replay.next();
    const picture = await takePicture(database.settings, environmentFor(server));
    const stock = step === steps - 1 ? await stockPicture(database, folder) : undefined;
    let ending: Promise<void> | undefined;
    const manifest = await backUp(database, {
      folder,
      now: start + step * BETWEEN_BACKUPS,
      onReading: () => void (ending ??= replay.end("during")),
    });
    await ending;
    taken.push({ manifest, picture, stock });
  }
  await replay.end("after");
  return taken;
}

async function compareRestored(
  server: SharedPostgres,
  folder: string,
  { manifest, picture, stock }: Taken,
): Promise<string[]> {
  try {
    return comparePictures(stock ?? picture, await restoredPicture(server, folder, manifest));
  } catch (error) {
    return [`the restore failed: ${String(error)}`];
  }
}

async function majorOfServer(database: TestDatabase): Promise<number> {
  await using client = await database.connect();
  const [row] = await client.query<{ major: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS major",
  );
  return row?.major ?? 0;
}
