import { expect } from "vitest";
import type { Storage } from "../../src/storage/storage.ts";
import { collectAll, type StorageTest } from "./storage.ts";

/** More than a page of S3 holds. */
const MANY = 1_050;
const AT_ONCE = 25;

/** `list`, over pages and by prefix. */
export function listingTests(test: StorageTest): void {
  test("an empty storage lists nothing", async ({ storage }) => {
    expect(await collectAll(storage.list(""))).toEqual([]);
    expect(await collectAll(storage.list("any/prefix"))).toEqual([]);
    expect(await collectAll(storage.listUploads(""))).toEqual([]);
  });

  test("every object is listed, over all pages, once", async ({ storage }) => {
    const keys = Array.from({ length: MANY }, (_, index) => `many/${index % 7}/${index}`);
    await putAll(storage, keys);
    const listed = await collectAll(storage.list("many/"));
    expect(listed.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
  });

  test("a prefix is the beginning of a key, not a folder", async ({ storage }) => {
    await putAll(storage, ["a/1", "a/10", "a/2", "ab/1", "b/a/1"]);
    const under = async (prefix: string): Promise<string[]> =>
      (await collectAll(storage.list(prefix))).map(({ key }) => key).toSorted();
    expect(await under("a/1")).toEqual(["a/1", "a/10"]);
    expect(await under("a/")).toEqual(["a/1", "a/10", "a/2"]);
    expect(await under("a")).toEqual(["a/1", "a/10", "a/2", "ab/1"]);
    expect(await under("")).toEqual(["a/1", "a/10", "a/2", "ab/1", "b/a/1"]);
    expect(await under("c")).toEqual([]);
  });

  test("a listing tells what head tells", async ({ storage }) => {
    await storage.put("a/b", Buffer.from("12345"));
    const [listed] = await collectAll(storage.list("a/"));
    const { size, tag, modified } = await storage.head("a/b");
    expect(listed).toMatchObject({ key: "a/b", size, tag });
    // One of the two may be told in whole seconds.
    expect(Math.abs((listed?.modified.getTime() ?? 0) - modified.getTime())).toBeLessThanOrEqual(1000);
  });
}

async function putAll(storage: Storage, keys: readonly string[]): Promise<void> {
  const left = keys.values();
  const worker = async (): Promise<void> => {
    for (const key of left) await storage.put(key, Buffer.from(key));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
