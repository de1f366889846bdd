import type { Argv } from "yargs";
import { restoreSettings } from "../config/select.ts";
import type { Config, ReachableDatabase } from "../config/config.ts";
import { DataopsError } from "../errors.ts";
import { humanBytes, humanDuration, humanName, humanPlural } from "../observe/human.ts";
import type { Manifest } from "../repository/manifest.ts";
import { checkThen } from "../replace/then/run-then.ts";
import { runRestore, type RestoreOutcome } from "../restore/restore.ts";
import type { Storage } from "../storage/storage.ts";
import type { CommandContext, CommandResult } from "./command.ts";
import { runThenJobs } from "./then-jobs.ts";
import { confirmationFrom } from "./confirm.ts";

/** As many as the configuration allows, too. */
const MAX_JOBS = 64;

/** What `fetch-latest-db` and `restore` have in common. */
export interface RestoreOptions {
  yes: boolean;
  force: boolean;
  jobs?: number | undefined;
  asSuperuser: boolean;
  fast: boolean;
  allowVulnerableClient: boolean;
}

export function withRestoreOptions<T>(yargs: Argv<T>): Argv<T & RestoreOptions> {
  const extended = yargs
    .option("yes", {
      type: "boolean",
      default: false,
      describe: "replace a local database that holds data without asking; lifts no refusal",
    })
    .option("force", {
      type: "boolean",
      default: false,
      describe: "end sessions on the target before the swap, instead of waiting for them",
    })
    .option("jobs", {
      type: "number",
      requiresArg: true,
      describe: "parallel workers; one for each core by default",
    })
    .option("as-superuser", {
      type: "boolean",
      default: false,
      describe: "load as a superuser, if that is who connects: functions in the backup then run as one",
    })
    .option("fast", {
      type: "boolean",
      default: false,
      describe:
        "load into unlogged tables, logged again before the swap; this machine's own server only. Slower wherever it was measured (ADR 10)",
    })
    .option("allow-vulnerable-client", {
      type: "boolean",
      default: false,
      describe: "use a pg_restore with known security holes, if there is no other",
    });
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- yargs gives each in camel case, too; its types do not
  return extended as unknown as Argv<T & RestoreOptions>;
}

/** Restores and tells how it went. */
export async function restoreAndTell(
  options: RestoreOptions,
  context: CommandContext,
  what: { config: Config; storage: Storage; manifest: Manifest; target: ReachableDatabase },
): Promise<CommandResult> {
  const { config, storage, manifest, target } = what;
  requireJobs(options.jobs);
  const settings = restoreSettings(config, target.name);
  const { reporter, signal, environment } = context;
  await checkThen(settings.thenJobs, { folder: config.folder, environment, signal });
  const outcome = await runRestore(
    { storage, reporter, signal, environment, now: () => context.now() },
    {
      manifest,
      target,
      settings: { ...settings, jobs: options.jobs ?? settings.jobs },
      cache: config.cache,
      folder: config.folder,
      confirmation: confirmationFrom(options.yes, target.connection.database, context),
      force: options.force,
      asSuperuser: options.asSuperuser,
      fast: options.fast,
      allowVulnerableClient: options.allowVulnerableClient,
    },
  );
  const event = { job: "restore", target: target.name, database: outcome.database, backup: manifest.id };
  const failedJobs = await runThenJobs(settings.thenJobs, { config, target, event }, context);
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const lines = [
    `restored ${manifest.id} of ${manifest.database} into ${humanName(outcome.database)}: ${humanPlural(manifest.tables.length, "table")}, ${humanPlural(rows, "row")}, ${howItCame(outcome)}, in ${humanDuration(outcome.duration)}`,
    ...(outcome.old === undefined
      ? []
      : [
          `the database from before is kept as ${humanName(outcome.old)}: \`dataops undo ${target.name}\` brings it back`,
        ]),
    ...outcome.leftOut.map((line) => `left out: ${humanName(line)}`),
    ...failedJobs.map((line) => `failed afterwards: ${humanName(line)}`),
  ];
  return {
    exit: failedJobs.length > 0 ? "warnings" : "done",
    data: {
      backup: manifest.id,
      source: manifest.database,
      target: target.name,
      database: outcome.database,
      old: outcome.old ?? null,
      tables: manifest.tables.length,
      rows,
      downloaded: outcome.downloaded,
      fromTemplate: outcome.fromTemplate,
      leftOut: outcome.leftOut,
      failedJobs,
      duration: outcome.duration,
    },
    text: lines.join("\n"),
  };
}

function howItCame({ downloaded, fromTemplate }: RestoreOutcome): string {
  if (fromTemplate) return "copied from the template of the last restore";
  return downloaded === 0 ? "nothing downloaded" : `${humanBytes(downloaded)} downloaded`;
}

function requireJobs(jobs: number | undefined): void {
  if (jobs === undefined || (Number.isInteger(jobs) && jobs >= 1 && jobs <= MAX_JOBS)) return;
  throw new DataopsError("usage", `--jobs takes a whole number from 1 to ${MAX_JOBS}`, {
    hint: "without it there is one worker for each core",
  });
}
