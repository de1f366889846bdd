import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { runCheck } from "../../../src/commands/check.ts";
import type { CommandContext, CommandResult } from "../../../src/commands/command.ts";
import { DataopsError, EXIT_CODES } from "../../../src/errors.ts";
import type { Job } from "../../../src/repository/job.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { commandContext } from "../../support/command-context.ts";
import { hoursAgo, NOW } from "../../support/status-facts.ts";
import { storeManifest, storeRun } from "../../support/stored-history.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

let storage: Storage;
let config: string;

beforeEach(async () => {
  const path = join(await temporaryFolder("check"), "storage");
  storage = openFileStorage(path);
  config = `
storage: ${pathToFileURL(path).href}
databases:
  production: { url: "postgres://localhost/app", environment: production }
  crm: { url: "postgres://localhost/crm", environment: production }
  staging: { url: "postgres://localhost/staging", environment: staging }
backup:
  production: { schedule: "0 */4 * * *", minimum: 2 }
`;
});

async function check(
  options: { database?: string; nagios?: boolean } = {},
  changes: Partial<CommandContext> = {},
): Promise<CommandResult> {
  const context = await commandContext(config, { now: () => NOW, ...changes });
  return runCheck({ nagios: false, ...options }, context);
}

describe("a line for each finding, and the worst one's exit code", () => {
  test("all is well", async () => {
    for (const hours of [2, 6]) await storeManifest(storage, hoursAgo(hours));
    const { exit, text } = await check({ database: "production" });
    expect(EXIT_CODES[exit].code).toBe(0);
    expect(text).toBe("ok        production  newest good backup is 2 h 0 min old, stale after 7 h 0 min");
  });

  test("a warning", async () => {
    await storeManifest(storage, hoursAgo(2));
    const { exit, text } = await check({ database: "production" });
    expect(EXIT_CODES[exit].code).toBe(3);
    expect(text.split("\n")).toEqual([
      "ok        production  newest good backup is 2 h 0 min old, stale after 7 h 0 min",
      "warning   production  1 good backup, fewer than 2",
    ]);
  });

  test("one database without any backup is enough to fail", async () => {
    for (const hours of [2, 6]) await storeManifest(storage, hoursAgo(hours));
    const { exit, text, data } = await check();
    expect(EXIT_CODES[exit].code).toBe(14);
    expect(text.split("\n")).toEqual([
      "ok        production  newest good backup is 2 h 0 min old, stale after 7 h 0 min",
      "critical  crm         there is no backup",
    ]);
    expect(data).toMatchObject({
      level: "critical",
      exit: "corrupt",
      code: 14,
      databases: [
        { database: "production", level: "ok", total: 2, staleAt: "2026-11-21T17:00:00.000Z" },
        { database: "crm", level: "critical", newestGood: null, staleAt: null },
        { database: "staging", level: "ok", findings: [] },
      ],
    });
    expect(JSON.parse(JSON.stringify(data))).toEqual(data);
  });

  test("a database that is not backed up is judged by its jobs", async () => {
    await expect(check({ database: "staging" })).rejects.toMatchObject({
      exit: "usage",
      message: "there is nothing to check of staging: it is not backed up, and no job of it ever ran",
    });
    const seed: Job = { kind: "seed", name: "staging", database: "staging" };
    await storeRun(storage, seed, hoursAgo(3));
    expect((await check({ database: "staging" })).text).toBe(
      "ok        staging  the last run of each job ended well",
    );
    await storeRun(storage, seed, hoursAgo(2), { state: "failed", exit: "failed", message: "duplicate key" });
    expect(await check({ database: "staging" })).toMatchObject({
      exit: "warnings",
      text: "warning   staging  seed staging failed 1 h 59 min ago: duplicate key",
    });
  });

  test("a storage that is not configured is no good news", async () => {
    config = config.replace(/^storage.*$/m, "");
    await expect(check()).rejects.toMatchObject({ exit: "usage" });
  });
});

describe("--nagios", () => {
  test("OK, with measured values", async () => {
    for (const hours of [2, 6]) await storeManifest(storage, hoursAgo(hours));
    const { text, exitCode } = await check({ database: "production", nagios: true });
    expect(exitCode).toBe(0);
    expect(text.split("\n")).toEqual([
      "DATAOPS OK - production: newest good backup is 2 h 0 min old, stale after 7 h 0 min | " +
        "'production age'=7200s;;25200;0 'production size'=9876543B;;;0 'production duration'=12s;;;0 " +
        "'production good backups'=2;2:;1:;0",
      "ok: production: newest good backup is 2 h 0 min old, stale after 7 h 0 min",
    ]);
  });

  test("WARNING", async () => {
    await storeManifest(storage, hoursAgo(2));
    const { text, exitCode } = await check({ database: "production", nagios: true });
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^DATAOPS WARNING - production: 1 good backup, fewer than 2 \| 'production age'=/);
  });

  test("CRITICAL, with what is worst on the first line, and no bar but the one before the values", async () => {
    await storeManifest(storage, hoursAgo(2), { suspect: ["the table a|b\nis gone"] });
    const { text, exitCode } = await check({ nagios: true });
    expect(exitCode).toBe(2);
    const [first = "", ...rest] = text.split("\n");
    expect(first).toBe(
      "DATAOPS CRITICAL - production: there is no good backup (1 backup, all suspect); crm: there is no backup | " +
        "'production good backups'=0;2:;1:;0 'crm good backups'=0;1:;1:;0",
    );
    expect(rest).toHaveLength(3);
    expect(rest.join("")).not.toContain("|");
    expect(rest[1]).toContain("the table a/b is gone");
  });

  test("UNKNOWN where it cannot be found out", async () => {
    const { text, exitCode } = await check({ database: "produktion", nagios: true });
    expect(exitCode).toBe(3);
    expect(text.split("\n")).toEqual([
      'DATAOPS UNKNOWN - there is no database "produktion" in the configuration',
      "hint: did you mean production?",
    ]);
  });

  test("but not where it was interrupted, and not together with --json", async () => {
    const reason = new DataopsError("terminated", "terminated");
    await expect(check({ nagios: true }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(check({ nagios: true }, { json: true })).rejects.toMatchObject({ exit: "usage" });
  });
});
