import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isDataopsError } from "../../../src/errors.ts";
import { CheckpointWriter, readCheckpoint, removeCheckpoint } from "../../../src/reindex/checkpoint.ts";
import { DocumentTable } from "../../../src/reindex/document-table.ts";
import { whyNotContinue } from "../../../src/reindex/prepare.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const IDENTITY = { digest: "a".repeat(64), history: "one life" };

function scan(table: DocumentTable, ids: readonly number[]): void {
  table.beginScan();
  for (const id of ids) {
    const bytes = Buffer.from(String(id));
    table.seeRow(table.add(bytes, 0, bytes.byteLength), 1, 0);
  }
  table.endScan();
}

function pending(table: DocumentTable): string[] {
  return [...table.pending()].map((entry) => table.id(entry));
}

/** A checkpoint of two segments: ten documents of which the first six are settled, and two that came later. */
async function written() {
  const folder = await temporaryFolder("checkpoint");
  const place = {
    storage: openFileStorage(folder),
    job: { kind: "reindex", name: "products", database: "staging" },
    run: "20261121T040000Z-k3v9qa",
  } as const;
  const writer = new CheckpointWriter({ ...place, firstSegment: 0 }, IDENTITY, () => 0);
  const table = new DocumentTable();
  const ten = Array.from({ length: 10 }, (_, index) => index);
  scan(table, ten);
  await writer.write(table, 1, {});
  for (const entry of ten.slice(0, 6)) table.settle(entry, 1);
  scan(table, [...ten, 10, 11]);
  await writer.write(table, 2, {});
  return { folder, place, table, ids: [...ten, 10, 11] };
}

describe("a checkpoint", () => {
  test("gives back which documents are in the index, and which may be", async () => {
    const { place, ids } = await written();
    const found = await readCheckpoint(place, {});
    expect(found).toMatchObject({
      ...IDENTITY,
      version: 2,
      nextSegment: 2,
      progress: { documents: 12, documentsSettled: 6, updated: "1970-01-01T00:00:00.000Z" },
    });
    const table = await found?.readTable({});
    if (table === undefined) throw new Error("there is a checkpoint");
    scan(table, ids);
    expect(pending(table)).toEqual(["6", "7", "8", "9", "10", "11"]);
    scan(table, ids.slice(3));
    expect(pending(table)).toEqual(["0", "1", "2", "6", "7", "8", "9", "10", "11"]);
  });

  test("of a run that goes on leaves that of the run before whole until it is written", async () => {
    const { place, table, folder } = await written();
    const next = new CheckpointWriter({ ...place, firstSegment: 2 }, IDENTITY, () => 0);
    const before = await readdir(folder, { recursive: true });
    await next.write(table, 3, {});
    const after = await readdir(folder, { recursive: true });
    expect(after.filter((file) => !before.includes(file)).map((file) => file.split("/").at(-1))).toEqual([
      "documents-2.zst",
    ]);
    expect((await (await readCheckpoint(place, {}))?.readTable({}))?.length).toBe(12);
    await removeCheckpoint(place, {});
    expect(await readCheckpoint(place, {})).toBeUndefined();
  });

  test("that is cut or has a bit flipped anywhere is none", async () => {
    const { place, folder } = await written();
    const read = async (): Promise<unknown> => (await readCheckpoint(place, {}))?.readTable({});
    const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(zst|json)$/.test(name));
    expect(files).toHaveLength(3);
    for (const file of files.map((name) => join(folder, name))) {
      const whole = await readFile(file);
      const damaged = [whole.subarray(0, whole.byteLength - 2), whole.subarray(0, 5), Buffer.from("[]")];
      if (file.endsWith(".zst")) {
        for (let at = 0; at < whole.byteLength; at++) {
          const flipped = Buffer.from(whole);
          flipped[at] = (flipped[at] ?? 0) ^ 1;
          damaged.push(flipped);
        }
      }
      for (const content of damaged) {
        await writeFile(file, content);
        const outcome = await read().catch((error: unknown) => error);
        // A bit that decompression does not look at changes nothing.
        const isFine = isDataopsError(outcome, "corrupt") || outcome instanceof DocumentTable;
        expect(isFine, String(outcome)).toBe(true);
      }
      await writeFile(file, damaged[0] ?? "");
      await expect(read()).rejects.toSatisfy((error) => isDataopsError(error, "corrupt"));
      await writeFile(file, whole);
    }
  });

  test.for([
    [undefined, "left no checkpoint"],
    [{ ...IDENTITY, digest: "b".repeat(64) }, "SQL"],
    [{ ...IDENTITY, history: "another life" }, "restarted"],
  ] as const)("is of no use where it is %j", ([found, why]) => {
    expect(whyNotContinue(found, IDENTITY)).toContain(why);
    expect(whyNotContinue(IDENTITY, IDENTITY)).toBeUndefined();
  });
});
