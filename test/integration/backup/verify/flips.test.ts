import fc from "fast-check";
import { describe, expect } from "vitest";
import { archiveKey, packKey } from "../../../../src/repository/keys.ts";
import type { Manifest } from "../../../../src/repository/manifest.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { flipping, flipStored } from "../../../support/changed-storage.ts";
import { test } from "../../../support/postgres-test.ts";
import { StoredBlocks } from "../../../support/stored-blocks.ts";
import {
  backUpLife,
  CHANGES,
  linesOf,
  neededBytes,
  NOTES,
  readAll,
  type NeededBytes,
} from "../../../support/verify-test.ts";

describe("a bit that flips", () => {
  test("in an old pack fails every backup that needs it, with its name", async ({ database }) => {
    const client = await database.connect();
    await client.query(`${NOTES} CREATE TABLE others AS SELECT generate_series(1, 100) AS id`);
    const { storage, manifests } = await backUpLife(database, CHANGES);
    const [first] = manifests;
    const blocks = await new StoredBlocks(storage, first!).ranges("notes");
    const middle = blocks[Math.floor(blocks.length / 2)];
    const { frame } = middle!.block!;
    await flipStored(storage, packKey("shop", frame.pack), frame.offset + 20);
    const { verdicts } = await readAll(database, storage, manifests);
    for (const { findings } of verdicts) {
      expect(linesOf(findings)).toEqual([
        expect.stringMatching(
          new RegExp(
            `^packs/${frame.pack}.pack \\| at ${frame.offset} \\| public.notes \\| \\d+,0-\\d+,0 \\| ${middle!.block!.rows} rows cannot be restored: it is not what its index says$`,
          ),
        ),
      ]);
      expect(findings.kept[0]?.length).toBe(frame.length);
    }
    // Alone as together.
    for (const manifest of manifests) {
      const alone = await readAll(database, storage, [manifest]);
      expect(alone.verdicts[0]?.findings.inAll).toBe(1);
    }
  });

  test("in a dictionary fails the blocks that were made with it", async ({ database }) => {
    const client = await database.connect();
    await client.query(NOTES);
    const { storage, manifests } = await backUpLife(database, CHANGES);
    const last = manifests.at(-1)!;
    const delta = (await new StoredBlocks(storage, last).blocks("notes")).find(
      ({ base }) => base !== undefined,
    );
    const base = delta!.base!.frame;
    await flipStored(storage, packKey("shop", base.pack), base.offset + 20);
    const { verdicts } = await readAll(database, storage, [last]);
    expect(linesOf(verdicts[0]!.findings)).toEqual([
      expect.stringMatching(/public\.notes .* the dictionary of its rows: it is not what its index says$/),
    ]);
  });

  test("in a list of blocks is told with the table", async ({ database }) => {
    const client = await database.connect();
    await client.query(NOTES);
    const { storage, manifests } = await backUpLife(database, []);
    const { index } = manifests[0]!.blocks!.tables[0]!;
    await flipStored(storage, packKey("shop", index.pack), index.offset + 12);
    const { verdicts } = await readAll(database, storage, manifests);
    expect(linesOf(verdicts[0]!.findings)).toEqual([
      expect.stringMatching(
        /^packs\/.* \| at \d+ \| public\.notes \| .*the list of blocks of public\.notes is not what the manifest says$/,
      ),
    ]);
  });

  test("in the archive is told with its piece", async ({ database }) => {
    const { storage, manifests } = await backUpLife(database, []);
    const key = archiveKey("shop", manifests[0]!.id);
    await flipStored(storage, key, 100);
    const { verdicts } = await readAll(database, storage, manifests);
    expect(linesOf(verdicts[0]!.findings)).toEqual([
      expect.stringMatching(/archive\.dump\.zst \| at 0 \| the archive is corrupt: the digest of this piece/),
    ]);
  });

  test("anywhere is found, or changes nothing", { timeout: 60_000 }, async ({ database }) => {
    const client = await database.connect();
    await client.query(NOTES);
    const { storage, manifests } = await backUpLife(database, CHANGES);
    const last = manifests.at(-1)!;
    const spans = await neededBytes(storage, last);
    const bytes = spans.reduce((sum, { length }) => sum + length, 0);
    const text = await textOf(storage, last);
    let found = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes - 1), fc.integer({ min: 1, max: 255 }), async (place, bits) => {
        const { key, offset } = placeIn(spans, place);
        const changed = flipping(storage, key, offset, bits);
        const { verdicts } = await readAll(database, changed, [last]);
        const { kept } = verdicts[0]!.findings;
        if (kept.length > 0) found += 1;
        expect(new Set(kept.map(({ object }) => object)), key).toEqual(new Set(kept.length > 0 ? [key] : []));
        const restored = kept.length === 0 ? await textOf(changed, last) : text;
        expect(restored.equals(text)).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect(found, "the changes do harm").toBeGreaterThan(50);
  });

  test("only on the way does not count", async ({ database }) => {
    const client = await database.connect();
    await client.query(NOTES);
    const { storage, manifests } = await backUpLife(database, []);
    const seen = new Set<string>();
    const unsteady: Storage = {
      ...storage,
      get: async (key, options) => {
        const isFirst = !seen.has(key);
        seen.add(key);
        const place = (options?.range?.start ?? 0) + 30;
        return isFirst ? flipping(storage, key, place, 1).get(key, options) : storage.get(key, options);
      },
    };
    const { verdicts } = await readAll(database, unsteady, manifests);
    expect(seen.size).toBe(2);
    expect(linesOf(verdicts[0]!.findings)).toEqual([]);
  });
});

function placeIn(spans: readonly NeededBytes[], place: number): { key: string; offset: number } {
  let rest = place;
  for (const { key, offset, length } of spans) {
    if (rest < length) return { key, offset: offset + rest };
    rest -= length;
  }
  throw new RangeError("there are not so many bytes");
}

async function textOf(storage: Storage, manifest: Manifest): Promise<Buffer> {
  return await new StoredBlocks(storage, manifest).text("notes");
}
