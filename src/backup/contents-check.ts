import { DataopsError } from "../errors.ts";
import { exitGate } from "../postgres/exit-gate.ts";
import type { RunningTool } from "../postgres/tools.ts";
import { feed, stdinOf, unreadable } from "./feed.ts";

/** Bytes. 10,000 tables make about 5 MB. */
const MAX_LISTING_BYTES = 512 * 1024 * 1024;

/**
 * A line of the table of contents that stands for the rows of a table: the entry's number, a zero, the table's oid, what
 * it is. What names hold cannot look like one: `pg_restore` writes a line's end in a name as a space.
 */
const ROWS_ENTRY = /^\d+; 0 (\d+) TABLE DATA /;

/** A table as the snapshot's catalogue knows it. */
export interface KnownTable {
  /** `pg_class.oid`: pg_dump writes it into the archive, and no name has to be compared in whatever encoding. */
  oid: number;
  schema: string;
  name: string;
}

/** Where the rows of each table must be. */
export interface ExpectedContents {
  /** All tables whose rows are in the backup. */
  tables: readonly KnownTable[];
  /** Those of them whose rows are stored as blocks. */
  blockTables: readonly KnownTable[];
}

/** The oids of the tables whose rows an archive holds, from what `pg_restore --list` prints of it. Pure. */
export function parseRowsEntries(listing: string): Set<number> {
  const oids = listing.split("\n").map((line) => ROWS_ENTRY.exec(line)?.[1]);
  return new Set(oids.filter((oid) => oid !== undefined).map(Number));
}

/**
 * Holds what is in the archive against what must be: each table's rows are in the backup once, in the archive or as blocks.
 * Pure. `archived` are the oids of the tables whose rows the archive holds.
 *
 * @throws DataopsError `failed` naming the first table whose rows would be stored twice, or not at all
 */
export function requireContents(
  archived: ReadonlySet<number>,
  { tables, blockTables }: ExpectedContents,
): void {
  const asBlocks = new Set(blockTables.map(({ oid }) => oid));
  const twice = blockTables.find(({ oid }) => archived.has(oid));
  if (twice !== undefined) {
    throw new DataopsError(
      "failed",
      `pg_dump wrote the rows of ${twice.schema}.${twice.name} although they are stored as blocks`,
      { hint: "set `format: archive` for this database, and report it" },
    );
  }
  const missing = tables.find(({ oid }) => !archived.has(oid) && !asBlocks.has(oid));
  if (missing === undefined) return;
  throw new DataopsError("failed", `pg_dump left out the rows of ${missing.schema}.${missing.name}`, {
    hint:
      blockTables.length === 0
        ? "report it with the versions of server and client"
        : "set `format: archive` for this database, and report it",
  });
}

/**
 * Passes an archive on while `lister`, a `pg_restore --list`, reads the table of contents at its head, and holds that
 * against `expected`. The stream fails as soon as that is known, long before a large archive ends.
 *
 * pg_restore's own reading of it, not ours: the programs of one installation understand each other, whatever version of
 * the archive they write.
 *
 * @throws DataopsError as `requireContents`; `corrupt` where the table of contents cannot be read; after an abort: the
 *   signal's reason
 */
export async function* checkContents(
  source: AsyncIterable<Uint8Array>,
  lister: RunningTool,
  expected: ExpectedContents,
): AsyncGenerator<Uint8Array, void, void> {
  const checked = readListing(lister).then((listing) => requireContents(parseRowsEntries(listing), expected));
  // It is awaited below.
  checked.catch(() => undefined);
  let isReading = true;
  try {
    for await (const chunk of source) {
      if (isReading) isReading = await feed(lister, chunk);
      else await checked;
      yield chunk;
    }
    stdinOf(lister).end();
    await checked;
  } finally {
    await lister.kill();
  }
}

/** All that it prints. Names stay in the database's encoding: only numbers are looked at. */
async function readListing(lister: RunningTool): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of exitGate(lister)) {
      size += chunk.byteLength;
      if (size > MAX_LISTING_BYTES) throw new Error("its table of contents is too long");
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreadable(lister, error);
  }
  return Buffer.concat(chunks).toString("latin1");
}
