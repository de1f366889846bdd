import { stampOf } from "../../src/repository/backup-id.ts";
import type {
  DatabaseFacts,
  JobFacts,
  ReadableBackup,
  RunFacts,
  VerificationFacts,
} from "../../src/status/facts.ts";

const HOUR = 3_600_000;

/** Where the clock stands in tests of the status. */
export const NOW = Date.parse("2026-11-21T12:00:00.000Z");

/** The instant `hours` before `NOW`. */
export function hoursAgo(hours: number): string {
  return new Date(NOW - hours * HOUR).toISOString();
}

/** A good backup of 1 GB that began `hours` before `NOW`, with `changes` on top. */
export function exampleBackup(hours: number, changes: Partial<ReadableBackup> = {}): ReadableBackup {
  const started = hoursAgo(hours);
  return {
    id: `${stampOf(started)}-k3v9qa`,
    started,
    state: "good",
    reasons: [],
    duration: 60_000,
    size: 1_000_000_000,
    stored: 10_000_000,
    ...changes,
  };
}

/** Production with a good backup every 4 hours, the newest 2 hours old, with `changes` on top. */
export function exampleFacts(changes: Partial<DatabaseFacts> = {}): DatabaseFacts {
  const backups = changes.backups ?? [2, 6, 10, 14, 18].map((hours) => exampleBackup(hours));
  return {
    database: "production",
    total: backups.length,
    backups,
    verifications: [],
    unreadableVerifications: [],
    jobs: [],
    ...changes,
  };
}

/** A run that began `hours` before `NOW` and took a minute. */
export function exampleRun(hours: number, changes: Partial<RunFacts> = {}): RunFacts {
  const started = hoursAgo(hours);
  return {
    id: `${stampOf(started)}-k3v9qa`,
    state: "done",
    started,
    ended: hoursAgo(hours - 1 / 60),
    exit: "done",
    message: null,
    heldUntil: undefined,
    ...changes,
  };
}

export function backupJob(...runs: RunFacts[]): JobFacts {
  return { kind: "backup", name: "production", runs, unreadable: [] };
}

/** A verification by reading that passed `hours` before `NOW`. */
export function exampleVerification(
  hours: number,
  changes: Partial<VerificationFacts> = {},
): VerificationFacts {
  return {
    backup: "20261120T100000Z-k3v9qa",
    kind: "read",
    state: "passed",
    ended: hoursAgo(hours),
    message: null,
    restoreTime: null,
    ...changes,
  };
}
