import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { PostgresClient } from "../../../src/postgres/client.ts";
import { archiveKey, manifestKey, packKey } from "../../../src/repository/keys.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { backUpInto, minutes } from "../../support/run-backup.ts";
import { copyOut } from "../../support/copy-out.ts";
import { test, type TestDatabase } from "../../support/postgres-test.ts";
import { StoredBlocks } from "../../support/stored-blocks.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Pages have room for one more version of some rows, so that an update stays where it is. */
const ORDERS = `
  CREATE TABLE orders (id int, note text) WITH (fillfactor = 70, autovacuum_enabled = off);
  INSERT INTO orders SELECT n, md5(n::text) || md5((n * 7)::text) FROM generate_series(1, 60000) AS n`;

interface Shop {
  folder: string;
  client: PostgresClient;
  backUp: (options?: Parameters<typeof backUpInto>[2]) => Promise<Manifest>;
  /** Whether the blocks of `orders` are what the table holds now. */
  isEqual: (manifest: Manifest) => Promise<boolean>;
}

async function shop(database: TestDatabase): Promise<Shop> {
  const folder = await temporaryFolder("blocks");
  const client = await database.connect();
  await client.query(ORDERS);
  const next = minutes();
  return {
    folder,
    client,
    backUp: (options) => backUpInto(folder, database.settings, { now: next(), ...options }),
    isEqual: async (manifest) => {
      const expected = await copyOut(client.raw, "COPY orders TO STDOUT");
      return (await stored(folder, manifest).text("orders")).equals(expected);
    },
  };
}

function stored(folder: string, manifest: Manifest): StoredBlocks {
  return new StoredBlocks(openFileStorage(folder), manifest);
}

function packsOf(manifest: Manifest): string[] {
  return (manifest.blocks?.packs ?? []).map(({ name }) => name);
}

function bytesOf(manifest: Manifest): number {
  const own = (manifest.blocks?.packs ?? []).filter(({ name }) => name.startsWith(manifest.id));
  return own.reduce((sum, { size }) => sum + size, 0);
}

/** Inverts a byte of a file. */
async function damage(path: string, place: number): Promise<void> {
  await using file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, place);
  byte.writeUInt8(byte.readUInt8(0) ^ 0xff, 0);
  await file.write(byte, 0, 1, place);
}

describe("a block that changed", () => {
  test("is stored as what changed in it, always against a block stored as itself", async ({ database }) => {
    const { client, folder, backUp, isEqual } = await shop(database);
    const first = await backUp();
    await client.query("UPDATE orders SET note = note || '!' WHERE id % 100 = 3");
    const second = await backUp();
    await client.query("UPDATE orders SET note = note || '?' WHERE id % 100 = 4");
    const third = await backUp();
    for (const manifest of [second, third]) {
      const blocks = await stored(folder, manifest).blocks("orders");
      expect(blocks.length).toBeGreaterThan(10);
      const bases = blocks.map(({ base }) => base?.frame.pack);
      expect(bases).toEqual(blocks.map(() => packsOf(first)[0]));
    }
    expect(bytesOf(second)).toBeLessThan(bytesOf(first) / 50);
    expect(bytesOf(third)).toBeLessThan(bytesOf(first) / 50);
    expect(await isEqual(third)).toBe(true);
  });

  test("is stored as itself where more than a quarter of it changed", async ({ database }) => {
    const { client, folder, backUp, isEqual } = await shop(database);
    await backUp();
    await client.query("UPDATE orders SET note = md5(note) || md5(note || 'x') WHERE id % 3 = 0");
    const second = await backUp();
    const blocks = await stored(folder, second).blocks("orders");
    expect(blocks.filter(({ base }) => base !== undefined)).toEqual([]);
    expect(await isEqual(second)).toBe(true);
    await client.query("UPDATE orders SET note = note || '!' WHERE id % 500 = 3");
    const third = await backUp();
    const bases = (await stored(folder, third).blocks("orders")).map(({ base }) => base?.frame.pack);
    expect(new Set(bases.filter((pack) => pack !== undefined))).toEqual(new Set([`${second.id}-1`]));
  });

  test("is stored as itself, which is told, where its earlier content is damaged", async ({ database }) => {
    const { client, folder, backUp, isEqual } = await shop(database);
    const first = await backUp();
    const [damaged] = await stored(folder, first).blocks("orders");
    if (damaged === undefined) throw new Error("no block");
    const { pack, offset, length } = damaged.frame;
    await damage(join(folder, packKey("shop", pack)), offset + Math.floor(length / 2));
    await client.query("UPDATE orders SET note = note || '!' WHERE id % 100 = 3");
    const warnings: string[] = [];
    const second = await backUp({ warnings });
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`written whole.*${pack}.*corrupt`))]);
    const [block, ...others] = await stored(folder, second).blocks("orders");
    expect(block?.base).toBeUndefined();
    expect(others.every(({ base }) => base !== undefined)).toBe(true);
    expect(await isEqual(second)).toBe(true);
  });
});

describe("what earlier backups hold", () => {
  test("is not referred to where its pack is gone", async ({ database }) => {
    const { client, folder, backUp, isEqual } = await shop(database);
    const first = await backUp({ packSize: 512 * 1024 });
    expect(packsOf(first).length).toBeGreaterThan(2);
    await client.query("UPDATE orders SET note = note || '!' WHERE id % 100 = 3");
    const second = await backUp();
    const gone = packsOf(first)[1] ?? "";
    await openFileStorage(folder).delete(packKey("shop", gone));
    const warnings: string[] = [];
    const third = await backUp({ warnings });
    expect(warnings).toEqual([expect.stringContaining(`${gone}.pack is missing`)]);
    expect(packsOf(third)).not.toContain(gone);
    expect(packsOf(third)).toContain(packsOf(first)[0]);
    expect(packsOf(third)).toContain(`${second.id}-1`);
    expect(await isEqual(third)).toBe(true);
  });

  test("is written anew where a table's list of blocks is damaged", async ({ database }) => {
    const { folder, backUp, isEqual } = await shop(database);
    const first = await backUp();
    const { index } = stored(folder, first).table("orders");
    await damage(join(folder, packKey("shop", index.pack)), index.offset + 20);
    const warnings: string[] = [];
    const second = await backUp({ warnings });
    expect(warnings).toEqual([expect.stringMatching(/all blocks of public\.orders are written anew/)]);
    expect(packsOf(second)).toEqual([`${second.id}-1`]);
    expect(await isEqual(second)).toBe(true);
  });

  test("is written anew where the last manifest is damaged", async ({ database }) => {
    const { folder, backUp, isEqual } = await shop(database);
    const first = await backUp();
    await damage(join(folder, manifestKey("shop", first.id)), 100);
    const warnings: string[] = [];
    const second = await backUp({ warnings });
    expect(warnings).toEqual([expect.stringMatching(/the last backup cannot be used.*corrupt/)]);
    expect(packsOf(second)).toEqual([`${second.id}-1`]);
    expect(await isEqual(second)).toBe(true);
  });
});

describe("what a run left that was killed", () => {
  /** What is in the storage when a run is killed just before its end: packs, and nothing that names them. */
  async function killed(folder: string, manifest: Manifest): Promise<void> {
    const storage = openFileStorage(folder);
    await storage.delete(manifestKey("shop", manifest.id));
    await storage.delete(archiveKey("shop", manifest.id));
  }

  test("is referred to, not stored again", async ({ database }) => {
    const { folder, backUp, isEqual } = await shop(database);
    const first = await backUp({ packSize: 512 * 1024 });
    await killed(folder, first);
    const second = await backUp();
    const blocks = await stored(folder, second).blocks("orders");
    expect(blocks.filter(({ frame }) => frame.pack.startsWith(second.id))).toEqual([]);
    expect(bytesOf(second)).toBeLessThan(bytesOf(first) / 50);
    expect(await isEqual(second)).toBe(true);
  });

  test("is referred to where the run came after a backup", async ({ database }) => {
    const { client, folder, backUp, isEqual } = await shop(database);
    await backUp();
    await client.query("UPDATE orders SET note = md5(note) WHERE id <= 30000");
    const lost = await backUp();
    await killed(folder, lost);
    const third = await backUp();
    expect(bytesOf(third)).toBeLessThan(bytesOf(lost) / 20);
    expect(packsOf(third)).toContain(`${lost.id}-1`);
    expect(await isEqual(third)).toBe(true);
  });

  test("is left alone while the run may still live", async ({ database }) => {
    const { folder, backUp } = await shop(database);
    const first = await backUp();
    await killed(folder, first);
    const second = await backUp({ alive: [first.id] });
    expect(packsOf(second)).toEqual([`${second.id}-1`]);
  });

  test("is left alone when it is older than a day", async ({ database }) => {
    const { folder, backUp } = await shop(database);
    const first = await backUp();
    await killed(folder, first);
    const later = Date.parse(first.started) + 25 * 60 * 60 * 1000;
    const second = await backUp({ now: later });
    expect(packsOf(second)).toEqual([`${second.id}-1`]);
  });

  test("is left alone where its contents are damaged, which is told", async ({ database }) => {
    const { folder, backUp, isEqual } = await shop(database);
    const first = await backUp();
    await killed(folder, first);
    const [pack] = first.blocks?.packs ?? [];
    await damage(join(folder, packKey("shop", pack?.name ?? "")), (pack?.size ?? 0) - 10);
    const warnings: string[] = [];
    const second = await backUp({ warnings });
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`${first.id}.*not used.*corrupt`))]);
    expect(packsOf(second)).toEqual([`${second.id}-1`]);
    expect(await isEqual(second)).toBe(true);
  });
});
