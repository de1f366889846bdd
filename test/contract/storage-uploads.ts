import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import type { Storage } from "../../src/storage/storage.ts";
import { ODD_KEYS } from "./storage-keys.ts";
import { collect, collectAll, failureOf, partSizeOf, type StorageTest } from "./storage.ts";

/** The multipart protocol. */
export function uploadTests(test: StorageTest): void {
  test("parts in any order and at the same time make the object, which is not there before", async ({
    storage,
  }) => {
    const partSize = partSizeOf(storage);
    const parts = [randomBytes(partSize), randomBytes(partSize), randomBytes(partSize), Buffer.from("end")];
    const upload = await storage.startUpload("dump/big", partSize);
    await Promise.all(
      [3, 1, 4, 2].map((number) => upload.part(number, parts[number - 1] ?? Buffer.alloc(0))),
    );
    await expect(storage.head("dump/big")).rejects.toSatisfy(failureOf("not-found"));
    await expect(storage.get("dump/big")).rejects.toSatisfy(failureOf("not-found"));
    expect(await collectAll(storage.list(""))).toEqual([]);
    const whole = Buffer.concat(parts);
    expect(await upload.complete(4)).toMatchObject({ key: "dump/big", size: whole.byteLength });
    expect((await collect(await storage.get("dump/big"))).equals(whole)).toBe(true);
    expect(await openUploads(storage)).toEqual([]);
  });

  test("what complete tells is what head tells", async ({ storage }) => {
    const upload = await storage.startUpload("a", partSizeOf(storage));
    await upload.part(1, Buffer.from("12345"));
    const { key, size, tag } = await upload.complete(1);
    expect(await storage.head("a")).toMatchObject({ key, size, tag });
  });

  test("the old object stays until the new one is complete", async ({ storage }) => {
    await storage.put("a", Buffer.from("old"));
    const upload = await storage.startUpload("a", partSizeOf(storage));
    await upload.part(1, Buffer.from("new"));
    expect((await collect(await storage.get("a"))).toString()).toBe("old");
    await upload.complete(1);
    expect((await collect(await storage.get("a"))).toString()).toBe("new");
  });

  test("a part may be sent again, shorter or longer: the last one counts", async ({ storage }) => {
    const partSize = partSizeOf(storage);
    const first = randomBytes(partSize);
    const upload = await storage.startUpload("a", partSize);
    await upload.part(1, randomBytes(partSize));
    await upload.part(2, Buffer.from("x".repeat(1000)));
    await upload.part(1, first);
    await upload.part(2, Buffer.from("y"));
    expect(await upload.complete(2)).toMatchObject({ size: partSize + 1 });
    const whole = await collect(await storage.get("a"));
    expect(whole.equals(Buffer.concat([first, Buffer.from("y")]))).toBe(true);
  });

  test("the bytes are the caller's again once a part has been sent", async ({ storage }) => {
    const upload = await storage.startUpload("a", partSizeOf(storage));
    const body = Buffer.from("before");
    await upload.part(1, body);
    body.fill("x");
    await upload.complete(1);
    expect((await collect(await storage.get("a"))).toString()).toBe("before");
  });

  test("one empty part makes an empty object", async ({ storage }) => {
    const upload = await storage.startUpload("empty", partSizeOf(storage));
    await upload.part(1, new Uint8Array());
    expect(await upload.complete(1)).toMatchObject({ size: 0 });
    expect(await storage.head("empty")).toMatchObject({ size: 0 });
  });

  test("a missing part fails the completion, and nothing appears", async ({ storage }) => {
    const upload = await storage.startUpload("a", partSizeOf(storage));
    await upload.part(2, Buffer.from("second"));
    await expect(upload.complete(2)).rejects.toSatisfy(failureOf("permanent"));
    expect(await collectAll(storage.list(""))).toEqual([]);
    await upload.abort();
    expect(await openUploads(storage)).toEqual([]);
  });

  test("an abort leaves nothing, at any time and twice", async ({ storage }) => {
    const fresh = await storage.startUpload("fresh", partSizeOf(storage));
    const begun = await storage.startUpload("begun", partSizeOf(storage));
    await begun.part(1, Buffer.from("x"));
    for (const upload of [fresh, begun]) {
      await upload.abort();
      await upload.abort();
    }
    expect(await collectAll(storage.list(""))).toEqual([]);
    expect(await openUploads(storage)).toEqual([]);
  });
}

/** `listUploads`, which not every stand-in for S3 has. */
export function unfinishedUploadTests(test: StorageTest): void {
  test("uploads neither completed nor aborted are listed by prefix, and can be aborted from there", async ({
    storage,
  }) => {
    const before = Date.now();
    const all = await Promise.all([
      storage.startUpload("a/mine", partSizeOf(storage)),
      storage.startUpload("a/mine", partSizeOf(storage)),
      storage.startUpload("ab/other", partSizeOf(storage)),
    ]);
    expect(await openUploads(storage)).toEqual(["a/mine", "a/mine", "ab/other"]);
    expect(await openUploads(storage, "a/")).toEqual(["a/mine", "a/mine"]);
    for await (const { started } of storage.listUploads("a/")) {
      expect(started.getTime()).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000 - 1000);
      expect(started.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
    }
    await all[0].abort();
    expect(await openUploads(storage)).toEqual(["a/mine", "ab/other"]);
    for (const unfinished of await collectAll(storage.listUploads(""))) {
      await unfinished.abort();
      await unfinished.abort();
    }
    expect(await openUploads(storage)).toEqual([]);
    for (const upload of all) await upload.abort();
  });

  test("odd keys are listed by their names", async ({ storage }) => {
    for (const key of ODD_KEYS) {
      const upload = await storage.startUpload(key, partSizeOf(storage));
      expect(await openUploads(storage, key)).toEqual([key]);
      await upload.abort();
    }
  });
}

async function openUploads(storage: Storage, prefix = ""): Promise<string[]> {
  return (await collectAll(storage.listUploads(prefix))).map(({ key }) => key).toSorted();
}
