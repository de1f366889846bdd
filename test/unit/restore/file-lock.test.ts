import { spawnSync } from "node:child_process";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setImmediate as immediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { isHeld, lockFile, tryLockFile } from "../../../src/restore/cache/file-lock.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const MINUTE = 60_000;

async function lockPath(): Promise<string> {
  return join(await temporaryFolder("lock"), "archive.lock");
}

/** The id of a process that ran and ended. */
function deadProcess(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

interface Holder {
  pid?: number;
  host?: string;
  started?: string;
}

async function leaveLock(path: string, holder: Holder, age = 0): Promise<void> {
  await writeFile(path, JSON.stringify({ pid: process.pid, host: hostname(), token: "left", ...holder }));
  await touchedAgo(path, age);
}

async function touchedAgo(path: string, age: number): Promise<void> {
  const time = new Date(Date.now() - age);
  await utimes(path, time, time);
}

describe("a lock", () => {
  test("is one caller's until it is disposed", async () => {
    const path = await lockPath();
    const lock = await tryLockFile(path);
    expect(lock).toBeDefined();
    expect(await isHeld(path)).toBe(true);
    expect(await tryLockFile(path)).toBeUndefined();
    await lock?.[Symbol.asyncDispose]();
    expect(await isHeld(path)).toBe(false);
    await expect(tryLockFile(path)).resolves.toBeDefined();
  });

  test.for([
    ["of a dead process", { pid: deadProcess() }, 0],
    ["of an earlier process that had the same id", { started: "another start" }, 0],
    ["of another machine that has been silent", { host: "elsewhere" }, 2 * MINUTE],
  ] as const)("%s is taken over", async ([, holder, age]) => {
    const path = await lockPath();
    await leaveLock(path, holder, age);
    const lock = await tryLockFile(path);
    expect(lock).toBeDefined();
    expect(await tryLockFile(path)).toBeUndefined();
    await lock?.[Symbol.asyncDispose]();
    expect(await readdir(join(path, ".."))).toEqual([]);
  });

  test.for([
    ["of a living process, however silent", {}, 10 * MINUTE],
    ["of another machine that was heard of", { host: "elsewhere", pid: deadProcess() }, MINUTE / 2],
  ] as const)("%s is respected", async ([, holder, age]) => {
    const path = await lockPath();
    await leaveLock(path, holder, age);
    expect(await tryLockFile(path)).toBeUndefined();
  });

  test.for([
    ["that is being written is respected", 0, false],
    ["that was never written whole is taken over", 2 * MINUTE, true],
  ] as const)("%s", async ([, age, isTaken]) => {
    const path = await lockPath();
    await writeFile(path, "");
    await touchedAgo(path, age);
    expect((await tryLockFile(path)) !== undefined).toBe(isTaken);
  });

  test("is not removed by one who lost it", async () => {
    const path = await lockPath();
    const lost = await tryLockFile(path);
    await leaveLock(path, {});
    await lost?.[Symbol.asyncDispose]();
    expect(await readFile(path, "utf8")).toContain("left");
  });

  test("whose take-over was interrupted can be taken over", async () => {
    const path = await lockPath();
    await leaveLock(path, { pid: deadProcess() });
    await writeFile(`${path}.takeover`, "");
    expect(await tryLockFile(path)).toBeUndefined();
    await touchedAgo(`${path}.takeover`, MINUTE);
    await using lock = await lockFile(path, { signal: AbortSignal.timeout(5_000) });
    expect(lock).toBeDefined();
  });

  test("of a dead process has one holder, however many take it over at once", async () => {
    const pid = deadProcess();
    for (let round = 0; round < 50; round += 1) {
      const path = await lockPath();
      await leaveLock(path, { pid });
      const tries = await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          // Some come later, when the first are done with their looking, or with the take-over.
          for (let turn = 0; turn < index * (round % 10); turn += 1) await immediate();
          return tryLockFile(path);
        }),
      );
      expect(tries.filter((lock) => lock !== undefined)).toHaveLength(1);
    }
  });

  test("is passed on by those who wait", async () => {
    const path = await lockPath();
    const signal = AbortSignal.timeout(9_000);
    let holders = 0;
    let most = 0;
    let held = 0;
    const work = async (): Promise<void> => {
      await using _lock = await lockFile(path, { signal });
      holders += 1;
      held += 1;
      most = Math.max(most, holders);
      await readFile(path);
      holders -= 1;
    };
    await Promise.all(Array.from({ length: 6 }, work));
    expect([held, most]).toEqual([6, 1]);
  });
});
