import type { ReachableDatabase } from "../config/config.ts";
import { parseDuration } from "../config/units.ts";
import { DataopsError } from "../errors.ts";
import { systemClock } from "../schedule/clock.ts";
import type { RunDependencies } from "../schedule/run.ts";
import type { Storage } from "../storage/storage.ts";
import { version } from "../version.ts";
import type { CommandContext } from "./command.ts";

/** Milliseconds between which a lease may last. */
const SHORTEST = 500;
const LONGEST = 10 * 60 * 1000;

/** What a command that runs a job of `database` needs to do so. */
export function runDependencies(
  { reporter, signal, environment, now }: CommandContext,
  storage: Storage,
  database: Pick<ReachableDatabase, "connection">,
): RunDependencies {
  return {
    storage,
    database: database.connection,
    reporter,
    signal,
    clock: { ...systemClock, now },
    version,
    observers: [],
    leaseDuration: leaseDuration(environment["DATAOPS_LEASE_DURATION"]),
  };
}

/** Undefined where the default shall hold. */
function leaseDuration(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds >= SHORTEST && milliseconds <= LONGEST) return milliseconds;
  throw new DataopsError("usage", "DATAOPS_LEASE_DURATION is not a duration from 500ms to 10m", {
    hint: "unset it: 30s is good",
  });
}

/** Of every command that a scheduler may start. */
export const SLOT_OPTION = {
  type: "string",
  describe:
    "for schedulers: the instant that it is for, or `job/NAME`, a Job that a CronJob of Kubernetes made; whoever fires it, it is run once",
} as const;

const MINUTE = 60_000;

/** An instant without the zone would be another one on another machine. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/** A Job of Kubernetes: its name is its CronJob's, and the minutes from the epoch to the instant that it is for. */
const KUBERNETES_JOB = /^job\/[a-z0-9.-]+?(?:-(\d{8}))?$/;

/**
 * The scheduled instant of `--slot`, in milliseconds since the epoch, whole seconds; undefined where none was given, and for
 * a Job that a person made (`kubectl create job --from`). Pure.
 *
 * @throws DataopsError `usage`
 */
export function parseSlot(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const job = KUBERNETES_JOB.exec(text);
  if (job !== null) return job[1] === undefined ? undefined : Number(job[1]) * MINUTE;
  const milliseconds = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(milliseconds)) return Math.floor(milliseconds / 1000) * 1000;
  throw new DataopsError("usage", `--slot ${JSON.stringify(text)} is not an instant`, {
    hint: "write it like 2026-11-21T04:00:00Z, with its zone",
  });
}
