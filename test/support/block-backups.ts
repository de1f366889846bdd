import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompressSync } from "node:zlib";
import { countRows } from "../../src/backup/row-counts.ts";
import { listSourceTables } from "../../src/backup/source-tables.ts";
import type { PostgresClient } from "../../src/postgres/client.ts";
import { quoteIdentifier, quoteQualified } from "../../src/postgres/quote.ts";
import { readServerFacts } from "../../src/postgres/server-facts.ts";
import { serializeBlockIndex } from "../../src/repository/blocks/block-index.ts";
import type { BlockRange, StoredBlock } from "../../src/repository/blocks/stored-block.ts";
import { tuplePosition } from "../../src/repository/blocks/tuple-position.ts";
import { archiveKey, manifestKey, packKey, packName } from "../../src/repository/keys.ts";
import { serializeManifest, type Manifest, type ManifestBlocks } from "../../src/repository/manifest.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { copyOut } from "./copy-out.ts";
import { exampleManifest } from "./manifests.ts";
import type { TestDatabase } from "./postgres-test.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const run = promisify(execFile);

export interface BlockBackupOptions {
  /** Pages of one block. */
  pages?: number;
  /** Bytes after which a pack is full. */
  packSize?: number;
  /** Which tables become blocks; all that can by default. */
  only?: (name: string) => boolean;
}

interface SourceTable extends Record<string, unknown> {
  schema: string;
  name: string;
  columns: string[];
  pages: string;
}

/** Ordinary tables that have rows and belong to no extension. */
const TABLES = `
SELECT namespace.nspname AS schema, class.relname AS name,
       ARRAY(SELECT attname::text FROM pg_attribute
              WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
              ORDER BY attnum) AS columns,
       (pg_relation_size(class.oid) / current_setting('block_size')::int)::text AS pages
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind = 'r' AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
   AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = class.oid AND deptype = 'e')
   AND pg_relation_size(class.oid) > 0`;

const READING_SETTINGS = `SET row_security = off; SET search_path = ''; SET extra_float_digits = 3; SET TimeZone = UTC;
  SET DateStyle = ISO; SET IntervalStyle = postgres; SET bytea_output = hex; SET statement_timeout = 0`;

/** The backup before, of which only dictionaries are left. */
const OLDER_ID = "20261120T040000Z-k3v9qa";

/**
 * Backs a database up with its tables as blocks, as the format's page says, by means of its own: every third block is a
 * delta, whose dictionary, the range as it was once, is in an older pack. The manifest is stored, too.
 */
export async function storeBlockBackup(
  storage: Storage,
  database: TestDatabase,
  options: BlockBackupOptions = {},
): Promise<Manifest> {
  await using client = await database.connect();
  const { source } = await readServerFacts(client);
  await client.query("BEGIN");
  const counts = await countRows(client, await listSourceTables(client));
  await client.query("COMMIT");
  await client.query(READING_SETTINGS);
  const found = await client.query<SourceTable>(TABLES);
  const tables = found.filter(({ name }) => options.only?.(name) ?? true);

  const example = exampleManifest();
  const { packSize = 128 * 1024 } = options;
  const older = new PackWriter(storage, { ...example, id: OLDER_ID }, packSize);
  const packs = new PackWriter(storage, example, packSize);
  const blockTables: ManifestBlocks["tables"] = [];
  for (const table of tables) {
    blockTables.push(await storeTable({ packs, older }, client, table, source.encoding, options.pages ?? 8));
  }
  await older.finish();
  await packs.finish();

  const archive = await dumpRest(database, tables);
  const compressed = zstdCompressSync(archive, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  await storage.put(archiveKey(example.database, example.id), compressed);
  const digest = hash("sha256", compressed, "hex");
  const manifest: Manifest = {
    ...example,
    source,
    tools: { pgDump: source.serverVersion, pgRestore: source.serverVersion },
    archive: {
      object: "archive.dump.zst",
      size: compressed.byteLength,
      sha256: digest,
      rawSize: archive.byteLength,
      pieceSize: 1024 * 1024 * 1024,
      pieces: [digest],
    },
    blocks: { packs: [...older.all, ...packs.all], tables: blockTables },
    tables: counts,
  };
  await storage.put(manifestKey(manifest.database, manifest.id), serializeManifest(manifest));
  return manifest;
}

async function storeTable(
  { packs, older }: { packs: PackWriter; older: PackWriter },
  client: PostgresClient,
  { schema, name, columns, pages }: SourceTable,
  encoding: string,
  pagesPerBlock: number,
): Promise<ManifestBlocks["tables"][number]> {
  const ranges: BlockRange[] = [];
  for (let fromPage = 0; fromPage < Number(pages); fromPage += pagesPerBlock) {
    const end = fromPage + pagesPerBlock;
    const upper = end >= Number(pages) ? "" : ` AND ctid < '(${end},0)'`;
    const text = await copyOut(
      client.raw,
      `COPY (SELECT ${columns.map(quoteIdentifier).join(", ")} FROM ONLY ${quoteQualified(schema, name)}
        WHERE ctid >= '(${fromPage},0)'${upper}) TO STDOUT WITH (ENCODING '${encoding}')`,
    );
    if (text.byteLength === 0) {
      ranges.push({ from: tuplePosition(fromPage), block: undefined });
      continue;
    }
    const once = Buffer.from(text.subarray(text.indexOf("\n") + 1));
    const isDelta = ranges.length % 3 === 2 && once.byteLength > 0 && once.byteLength < 1_000_000;
    const base = isDelta
      ? { frame: await older.add(once, undefined), sha256: hash("sha256", once, "hex") }
      : undefined;
    const block: StoredBlock = {
      rows: text.toString("latin1").split("\n").length - 1,
      size: text.byteLength,
      sha256: hash("sha256", text, "hex"),
      frame: await packs.add(text, base && once),
      base,
    };
    ranges.push({ from: tuplePosition(fromPage), block });
  }
  const index = Buffer.concat([...serializeBlockIndex(ranges)]);
  const sum = (of: (block: StoredBlock) => number): number =>
    ranges.reduce((total, { block }) => total + (block === undefined ? 0 : of(block)), 0);
  const place = await packs.add(index, undefined);
  return {
    schema,
    name,
    columns,
    rows: sum(({ rows }) => rows),
    size: sum(({ size }) => size),
    index: { ...place, size: index.byteLength, sha256: hash("sha256", index, "hex") },
    fingerprints: null,
  };
}

class PackWriter {
  readonly all: ManifestBlocks["packs"] = [];
  readonly #storage: Storage;
  readonly #manifest: Manifest;
  readonly #packSize: number;
  #frames: Buffer[] = [];
  #size = 0;

  constructor(storage: Storage, manifest: Manifest, packSize: number) {
    this.#storage = storage;
    this.#manifest = manifest;
    this.#packSize = packSize;
  }

  async add(text: Buffer, dictionary: Buffer | undefined): Promise<StoredBlock["frame"]> {
    const frame = zstdCompressSync(text, {
      params: { [constants.ZSTD_c_checksumFlag]: 1 },
      ...(dictionary === undefined ? {} : { dictionary }),
    });
    const place = { pack: this.#name, offset: this.#size, length: frame.byteLength };
    this.#frames.push(frame);
    this.#size += frame.byteLength;
    if (this.#size >= this.#packSize) await this.finish();
    return place;
  }

  async finish(): Promise<void> {
    if (this.#size === 0) return;
    await this.#storage.put(packKey(this.#manifest.database, this.#name), Buffer.concat(this.#frames));
    this.all.push({ name: this.#name, size: this.#size });
    this.#frames = [];
    this.#size = 0;
  }

  get #name(): string {
    return packName(this.#manifest.id, this.all.length + 1);
  }
}

/** The archive of all else, as `pg_dump` writes it to a file. */
async function dumpRest({ server, name }: TestDatabase, without: readonly SourceTable[]): Promise<Buffer> {
  const path = join(await temporaryFolder("block-backup"), "archive.dump");
  await run(
    join(server.programs ?? "", "pg_dump"),
    [
      "--format=custom",
      "--compress=0",
      ...without.map((table) => `--exclude-table-data=${quoteQualified(table.schema, table.name)}`),
      `--file=${path}`,
    ],
    {
      env: {
        PGHOST: server.host,
        PGPORT: String(server.port),
        PGUSER: server.user,
        PGPASSWORD: server.password,
        PGDATABASE: name,
      },
    },
  );
  return await readFile(path);
}
