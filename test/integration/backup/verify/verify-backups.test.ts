import { hash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { describe, expect, vi } from "vitest";
import { archiveKey, backupOfPack, packKey } from "../../../../src/repository/keys.ts";
import { serializeBlockIndex } from "../../../../src/repository/blocks/block-index.ts";
import type { Manifest } from "../../../../src/repository/manifest.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { cutStored, flipping, readObject } from "../../../support/changed-storage.ts";
import { test } from "../../../support/postgres-test.ts";
import { StoredBlocks } from "../../../support/stored-blocks.ts";
import { backUpLife, CHANGES, linesOf, neededBytes, NOTES, readAll } from "../../../support/verify-test.ts";

test("sound backups have no findings, and what they share is read once", async ({ database }) => {
  const client = await database.connect();
  await client.query(NOTES);
  const { storage, manifests } = await backUpLife(database, CHANGES);
  expect(new Set(manifests.at(-1)?.blocks?.packs.map(({ name }) => backupOfPack(name))).size).toBe(3);
  const read = recordingReads(storage);
  const { verdicts, bytesRead } = await readAll(database, read.storage, manifests);
  expect(verdicts.map(({ findings, remarks }) => [...linesOf(findings), ...remarks])).toEqual([[], [], []]);
  expect(read.twice()).toEqual([]);
  const needed = new Map<string, number>();
  for (const manifest of manifests) {
    for (const { key, offset, length, isList } of await neededBytes(storage, manifest)) {
      if (!isList) needed.set(`${key} ${offset}`, length);
    }
  }
  const bytes = [...needed.values()].reduce((sum, length) => sum + length, 0);
  expect(bytesRead).toBeGreaterThanOrEqual(bytes);
  expect(bytesRead).toBeLessThan(1.25 * bytes);
});

describe("an object", () => {
  test.for([
    {
      name: "an archive that is cut",
      which: "archive",
      harm: cutStored,
      ofFirst: [/archive\.dump\.zst \| the archive cannot be read: it has \d+ bytes; the manifest says \d+$/],
      ofLast: [],
    },
    {
      name: "an archive that is missing",
      which: "archive",
      harm: remove,
      ofFirst: [/archive\.dump\.zst \| the archive cannot be read: it is missing$/],
      ofLast: [],
    },
    {
      name: "a pack that lost its last byte",
      which: "pack",
      harm: cutStored,
      ofFirst: [/\.pack \| the pack has \d+ bytes; the manifest says \d+$/],
      ofLast: [/\.pack \| the pack has \d+ bytes; the manifest says \d+$/],
    },
    {
      name: "a pack that is missing",
      which: "pack",
      harm: remove,
      ofFirst: [
        /\.pack \| the pack is missing$/,
        /public\.notes \| its list of blocks cannot be read: it is missing$/,
      ],
      ofLast: [
        /\.pack \| the pack is missing$/,
        /public\.notes \| \d+ of its 4000 rows need the missing pack$/,
      ],
    },
  ] as const)("$name is named", async ({ which, harm, ofFirst, ofLast }, { database }) => {
    const client = await database.connect();
    await client.query(NOTES);
    const { storage, manifests } = await backUpLife(database, CHANGES);
    const { id } = manifests[0]!;
    await harm(storage, which === "archive" ? archiveKey("shop", id) : packKey("shop", `${id}-1`));
    const { verdicts } = await readAll(database, storage, manifests);
    const [first, , last] = verdicts.map(({ findings }) => linesOf(findings));
    expect(first).toEqual(ofFirst.map((line) => expect.stringMatching(line)));
    expect(last).toEqual(ofLast.map((line) => expect.stringMatching(line)));
  });

  test("a pack that is cut in the middle loses what stood behind", async ({ database }) => {
    const client = await database.connect();
    await client.query(NOTES);
    const { storage, manifests } = await backUpLife(database, CHANGES);
    const key = packKey("shop", `${manifests[0]!.id}-1`);
    const content = await readObject(storage, key);
    await storage.put(key, content.subarray(0, content.byteLength / 2));
    const { verdicts } = await readAll(database, storage, manifests.slice(-1));
    const ranges = await new StoredBlocks(
      {
        ...storage,
        get: (key, options) =>
          key === packKey("shop", `${manifests[0]!.id}-1`)
            ? Promise.resolve(once(content))
            : storage.get(key, options),
      },
      manifests[2]!,
    ).ranges("notes");
    const behind = ranges.filter(({ block }) => {
      const frames = [block?.frame, block?.base?.frame];
      return frames.some(
        (frame) =>
          frame?.pack === `${manifests[0]!.id}-1` && frame.offset + frame.length > content.byteLength / 2,
      );
    });
    expect(behind.length).toBeGreaterThan(3);
    expect(verdicts[0]?.findings.inAll).toBe(behind.length + 1);
  });
});

test("a list of blocks that counts other rows than there are is found out", async ({ database }) => {
  const client = await database.connect();
  await client.query(NOTES);
  const { storage, manifests } = await backUpLife(database, []);
  const manifest = manifests[0]!;
  const table = manifest.blocks!.tables[0]!;
  const ranges = await new StoredBlocks(storage, manifest).ranges("notes");
  const [one, two] = ranges;
  one!.block!.rows += 1;
  two!.block!.rows -= 1;
  const list = Buffer.concat([...serializeBlockIndex(ranges)]);
  const stored = zstdCompressSync(list);
  const pack = `${manifest.id}-2`;
  await storage.put(packKey("shop", pack), stored);
  const index = {
    pack,
    offset: 0,
    length: stored.byteLength,
    size: list.byteLength,
    sha256: hash("sha256", list, "hex"),
  };
  const changed: Manifest = {
    ...manifest,
    blocks: {
      packs: [...manifest.blocks!.packs, { name: pack, size: stored.byteLength }],
      tables: [{ ...table, index }],
    },
  };
  const { verdicts } = await readAll(database, storage, [changed]);
  expect(linesOf(verdicts[0]!.findings)).toEqual([
    expect.stringMatching(/it holds \d+ rows in \d+ bytes; its index says \d+ in \d+$/),
    expect.stringMatching(/it holds \d+ rows in \d+ bytes; its index says \d+ in \d+$/),
  ]);
});

test("an archive whose digests are right, and that pg_restore cannot read, is found out", async ({
  database,
}) => {
  const client = await database.connect();
  await client.query("CREATE VIEW numbers AS SELECT 1 AS number");
  const { storage, manifests } = await backUpLife(database, []);
  const manifest = manifests[0]!;
  const stored = zstdCompressSync(Buffer.from("PGDMP and nothing of what should follow"));
  await storage.put(archiveKey("shop", manifest.id), stored);
  const digest = hash("sha256", stored, "hex");
  const archive = { ...manifest.archive, size: stored.byteLength, sha256: digest, pieces: [digest] };
  const { verdicts } = await readAll(database, storage, [{ ...manifest, archive }]);
  expect(linesOf(verdicts[0]!.findings)).toEqual([
    expect.stringMatching(/the archive cannot be read back: pg_restore/),
  ]);
});

test("without a pg_restore all else is checked, and that is said", async ({ database }) => {
  const { storage, manifests } = await backUpLife(database, []);
  const options = { environment: { PATH: "/nowhere", DATAOPS_POSTGRES_BIN: "/nowhere" } };
  const { verdicts } = await readAll(database, storage, manifests, options);
  expect(verdicts[0]?.findings.inAll).toBe(0);
  expect(verdicts[0]?.remarks).toEqual([
    expect.stringMatching(/^pg_restore did not read the archive, .*\/nowhere/),
  ]);
});

test(
  "values that are too large to be held go through in bounded memory",
  { timeout: 120_000 },
  async ({ database }) => {
    const client = await database.connect();
    await client.query(`CREATE TABLE scans (id int, scan text);
    ALTER TABLE scans ALTER COLUMN scan SET STORAGE EXTERNAL;
    INSERT INTO scans SELECT number, repeat(md5(number::text), 3500000) FROM generate_series(1, 2) AS number`);
    const { storage, manifests } = await backUpLife(database, []);
    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 20);
    const { verdicts } = await readAll(database, storage, manifests).finally(() => clearInterval(watch));
    expect(linesOf(verdicts[0]!.findings)).toEqual([]);
    expect(most).toBeLessThan(90_000_000);
    // And it looked at them.
    const block = (await new StoredBlocks(storage, manifests[0]!).blocks("scans"))[1]!;
    const broken = flipping(
      storage,
      packKey("shop", block.frame.pack),
      block.frame.offset + block.frame.length - 5,
      1,
    );
    const again = await readAll(database, broken, manifests);
    expect(linesOf(again.verdicts[0]!.findings)).toEqual([
      expect.stringContaining("it is not what its index says"),
    ]);
  },
);

test("an abort ends it at once, with its reason", async ({ database }) => {
  const client = await database.connect();
  await client.query(NOTES);
  const { storage, manifests } = await backUpLife(database, []);
  const abort = new AbortController();
  const reason = new Error("told to end");
  const stuck: Storage = {
    ...storage,
    get: async (key, options) => {
      if (!key.endsWith(".zst")) return storage.get(key, options);
      abort.abort(reason);
      options?.signal?.throwIfAborted();
      throw new Error("went on after the abort");
    },
  };
  await expect(readAll(database, stuck, manifests, { signal: abort.signal })).rejects.toBe(reason);
});

test("a storage that breaks says nothing about the backup", async ({ database }) => {
  const client = await database.connect();
  await client.query(NOTES);
  const { storage, manifests } = await backUpLife(database, []);
  const broken = vi.fn<Storage["get"]>().mockRejectedValue(new Error("no route to host"));
  await expect(readAll(database, { ...storage, get: broken }, manifests)).rejects.toThrow("no route to host");
});

// eslint-disable-next-line typescript/require-await -- as a storage gives it
async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

function remove(storage: Storage, key: string): Promise<void> {
  return storage.delete(key);
}

/** Notes which bytes are asked for. */
function recordingReads(inner: Storage): { storage: Storage; twice(): string[] } {
  const reads = new Map<string, { start: number; end: number }[]>();
  const spansOf = (key: string): { start: number; end: number }[] =>
    (reads.get(key) ?? []).toSorted((one, other) => one.start - other.start);
  return {
    storage: {
      ...inner,
      get: (key, options) => {
        if (options?.range !== undefined) reads.set(key, [...(reads.get(key) ?? []), options.range]);
        return inner.get(key, options);
      },
    },
    twice: () =>
      [...reads.keys()].flatMap((key) =>
        spansOf(key).flatMap(({ start }, index, spans) =>
          start < (spans[index - 1]?.end ?? 0) ? [`${key} at ${start}`] : [],
        ),
      ),
  };
}
