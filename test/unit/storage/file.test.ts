import { createHash } from "node:crypto";
import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFileStorage } from "../../../src/storage/file.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("a folder as a storage", () => {
  test("its files and folders are their owner's alone", async () => {
    const folder = join(await temporaryFolder("file"), "made", "by-us");
    const storage = openFileStorage(folder);
    await storage.put("a/b", Buffer.from("x"));
    await storage.create("a/c", Buffer.from("x"));
    const upload = await storage.startUpload("a/d", 10);
    await upload.part(1, Buffer.from("x"));
    await upload.complete(1);
    for (const name of ["b", "c", "d"]) expect(await modeOf(join(folder, "a", name))).toBe(0o600);
    for (const path of [folder, join(folder, "a"), join(folder, ".dataops-uploads")])
      expect(await modeOf(path)).toBe(0o700);
  });

  test("nothing stays behind where files are staged", async () => {
    const folder = await temporaryFolder("file");
    const storage = openFileStorage(folder);
    const { tag } = await storage.create("a", Buffer.from("x"));
    await storage.create("a", Buffer.from("y")).catch(() => undefined);
    await storage.replace("a", Buffer.from("y"), "another").catch(() => undefined);
    await storage.replace("a", Buffer.from("z"), tag);
    expect(await readdir(join(folder, ".dataops-uploads"))).toEqual([]);
  });

  test("a lock left by a killed process is named, not waited for without end", async () => {
    const folder = await temporaryFolder("file");
    const storage = openFileStorage(folder);
    const { tag } = await storage.put("a", Buffer.from("x"));
    const lock = join(folder, ".dataops-uploads", `${createHash("sha256").update("a").digest("hex")}.lock`);
    await writeFile(lock, "");
    await expect(storage.replace("a", Buffer.from("y"), tag)).rejects.toMatchObject({
      kind: "transient",
      hint: expect.stringContaining(lock) as unknown,
    });
  });

  test("the listing of a folder that is not there is empty", async () => {
    const storage = openFileStorage(join(await temporaryFolder("file"), "absent"));
    for await (const { key } of storage.list("")) expect(key).toBeUndefined();
    for await (const { key } of storage.listUploads("")) expect(key).toBeUndefined();
  });

  test("what is no plain file is no object", async () => {
    const folder = await temporaryFolder("file");
    await mkdir(join(folder, "folder"));
    await symlink("/etc/passwd", join(folder, "link"));
    const keys: string[] = [];
    for await (const { key } of openFileStorage(folder).list("")) keys.push(key);
    expect(keys).toEqual([]);
  });
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}
