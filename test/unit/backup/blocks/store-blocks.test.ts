import { hash } from "node:crypto";
import { expect, test } from "vitest";
import { PackWriter } from "../../../../src/backup/blocks/pack-writer.ts";
import { BlockStore } from "../../../../src/backup/blocks/store-blocks.ts";
import type { StoredBlock } from "../../../../src/repository/blocks/stored-block.ts";
import { packName } from "../../../../src/repository/keys.ts";
import { openFileStorage } from "../../../../src/storage/file.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const ID = "20261121T040000Z-k3v9qa";
const EARLIER_PACK = packName("20261121T000000Z-abcdef", 1);
const MEBIBYTE = 1024 * 1024;

/** The digests of the dictionaries that are asked for while a text is stored. */
async function dictionariesFor(text: Buffer, earlier: Pick<StoredBlock, "size" | "base">): Promise<string[]> {
  const asked: string[] = [];
  const signal = new AbortController().signal;
  const storage = openFileStorage(await temporaryFolder("store-blocks"));
  const packs = new PackWriter({ storage, database: "shop", id: ID, signal });
  using store = new BlockStore({
    packs,
    base: { tables: new Map(), blocks: new Map(), packs: new Map([[EARLIER_PACK, 1000]]) },
    dictionaries: {
      read: ({ sha256 }) => {
        asked.push(sha256);
        return Promise.resolve(undefined);
      },
    },
    compressionLevel: 1,
  });
  const frame = { pack: EARLIER_PACK, offset: 0, length: 500 };
  await store.store({ text, sha256: hash("sha256", text, "hex") }, 1, {
    rows: 1,
    sha256: "earlier",
    frame,
    ...earlier,
  });
  await packs.finish();
  return asked;
}

const base = { frame: { pack: EARLIER_PACK, offset: 500, length: 500 }, sha256: "base" };

test.for([
  ["the earlier text", MEBIBYTE, { size: MEBIBYTE, base: undefined }, ["earlier"]],
  ["what the earlier text was compressed with", 10, { size: MEBIBYTE, base }, ["base"]],
  ["no dictionary for a text that is too long", MEBIBYTE + 1, { size: 10, base: undefined }, []],
  ["no earlier text that is too long", 10, { size: MEBIBYTE + 1, base: undefined }, []],
  ["the dictionary of a text that has become too long", 10, { size: MEBIBYTE + 1, base }, ["base"]],
] as const)("a text is compressed with %s", async ([, size, earlier, expected]) => {
  expect(await dictionariesFor(Buffer.alloc(size, "x"), earlier)).toEqual(expected);
});

/** Rows with an MD5 sum and a number, of which nothing repeats. */
function rowsOfSums(count: number, changed: (row: number) => boolean): Buffer {
  const rows = Array.from({ length: count }, (_, row) => {
    const sum = hash("md5", `${row}${changed(row) ? " changed" : ""}`, "hex");
    return `${row}\t${sum}${hash("md5", sum, "hex")}\n`;
  });
  return Buffer.from(rows.join(""));
}

/** Of sums that changed, 32 bytes each have to be stored, and where they are. */
test.for([
  ["the usual length", 3_600],
  ["twice that", 7_000],
] as const)("a delta of %s is hardly longer than what changed", async ([, count]) => {
  const signal = new AbortController().signal;
  const storage = openFileStorage(await temporaryFolder("store-deltas"));
  const packs = new PackWriter({ storage, database: "shop", id: ID, signal });
  const earlier = rowsOfSums(count, () => false);
  using store = new BlockStore({
    packs,
    base: { tables: new Map(), blocks: new Map(), packs: new Map([[EARLIER_PACK, MEBIBYTE]]) },
    dictionaries: { read: () => Promise.resolve(Buffer.from(earlier)) },
    compressionLevel: 1,
  });
  const text = rowsOfSums(count, (row) => row % 97 === 5);
  const { frame, base: dictionary } = await store.store(
    { text, sha256: hash("sha256", text, "hex") },
    count,
    {
      rows: count,
      size: earlier.byteLength,
      sha256: hash("sha256", earlier, "hex"),
      frame: { pack: EARLIER_PACK, offset: 0, length: earlier.byteLength / 2 },
      base: undefined,
    },
  );
  await packs.finish();
  expect(dictionary).toBeDefined();
  const changed = Math.ceil(count / 97);
  expect(frame.length).toBeLessThan(changed * 64);
});
