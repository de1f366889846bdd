import { expect } from "vitest";
import type { PostgresClient } from "../../../src/postgres/client.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { readBlockIndexes } from "../../../src/repository/blocks/read-indexes.ts";
import { placedBlocks, planReads } from "../../../src/restore/blocks/plan-reads.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { backUpInto, minutes } from "../../support/run-backup.ts";
import { copyOut } from "../../support/copy-out.ts";
import { test } from "../../support/postgres-test.ts";
import { StoredBlocks } from "../../support/stored-blocks.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const BACKUPS = 12;
const ROWS = 120_000;

/** A shop in four hours: new orders, and old ones that change, most of them recent. */
async function trade(client: PostgresClient, round: number): Promise<void> {
  await client.query(`
    INSERT INTO orders SELECT n, md5(n::text) || md5((n * 7)::text), 'new'
      FROM generate_series(${ROWS + round * 500} + 1, ${ROWS + round * 500} + 500) AS n;
    UPDATE orders SET state = 'paid' WHERE id > ${ROWS + round * 500 - 200} AND state = 'new';
    UPDATE orders SET state = 'r' || ${round} WHERE id % 1000 = ${round};
    DELETE FROM orders WHERE id % 1500 = ${round * 7}`);
  if (round % 4 === 0) await client.query("VACUUM orders");
}

function storedBy(manifest: Manifest): number {
  const own = (manifest.blocks?.packs ?? []).filter(({ name }) => name.startsWith(manifest.id));
  return own.reduce((sum, { size }) => sum + size, 0);
}

test("twelve backups of a churning database store what changed, and the last reads like the first", async ({
  database,
}) => {
  const folder = await temporaryFolder("churn");
  const storage = openFileStorage(folder);
  const client = await database.connect();
  await client.query(`
    CREATE TABLE orders (id int PRIMARY KEY, note text, state text) WITH (autovacuum_enabled = off);
    INSERT INTO orders SELECT n, md5(n::text) || md5((n * 7)::text), 'paid' FROM generate_series(1, ${ROWS}) AS n`);
  const next = minutes();
  const manifests: Manifest[] = [];
  for (let round = 1; round <= BACKUPS; round += 1) {
    const manifest = await backUpInto(folder, database.settings, { now: next() });
    manifests.push(manifest);
    const expected = await copyOut(client.raw, "COPY orders TO STDOUT");
    expect((await new StoredBlocks(storage, manifest).text("orders")).equals(expected)).toBe(true);
    await trade(client, round);
  }

  const [first, ...later] = manifests;
  if (first === undefined) throw new Error("no backup");
  // A round changes 1 % of the rows: with its lists it stores a few times as much, never a share of the whole.
  const whole = storedBy(first);
  for (const manifest of later) expect(storedBy(manifest)).toBeLessThan(whole * 0.08);

  const work = await Promise.all(
    [first, manifests.at(-1) ?? first].map(async (manifest) => {
      const signal = new AbortController().signal;
      const [table] = await readBlockIndexes({ storage, manifest, signal });
      const batches = [...planReads(placedBlocks(table?.ranges ?? []))];
      const spans = batches.flatMap((batch) => batch.spans);
      return { requests: spans.length, bytes: spans.reduce((sum, { start, end }) => sum + end - start, 0) };
    }),
  );
  const [before, after] = work;
  if (before === undefined || after === undefined) throw new Error("no plan");
  expect(after.bytes).toBeLessThan(before.bytes * 1.6);
  expect(after.requests).toBeLessThan(before.requests * 6 + 20);
});
