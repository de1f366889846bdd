import { execFile } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { prune } from "../../../src/backup/prune/prune.ts";
import { inParallel } from "../../../src/parallel.ts";
import { listBackups } from "../../../src/repository/catalogue.ts";
import { archiveKey } from "../../../src/repository/keys.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { test } from "../../support/e2e-test.ts";
import { Random } from "../../support/histories/random.ts";
import type { TestDatabase } from "../../support/postgres-test.ts";
import type { PruneChildOptions } from "../../support/prune-child.ts";
import { backUpInto } from "../../support/run-backup.ts";
import { openTestStorage } from "../../support/s3-storage.ts";
import { alone, keysOf } from "../../support/stored-backups.ts";
import { StoredBlocks } from "../../support/stored-blocks.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const CHILD = fileURLToPath(new URL("../../support/prune-child.ts", import.meta.url));
const DAY = 24 * 3_600_000;
const ROUNDS = 20;
const BACKUPS = 10;
const RULES = { last: 2 };
/** Of the databases that `backUpInto` makes backups of. */
const DATABASE = "shop";
/** Long after the packs were written. */
const NOW = Date.now() + 10 * DAY;
const { signal } = new AbortController();

/** Backups that share packs: each has some rows of every earlier one. */
async function makeBackups(database: TestDatabase): Promise<Storage> {
  const folder = await temporaryFolder("prune-killed");
  const client = await database.connect();
  await client.query(`
    CREATE TABLE orders (id int PRIMARY KEY, note text) WITH (fillfactor = 50, autovacuum_enabled = off);
    INSERT INTO orders SELECT n, md5(n::text) || md5((n * 7)::text) FROM generate_series(1, 6000) AS n`);
  for (let number = 0; number < BACKUPS; number += 1) {
    await client.query(
      `UPDATE orders SET note = md5(note) || md5(note || id) WHERE id % 1500 < ${number * 40}`,
    );
    await backUpInto(folder, database.settings, {
      now: NOW - (2 * BACKUPS - number) * DAY,
      blockSize: 16 * 1024,
      packSize: 64 * 1024,
    });
  }
  return openFileStorage(folder);
}

async function copyAll(from: Storage, to: Storage): Promise<void> {
  await inParallel(await keysOf(from), 8, signal, async (key) => {
    await to.put(key, await buffer(await from.get(key)));
  });
}

/** Reads every byte of every backup that is listed, as a restore would. */
async function readWhole(storage: Storage): Promise<string[]> {
  const { backups, unreadable } = await listBackups(storage, DATABASE);
  expect(unreadable).toEqual([]);
  for (const { manifest } of backups) {
    const archive = await buffer(await storage.get(archiveKey(DATABASE, manifest.id)));
    expect(createHash("sha256").update(archive).digest("hex")).toBe(manifest.archive.sha256);
    const blocks = new StoredBlocks(storage, manifest);
    for (const table of manifest.blocks?.tables ?? []) {
      expect((await blocks.text(table)).byteLength).toBe(table.size);
    }
  }
  return backups.map(({ manifest }) => manifest.id);
}

/** What the child said, or undefined where it was killed. */
async function runChild(options: PruneChildOptions): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "dataops-compile-cache") };
    execFile(process.execPath, [CHILD, JSON.stringify(options)], { env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.signal === "SIGKILL") resolve(undefined);
      else reject(new Error(stderr, { cause: error }));
    });
  });
}

test(
  "a prune that is killed anywhere leaves whole backups, and the next one finishes",
  { timeout: 180_000 },
  async ({ database, bucket }) => {
    const seed = Number(process.env["TEST_PRUNE_SEED"] ?? randomInt(1_000_000));
    process.stderr.write(`TEST_PRUNE_SEED=${seed}\n`);
    const random = new Random(seed);
    const original = await makeBackups(database);
    const all = await readWhole(original);
    expect(all).toHaveLength(BACKUPS);

    const child = { server: bucket.server, bucket: bucket.name, database: DATABASE, rules: RULES, now: NOW };
    const open = (prefix: string): Storage => openTestStorage(bucket.server, prefix, { bucket: bucket.name });
    const whole = open("whole");
    await copyAll(original, whole);
    const requests = Number(await runChild({ ...child, prefix: "whole", killAt: 0, delay: undefined }));
    const finished = await keysOf(whole);
    expect(await readWhole(whole)).toEqual(all.slice(0, RULES.last));
    const deletions = (await keysOf(original)).length - finished.length;
    // Packs among them, and some packs stay that the backups share.
    expect(deletions).toBeGreaterThan((BACKUPS - RULES.last) * 2);
    expect(finished.filter((key) => key.includes("/packs/")).length).toBeGreaterThan(2);

    const before = await keysOf(original);
    const rounds = Array.from({ length: ROUNDS }, (_, round) => ({
      prefix: `round-${round}`,
      what: `TEST_PRUNE_SEED=${seed}, round ${round}`,
      killAt: 1 + random.below(requests),
      delay: random.oneIn(2) ? undefined : random.below(10),
    }));
    let interrupted = 0;
    await inParallel(rounds, 3, signal, async ({ prefix, what, killAt, delay }) => {
      const storage = open(prefix);
      await copyAll(original, storage);
      const said = await runChild({ ...child, prefix, killAt, delay });
      expect(delay !== undefined || said === undefined, what).toBe(true);

      const left = await keysOf(storage);
      if (left.length > finished.length && left.length < before.length) interrupted += 1;
      expect((await readWhole(storage)).slice(0, RULES.last), what).toEqual(all.slice(0, RULES.last));

      const { warnings } = await prune(
        { storage, signal, now: () => NOW, withLease: alone },
        { database: DATABASE, rules: RULES, allowMany: true },
      );
      expect(warnings, what).toEqual([]);
      expect(await keysOf(storage), what).toEqual(finished);
    });
    // Most kills hit what they should: the middle of the deletions.
    expect(interrupted).toBeGreaterThan(ROUNDS / 4);
  },
);
