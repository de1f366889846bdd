import { describe, expect, test } from "vitest";
import {
  isBackupId,
  isBackupIdPrefix,
  makeBackupId,
  startStamp,
  stampOf,
} from "../../../src/repository/backup-id.ts";
import { archiveKey, manifestKey, parseBackupKey } from "../../../src/repository/keys.ts";

const ID = "20261121T040000Z-k3v9qa";

describe("a backup's id", () => {
  test("is the start in UTC and a random tail", () => {
    const id = makeBackupId(Date.UTC(2026, 10, 21, 4, 0, 0, 987));
    expect(id).toMatch(/^20261121T040000Z-[a-z0-9]{6}$/);
    expect(isBackupId(id)).toBe(true);
    expect(startStamp(id)).toBe("20261121T040000Z");
    expect(stampOf("2026-11-21T04:00:00.987Z")).toBe(startStamp(id));
  });

  test("differs for two backups of one moment", () => {
    expect(new Set(Array.from({ length: 100 }, () => makeBackupId(0))).size).toBe(100);
  });

  test.each([
    { text: ID, prefix: true },
    { text: "2026", prefix: true },
    { text: "20261121T04", prefix: true },
    { text: "20261121T040000Z-", prefix: true },
    { text: "20261121T040000Z-k3", prefix: true },
    { text: "", prefix: false },
    { text: "202", prefix: false },
    { text: "production", prefix: false },
    { text: "../../etc", prefix: false },
    { text: `${ID}x`, prefix: false },
    { text: "2026\n", prefix: false },
  ])("may begin with $text: $prefix", ({ text, prefix }) => {
    expect(isBackupIdPrefix(text)).toBe(prefix);
  });
});

describe("parseBackupKey", () => {
  test.each([
    { key: manifestKey("production", ID), parsed: { database: "production", id: ID, object: "manifest" } },
    { key: archiveKey("production", ID), parsed: { database: "production", id: ID, object: "archive" } },
    { key: `production/backups/${ID}/notes.txt`, parsed: undefined },
    { key: `production/backups/${ID}`, parsed: undefined },
    { key: `production/backups/${ID}/manifest.json/x`, parsed: undefined },
    { key: `production/packs/${ID}/manifest.json`, parsed: undefined },
    { key: `Production/backups/${ID}/manifest.json`, parsed: undefined },
    { key: `../backups/${ID}/manifest.json`, parsed: undefined },
    { key: "production/backups/latest/manifest.json", parsed: undefined },
    { key: "dataops.json", parsed: undefined },
  ])("$key", ({ key, parsed }) => {
    expect(parseBackupKey(key)).toEqual(parsed);
  });
});
