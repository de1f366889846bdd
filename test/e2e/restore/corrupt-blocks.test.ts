import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { FrameReference } from "../../../src/repository/blocks/stored-block.ts";
import { readBlockIndexes } from "../../../src/repository/blocks/read-indexes.ts";
import { packKey } from "../../../src/repository/keys.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { storeBlockBackup } from "../../support/block-backups.ts";
import { expectUntouched, laptopEnvironment, test as laptopTest } from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";
import { createDatabase } from "../../support/postgres-test.ts";
import { sharedPostgres } from "../../support/shared-servers.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

interface Notes {
  folder: string;
  manifest: Manifest;
  /** Frames of a block that is stored as itself, of a dictionary that is no block, and of a delta. */
  block: FrameReference;
  dictionary: FrameReference;
  delta: FrameReference;
  index: FrameReference;
}

/** With a backup of one table in blocks, for all tests of this file. */
const test = laptopTest.extend<{ $file: { notes: Notes } }>({
  notes: [
    // eslint-disable-next-line no-empty-pattern -- vitest demands a pattern
    async ({}, use) => {
      const database = await createDatabase(await sharedPostgres(15));
      const client = await database.connect();
      await client.query(`CREATE TABLE notes AS
        SELECT id, md5(id::text) || md5('x' || id) AS note FROM generate_series(1, 20000) AS id`);
      const folder = await mkdtemp(join(tmpdir(), "dataops-notes-"));
      const storage = openFileStorage(folder);
      const manifest = await storeBlockBackup(storage, database);
      await use({ folder, manifest, ...(await framesOf(folder, manifest)) });
      await rm(folder, { recursive: true, force: true });
      await database.drop();
    },
    { scope: "file" },
  ],
});

async function framesOf(folder: string, manifest: Manifest) {
  const { signal } = new AbortController();
  const [table] = await readBlockIndexes({ storage: openFileStorage(folder), manifest, signal });
  const blocks = [...(table?.ranges ?? [])].flatMap(({ block }) => block ?? []);
  // Not the first ones: rows have come by then.
  const plain = blocks.findLast(({ base }) => base === undefined);
  const delta = blocks.findLast(({ base }) => base !== undefined);
  if (table === undefined || plain === undefined || delta?.base === undefined)
    throw new Error("no such frames");
  return { block: plain.frame, delta: delta.frame, dictionary: delta.base.frame, index: table.table.index };
}

describe("blocks in the storage", () => {
  const flip =
    (which: "block" | "delta" | "dictionary" | "index") =>
    async (folder: string, notes: Notes): Promise<string> => {
      const { pack, offset, length } = notes[which];
      const path = pathOf(folder, notes.manifest, pack);
      const content = await readFile(path);
      const place = offset + (length >> 1);
      content[place] = (content[place] ?? 0) ^ 1;
      await writeFile(path, content);
      return pack;
    };

  test.for<{ what: string; spoil: (folder: string, notes: Notes) => Promise<string> }>([
    { what: "a block with a flipped bit", spoil: flip("block") },
    { what: "a delta with a flipped bit", spoil: flip("delta") },
    { what: "a dictionary with a flipped bit", spoil: flip("dictionary") },
    { what: "an index with a flipped bit", spoil: flip("index") },
    {
      what: "a pack that is cut",
      spoil: async (folder, { manifest, dictionary: { pack } }) => {
        const path = pathOf(folder, manifest, pack);
        await truncate(path, (await readFile(path)).byteLength - 1);
        return pack;
      },
    },
    {
      what: "a pack that is gone",
      spoil: async (folder, { manifest, block: { pack } }) => {
        await rm(pathOf(folder, manifest, pack));
        return pack;
      },
    },
  ])("$what: exit 14 names it, and the target is untouched", async ({ spoil }, { notes, local, dataops }) => {
    await local.create();
    const root = await temporaryFolder("spoiled");
    const folder = join(root, "storage");
    await cp(notes.folder, folder, { recursive: true });
    const pack = await spoil(folder, notes);
    const cache = join(root, "cache");
    const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    const fetch = await dataops.run(["fetch-latest-db", "--yes", "--force"], { environment });
    expect(fetch, fetch.stderr).toMatchObject({ code: 14, stdout: "" });
    expectOneLine(fetch);
    expect(fetch.stderr).toContain(pack);
    await expectUntouched(local);
    const exported = await dataops.run(["export", notes.manifest.id], { environment });
    expect(exported.code, exported.stderr).toBe(14);
    expectOneLine(exported);
    expect(exported.stderr).toContain(pack);
    // psql fails at what has come, too.
    expect(exported.stdout).toMatch(/^$|RAISE EXCEPTION 'the export failed before its end'/);
  });
});

function pathOf(folder: string, { database }: Manifest, pack: string): string {
  return join(folder, packKey(database, pack));
}
