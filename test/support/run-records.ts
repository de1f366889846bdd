import type { RunRecord } from "../../src/repository/run-record.ts";

/** A run of `backup production`, two minutes long, which began at `started` and is as `changes` say. */
export function runRecord(started: string, changes: Partial<RunRecord> = {}): RunRecord {
  const began = new Date(started);
  const id = `${began.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z-aaaaaa`;
  return {
    format: 1,
    id,
    job: "backup",
    name: "production",
    slot: null,
    generation: 1,
    host: "ip-10-0-1-7",
    dataopsVersion: "0.1.0",
    started: began.toISOString(),
    ended: new Date(began.getTime() + 120_000).toISOString(),
    state: "done",
    exit: "done",
    message: null,
    result: {},
    ...changes,
  };
}

/** The same, failed as it most often does. */
export function failedRun(started: string, changes: Partial<RunRecord> = {}): RunRecord {
  return runRecord(started, {
    state: "failed",
    exit: "unreachable",
    message: "cannot reach the database shop at db:5432",
    ...changes,
  });
}
