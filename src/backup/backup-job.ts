import type { Environment } from "../config/environment.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { InstalledTools } from "../postgres/tools.ts";
import { buryBackup } from "../repository/bury-backup.ts";
import { storedSize } from "../repository/manifest.ts";
import type { JobOutcome, JobRun, RunRequest } from "../schedule/run.ts";
import type { Storage } from "../storage/storage.ts";
import { runBackup, type BackupOutcome, type BackupRequest } from "./backup.ts";
import { clearLeftovers } from "./leftovers.ts";
import { prepareBackup } from "./preflight.ts";

/** Characters of a text in a run's record. */
const LONGEST_RESULT = 2000;

export interface BackupJobOptions {
  storage: Storage;
  reporter: Reporter;
  environment: Environment;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Of this program, for the manifest. */
  version: string;
  /** The scheduled instant, in milliseconds since the epoch; undefined for a run by hand. */
  slot: number | undefined;
}

/** The job of backing one database up, for whoever runs jobs. */
export function backupJob(
  options: BackupJobOptions,
  request: Omit<BackupRequest, "tools">,
): RunRequest<InstalledTools, BackupOutcome> {
  const { storage, reporter, environment, now } = options;
  const { database, connection } = request;
  return {
    job: { kind: "backup", name: database, database },
    slot: options.slot,
    prepare: (signal) => prepareBackup(connection, { environment, reporter, signal }),
    bury: (id, { id: by, conditional, signal }) =>
      buryBackup({ storage, database, id, by, conditional, now: now() }, { signal }),
    work: async (run, tools) => {
      await clearLeftovers({ storage, database, run, reporter, now });
      return outcomeOf(await runBackup({ ...options, run }, { ...request, tools }), run);
    },
  };
}

function outcomeOf(value: BackupOutcome, { id }: JobRun): JobOutcome<BackupOutcome> {
  const { tables, source, blocks, suspect } = value.manifest;
  const suspicions = suspect === undefined ? null : describeSuspicions(id, suspect);
  const own = blocks?.packs.filter(({ name }) => name.startsWith(`${id}-`)) ?? [];
  return {
    value,
    exit: suspicions === null ? "done" : "warnings",
    message: suspicions,
    result: {
      backup: id,
      tables: tables.length,
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      size: source.size,
      stored: storedSize(value.manifest),
      suspect: suspect?.join("; ").slice(0, LONGEST_RESULT) ?? null,
      added: value.manifest.archive.size + own.reduce((sum, { size }) => sum + size, 0),
    },
  };
}

/** Why a backup is suspect, and what to do about it, in one line. */
function describeSuspicions(id: string, reasons: readonly string[]): string {
  const line = `backup ${id} is suspect: ${reasons.join("; ")}`.slice(0, LONGEST_RESULT - 100);
  return `${line}. It is not the latest until \`dataops accept ${id}\``;
}
