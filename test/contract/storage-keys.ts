import { expect } from "vitest";
import { collect, collectAll, failureOf, partSizeOf, type StorageTest } from "./storage.ts";

/** Valid, and trouble wherever a name is not quoted as it must be. */
export const ODD_KEYS: readonly string[] = [
  "with space/and  two",
  "plus+plus/a+b",
  "percent%20/100%",
  "ünïcödé/日本語/🐘",
  "question?mark=1&two",
  "hash#fragment",
  "quote'\"`",
  "semi;colon,comma",
  "tilde~/a~b",
  "equals=/star*",
  "...dots/a..b/.hidden",
  "back\\slash",
  "colon:/2026-11-21T10:00:00Z",
  "some.lock",
  "$HOME/{brace}[bracket]<angle>",
];

const HOSTILE_KEYS = [
  "",
  ".",
  "..",
  "../outside",
  "a/../../outside",
  "a/..",
  "/absolute",
  "a//b",
  "a/",
  "a/./b",
  "nul\0byte",
];

/** Which keys work, and which must not. */
export function keyTests(test: StorageTest): void {
  test("odd keys keep their names through every operation", async ({ storage }) => {
    for (const key of ODD_KEYS) {
      await storage.put(key, Buffer.from(key));
      expect((await collect(await storage.get(key))).toString()).toBe(key);
      expect(await storage.head(key)).toMatchObject({ key });
      expect((await collectAll(storage.list(key))).map((found) => found.key)).toEqual([key]);
    }
    const listed = (await collectAll(storage.list(""))).map(({ key }) => key);
    expect(listed.toSorted()).toEqual(ODD_KEYS.toSorted());
    for (const key of ODD_KEYS) await storage.delete(key);
    expect(await collectAll(storage.list(""))).toEqual([]);
  });

  test("odd keys keep their names through an upload", async ({ storage }) => {
    for (const key of ODD_KEYS) {
      const upload = await storage.startUpload(key, partSizeOf(storage));
      expect(upload.key).toBe(key);
      await upload.part(1, Buffer.from(key));
      expect(await upload.complete(1)).toMatchObject({ key });
      expect((await collect(await storage.get(key))).toString()).toBe(key);
    }
  });

  test("keys that lead elsewhere are refused by every operation", async ({ storage }) => {
    const body = Buffer.from("x");
    for (const key of HOSTILE_KEYS) {
      const calls = [
        storage.put(key, body),
        storage.create(key, body),
        storage.replace(key, body, "tag"),
        storage.startUpload(key, partSizeOf(storage)),
        storage.get(key),
        storage.get(key, { range: { start: 0, end: 0 } }),
        storage.head(key),
        storage.delete(key),
      ];
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === "fulfilled") throw new Error(`the key ${JSON.stringify(key)} was taken`);
        expect(result.reason).toSatisfy(failureOf("permanent"));
      }
    }
    expect(await collectAll(storage.list(""))).toEqual([]);
    expect(await collectAll(storage.listUploads(""))).toEqual([]);
  });
}
