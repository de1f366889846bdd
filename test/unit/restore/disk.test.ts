import { open, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { DataopsError } from "../../../src/errors.ts";
import { diskError, isSystemError, writeFully } from "../../../src/restore/cache/disk.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

async function errorOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error;
  }
}

describe("diskError", () => {
  // A device that is always full, there on Linux alone.
  test.runIf(process.platform === "linux")("says that the disk is full, and what to do", async () => {
    await using file = await open("/dev/full", "w");
    const error = await errorOf(() => writeFully(file, Buffer.alloc(10), 0));
    expect(diskError(error, "/cache/archive")).toMatchObject({
      exit: "failed",
      message: "no space left on the disk of /cache/archive",
      hint: expect.stringContaining("free some space"),
    });
  });

  test("makes an expected failure of whatever else the system says", async () => {
    const folder = await temporaryFolder("disk");
    const error = await errorOf(() => readFile(folder));
    expect(isSystemError(error, "EISDIR")).toBe(true);
    expect(diskError(error, folder)).toMatchObject({ exit: "failed", cause: error });
  });

  test.each([new Error("a bug"), new DataopsError("corrupt", "x"), "text"])("leaves %s as it is", (error) => {
    expect(diskError(error, "/cache")).toBe(error);
  });
});
