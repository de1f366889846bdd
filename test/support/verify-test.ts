import {
  verifyBackups,
  type ReadOutcome,
  type VerifyBackupsRequest,
} from "../../src/backup/verify/verify-backups.ts";
import { silentReporter } from "../../src/observe/reporter.ts";
import type { Findings } from "../../src/repository/findings.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { openFileStorage } from "../../src/storage/file.ts";
import { archiveKey, packKey } from "../../src/repository/keys.ts";
import { StoredBlocks } from "./stored-blocks.ts";
import type { TestDatabase } from "./postgres-test.ts";
import { backUpInto, minutes } from "./run-backup.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Where no row is stored in the archive, and every block is small. */
const SMALL_BLOCKS = { blockThreshold: 0, blockSize: 8 * 1024, jobs: 2 } as const;

/** A table of many small blocks, of some 700 KB in all. */
export const NOTES = `CREATE TABLE notes (id int, note text);
  INSERT INTO notes SELECT number, repeat(md5(number::text), 5) FROM generate_series(1, 4000) AS number;`;

export interface Life {
  folder: string;
  storage: Storage;
  /** Oldest first. */
  manifests: Manifest[];
}

/** Backs a database up once as it is, and once more after each of the changes. */
export async function backUpLife(
  database: TestDatabase,
  changes: readonly string[],
  connection = database.settings,
): Promise<Life> {
  const folder = await temporaryFolder("life");
  const now = minutes();
  const backUp = (): Promise<Manifest> =>
    backUpInto(folder, connection, {
      ...SMALL_BLOCKS,
      now: now(),
      programs: { ...process.env, DATAOPS_POSTGRES_BIN: database.server.programs },
    });
  const manifests = [await backUp()];
  const client = await database.connect();
  for (const change of changes) {
    await client.query(change);
    manifests.push(await backUp());
  }
  return { folder, storage: openFileStorage(folder), manifests };
}

/** Verifies by reading, with the programs of the database's server. */
export function readAll(
  database: TestDatabase,
  storage: Storage,
  manifests: readonly Manifest[],
  changes: Partial<VerifyBackupsRequest> = {},
): Promise<ReadOutcome> {
  return verifyBackups({
    storage,
    manifests,
    allowVulnerableClient: true,
    reporter: silentReporter,
    environment: { ...process.env, DATAOPS_POSTGRES_BIN: database.server.programs },
    signal: new AbortController().signal,
    ...changes,
  });
}

/** Findings as lines: object, table, range and what is wrong. */
export function linesOf({ kept }: Findings): string[] {
  return kept.map(({ object, offset, table, range, what }) =>
    [
      object?.replace(/^shop\//, "") ?? null,
      offset === null ? null : `at ${offset}`,
      table,
      range === null ? null : `${range.from}-${range.to ?? "end"}`,
      what,
    ]
      .filter((part) => part !== null)
      .join(" | "),
  );
}

/** What makes a row longer here and there. */
export const CHANGES = [
  "UPDATE notes SET note = note || 'x' WHERE id = 7",
  "UPDATE notes SET note = note || 'y' WHERE id = 3000",
];

export interface NeededBytes {
  key: string;
  offset: number;
  length: number;
  /** Whether it is a list of blocks. */
  isList?: boolean;
}

/** Every byte that the backup consists of, but for its manifest. */
export async function neededBytes(storage: Storage, manifest: Manifest): Promise<NeededBytes[]> {
  const blocks = new StoredBlocks(storage, manifest);
  const frames = new Map<string, NeededBytes>();
  for (const table of manifest.blocks?.tables ?? []) {
    const stored = (await blocks.blocks(table)).flatMap(({ frame, base }) => [frame, base?.frame ?? frame]);
    for (const frame of [table.index, ...stored]) {
      const { pack, offset, length } = frame;
      const key = packKey("shop", pack);
      frames.set(`${pack} ${offset}`, { key, offset, length, isList: frame === table.index });
    }
  }
  return [
    { key: archiveKey("shop", manifest.id), offset: 0, length: manifest.archive.size },
    ...frames.values(),
  ];
}
