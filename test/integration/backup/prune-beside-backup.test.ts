import { expect } from "vitest";
import { prune } from "../../../src/backup/prune/prune.ts";
import { stampOf } from "../../../src/repository/backup-id.ts";
import { manifestKey, packsPrefix } from "../../../src/repository/keys.ts";
import { serializeManifest } from "../../../src/repository/manifest.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { test } from "../../support/postgres-test.ts";
import { backUpInto, keysIn } from "../../support/run-backup.ts";
import { alone } from "../../support/stored-backups.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const DAY = 24 * 3_600_000;
/** Long after the packs were written. */
const NOW = Date.now() + 10 * DAY;

test("a backup whose earlier blocks are deleted while it runs fails, and nothing of it appears", async ({
  database,
}) => {
  const folder = await temporaryFolder("beside");
  const client = await database.connect();
  await client.query(`
    CREATE TABLE orders (id int, note text);
    INSERT INTO orders SELECT n, md5(n::text) FROM generate_series(1, 20000) AS n`);
  const earlier = await backUpInto(folder, database.settings, { now: NOW - 5 * DAY });
  expect(earlier.blocks?.packs.length).toBeGreaterThan(0);
  await client.query("INSERT INTO orders VALUES (0, 'new')");

  // A backup that nobody expected is there meanwhile, and a prune that holds no lease: the earlier one goes, with its packs.
  const unexpected = new Date(NOW - 4 * DAY).toISOString();
  const other = {
    ...earlier,
    id: `${stampOf(unexpected)}-aaaaaa`,
    started: unexpected,
    finished: unexpected,
    blocks: null,
  };
  let listings = 0;
  const pruneAll = async (storage: Storage): Promise<void> => {
    await storage.put(manifestKey(other.database, other.id), serializeManifest(other));
    const { deleted } = await prune(
      { storage, signal: new AbortController().signal, now: () => NOW, withLease: alone },
      { database: other.database, rules: { last: 1 }, allowMany: true },
    );
    expect(deleted).toMatchObject({ backups: 1, packs: earlier.blocks?.packs.length });
  };
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    // Packs are listed at the beginning, and again when all blocks are written.
    async *list(prefix, options) {
      const isLast = prefix === packsPrefix(other.database) && (listings += 1) === 2;
      if (isLast) await pruneAll(storage);
      yield* storage.list(prefix, options);
    },
  });
  await expect(backUpInto(folder, database.settings, { now: NOW, wrap })).rejects.toMatchObject({
    exit: "failed",
    message: expect.stringMatching(
      /\.pack is missing, though it was there when the backup began$/,
    ) as unknown,
  });
  expect(listings).toBe(2);
  expect(await keysIn(folder)).toEqual([manifestKey(other.database, other.id)]);

  // The next one has all rows again.
  const next = await backUpInto(folder, database.settings, { now: NOW + 60_000 });
  expect(next.blocks?.packs.every(({ name }) => name.startsWith(next.id))).toBe(true);
});
