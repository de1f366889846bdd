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

/** The sizes of the dictionaries that are asked for while a text is stored. */
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
