import { describe, expect } from "vitest";
import { runCopies } from "../../../src/postgres/copy-out.ts";
import type { PostgresClient } from "../../../src/postgres/client.ts";
import { openSnapshot } from "../../../src/postgres/snapshot.ts";
import { quoteIdentifier, quoteQualified } from "../../../src/postgres/quote.ts";
import { packKey } from "../../../src/repository/keys.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { backUpInto } from "../../support/run-backup.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { test } from "../../support/postgres-test.ts";
import { StoredBlocks } from "../../support/stored-blocks.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** What one COPY of the whole table writes. */
async function copied(client: PostgresClient, sql: string): Promise<{ text: Buffer; rows: number }> {
  const chunks: Buffer[] = [];
  let rows = 0;
  await runCopies(
    client,
    [sql],
    {
      data: (chunk, start, end) => void chunks.push(Buffer.from(chunk.subarray(start, end))),
      end: (count) => {
        rows = count;
        return undefined;
      },
    },
    new AbortController().signal,
  );
  return { text: Buffer.concat(chunks), rows };
}

async function files(folder: string): Promise<string[]> {
  const keys: string[] = [];
  const storage = openFileStorage(folder);
  for await (const { key } of storage.list("")) keys.push(key);
  for await (const { key } of storage.listUploads("")) keys.push(`unfinished ${key}`);
  return keys.filter((key) => key !== "dataops.json");
}

describe("a backup with blocks", () => {
  test("holds byte for byte what one COPY of each table writes", async ({ database }) => {
    const folder = await temporaryFolder("blocks");
    const client = await database.connect();
    await client.query(everyKindOfTable({ size: 8_000_000 }));
    const manifest = await backUpInto(folder, database.settings);
    const storage = openFileStorage(folder);
    await using snapshot = await openSnapshot(client);
    const tables = manifest.blocks?.tables ?? [];
    expect(tables.length).toBeGreaterThan(15);
    for (const table of tables) {
      const columns = table.columns.map((column) => quoteIdentifier(column)).join(", ");
      const name = quoteQualified(table.schema, table.name);
      const { text, rows } = await copied(
        snapshot.client,
        `COPY (SELECT ${columns} FROM ONLY ${name}) TO STDOUT`,
      );
      expect(table).toMatchObject({ rows, size: text.byteLength });
      expect((await new StoredBlocks(storage, manifest).text(table)).equals(text), table.name).toBe(true);
    }
  });

  test("writes no pack when nothing changed, and one block for one row", async ({ database }) => {
    const folder = await temporaryFolder("blocks");
    const client = await database.connect();
    await client.query(`
      CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 100000) AS n;
      CREATE TABLE empty (id int)`);
    const first = await backUpInto(folder, database.settings, { now: Date.now() - 20_000 });
    const second = await backUpInto(folder, database.settings, { now: Date.now() - 10_000 });
    expect(second.blocks).toEqual(first.blocks);
    expect((await files(folder)).filter((key) => key.endsWith(".pack"))).toHaveLength(1);
    await client.query("DELETE FROM orders WHERE id = 50000");
    const third = await backUpInto(folder, database.settings);
    expect(third.blocks?.packs).toHaveLength(2);
    const storage = openFileStorage(folder);
    const ranges = await new StoredBlocks(storage, third).ranges("orders");
    expect(ranges.length).toBeGreaterThan(10);
    expect(ranges.filter(({ block }) => block?.frame.pack.startsWith(third.id))).toHaveLength(1);
  });

  test("writes nothing again of rows whose long values are stored out of line", async ({ database }) => {
    const folder = await temporaryFolder("blocks");
    const client = await database.connect();
    await client.query(`
      CREATE TABLE files (id int, content bytea);
      INSERT INTO files SELECT n, (SELECT string_agg(sha512(convert_to(n || '/' || part, 'UTF8')), '')
                                     FROM generate_series(1, 200 + n * 7919 % 2000) AS part)
        FROM generate_series(1, 150) AS n`);
    const first = await backUpInto(folder, database.settings, { now: Date.now() - 10_000 });
    const second = await backUpInto(folder, database.settings);
    expect(second.blocks).toEqual(first.blocks);
    const blocks = await new StoredBlocks(openFileStorage(folder), first).blocks("files");
    expect(Math.max(...blocks.map(({ size }) => size))).toBeLessThan(1_000_000);
  });

  test("writes all blocks, and says so, when the last one's packs are gone", async ({ database }) => {
    const folder = await temporaryFolder("blocks");
    const client = await database.connect();
    await client.query("CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id");
    const first = await backUpInto(folder, database.settings, { now: Date.now() - 10_000 });
    await openFileStorage(folder).delete(packKey("shop", first.blocks?.packs[0]?.name ?? ""));
    const warnings: string[] = [];
    const second = await backUpInto(folder, database.settings, { warnings });
    expect(warnings.join()).toMatch(/-1\.pack is missing: its blocks are written anew/);
    expect(second.blocks?.packs).toMatchObject([{ name: `${second.id}-1` }]);
  });

  test("passes rows through that are too long to be held", async ({ database }) => {
    const folder = await temporaryFolder("blocks");
    const client = await database.connect();
    await client.query(`
      CREATE TABLE files AS SELECT n AS id, repeat(md5(n::text), 200000) AS content FROM generate_series(1, 6) AS n`);
    const first = await backUpInto(folder, database.settings, { now: Date.now() - 20_000 });
    const second = await backUpInto(folder, database.settings, { now: Date.now() - 10_000 });
    expect(second.blocks).toEqual(first.blocks);
    await client.query("UPDATE files SET content = content || 'x' WHERE id = 3");
    const third = await backUpInto(folder, database.settings);
    const stored = new StoredBlocks(openFileStorage(folder), third);
    expect(stored.table("files").index.pack).toBe(`${third.id}-1`);
    const { text } = await copied(
      await database.connect(),
      "COPY (SELECT id, content FROM ONLY files) TO STDOUT",
    );
    expect((await stored.text("files")).equals(text)).toBe(true);
  });

  test("leaves nothing when a COPY fails", async ({ database }) => {
    const folder = await temporaryFolder("blocks");
    const client = await database.connect();
    // The enum's value has no label any more, so that it cannot be printed.
    await client.query(`
      CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 100000) AS n;
      CREATE TYPE state AS ENUM ('open', 'closed');
      CREATE TABLE damaged AS SELECT 'closed'::state AS state;
      DELETE FROM pg_enum WHERE enumlabel = 'closed'`);
    await expect(backUpInto(folder, database.settings)).rejects.toMatchObject({ exit: "failed" });
    expect(await files(folder)).toEqual([]);
  });

  test("leaves nothing when it is aborted in the middle", async ({ database }) => {
    const folder = await temporaryFolder("blocks");
    const client = await database.connect();
    await client.query(
      "CREATE TABLE orders AS SELECT n AS id, repeat(md5(n::text), 10) AS note FROM generate_series(1, 300000) AS n",
    );
    const controller = new AbortController();
    const reason = new Error("enough");
    const running = backUpInto(folder, database.settings, { signal: controller.signal });
    const watching = await database.connect();
    for (;;) {
      const [row] = await watching.query<{ reading: boolean }>(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY (SELECT%ctid%') AS reading",
      );
      if (row?.reading === true) break;
    }
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(await files(folder)).toEqual([]);
  });
});
