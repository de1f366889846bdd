import { hostname } from "node:os";
import { makeBackupId } from "../repository/backup-id.ts";
import type { RunRecord } from "../repository/run-record.ts";
import type { Job } from "../repository/job.ts";
import type { Holder } from "./lease-record.ts";

/** A new run in this process, as of `now`, for a slot or none; both in milliseconds since the epoch. */
export function newHolder(now: number, slot: number | undefined, visitor?: string): Holder {
  return {
    run: makeBackupId(now),
    host: hostname(),
    pid: process.pid,
    since: new Date(now).toISOString(),
    slot: slot === undefined ? null : new Date(slot).toISOString(),
    ...(visitor === undefined ? {} : { visitor }),
  };
}

/** The record that a run begins with. */
export function newRecord(job: Job, { run, host, since, slot }: Holder, version: string): RunRecord {
  return {
    format: 1,
    id: run,
    job: job.kind,
    name: job.name,
    slot,
    generation: 0,
    host,
    dataopsVersion: version,
    started: since,
    ended: null,
    state: "running",
    exit: null,
    message: null,
    result: {},
  };
}
