import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Job } from "../../../src/repository/job.ts";
import { runKey } from "../../../src/repository/keys.ts";
import {
  listRuns,
  parseRun,
  serializeRun,
  startOfRun,
  type RunRecord,
} from "../../../src/repository/run-record.ts";
import { openFileStorage } from "../../../src/storage/file.ts";

const JOB: Job = { kind: "backup", name: "production", database: "production" };
const RECORD: RunRecord = {
  format: 1,
  id: "20261121T040000Z-aaaaaa",
  job: "backup",
  name: "production",
  slot: "2026-11-21T04:00:00.000Z",
  generation: 7,
  host: "ip-10-0-1-7",
  dataopsVersion: "0.1.0",
  started: "2026-11-21T04:00:00.120Z",
  ended: "2026-11-21T04:02:00.000Z",
  state: "done",
  exit: "done",
  message: null,
  result: { bytes: 12_345 },
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dataops-runs-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a record reads back as it was written", () => {
  expect(parseRun(serializeRun(RECORD), "x")).toEqual(RECORD);
});

test.each([
  ["cut", '{"format":1'],
  ["of another version", JSON.stringify({ ...RECORD, format: 2 })],
  ["with a key that is unknown", JSON.stringify({ ...RECORD, password: "x" })],
  ["of a job that would leave its folder", JSON.stringify({ ...RECORD, name: "../x" })],
])("a record that is %s is corrupt", (_, text) => {
  expect(() => parseRun(Buffer.from(text), "runs/x.json")).toThrow(/runs\/x\.json is not a run's record/);
});

test("lists one job's runs since an instant, newest first, and names what it cannot read", async () => {
  const storage = openFileStorage(folder);
  const ids = ["20261120T040000Z-cccccc", "20261121T040000Z-aaaaaa", "20261121T040000Z-bbbbbb"];
  for (const id of ids) await storage.put(runKey(JOB, id), serializeRun({ ...RECORD, id }));
  await storage.put(runKey(JOB, "20261121T050000Z-dddddd"), Buffer.from("{"));
  await storage.put(
    runKey({ ...JOB, kind: "verify" }, RECORD.id),
    serializeRun({ ...RECORD, job: "verify" }),
  );

  const all = await listRuns(storage, JOB);
  expect(all.runs.map(({ id }) => id)).toEqual(ids.toReversed());
  expect(all.unreadable).toEqual([runKey(JOB, "20261121T050000Z-dddddd")]);

  const recent = await listRuns(storage, JOB, { since: startOfRun(RECORD.id) });
  expect(recent.runs.map(({ id }) => id)).toEqual(ids.slice(1).toReversed());
});
