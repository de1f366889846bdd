import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { makeBackupId } from "../repository/backup-id.ts";
import { checkAfterSteps, runAfterSteps } from "../replace/after/steps.ts";
import { buildFromBackup, type BuildSite } from "./build.ts";
import { readArrival } from "../replace/guard/arrival.ts";
import { guard, type Permission } from "../replace/guard/destructive.ts";
import { isProduction } from "../replace/guard/guard.ts";
import { connectMaintenance, readTargetFacts } from "../replace/guard/target-facts.ts";
import { chooseLoadSettings } from "./load/settings.ts";
import { checkRestore } from "./preflight.ts";
import type { RestoreDependencies, RestoreRequest, Run } from "./run.ts";
import { clearLeftovers } from "../replace/scratch/leftovers.ts";
import { rehearseSwap, swap } from "../replace/swap/swap.ts";
import { keepTemplate } from "./template/keep.ts";
import { planTemplates } from "./template/plan.ts";
import { buildFromTemplate } from "./template/use.ts";

export interface RestoreOutcome {
  /** The restored database's name on its server. */
  database: string;
  /** The name under which the replaced one is kept; undefined where there is none. */
  old: string | undefined;
  /** What this server did not take and why, each as one line. */
  leftOut: string[];
  /** Bytes fetched from the storage; 0 where the cache had all. */
  downloaded: number;
  /** Whether it is a copy of what an earlier restore of the same backup had made. */
  fromTemplate: boolean;
  /** Milliseconds that all of it took. */
  duration: number;
}

/**
 * Restores one backup into one database.
 *
 * Order: checks and guard before a byte is downloaded; download; scratch database, load, row check, `after` steps; swap.
 * What was restored last time is not downloaded and loaded again, but copied from the template kept of it.
 * Until the swap, and after any failure or abort, the target answers as if nothing had happened.
 *
 * @throws DataopsError as the steps do; after an abort: the signal's reason
 */
export async function runRestore(
  dependencies: RestoreDependencies,
  request: RestoreRequest,
): Promise<RestoreOutcome> {
  const started = dependencies.now();
  const runId = makeBackupId(started);
  const run: Run = { ...dependencies, ...request, runId, applicationName: `dataops:${runId}` };
  const { signal, settings, target, environment, applicationName } = run;
  await checkAfterSteps(settings.after, run.folder, environment);
  const options = { applicationName, signal, environment };
  await using maintenance = await connectMaintenance(target.connection, options);
  const permission = await guard(
    maintenance,
    () => readTargetFacts(maintenance, target.connection, options),
    { environment: target.environment, configuredName: target.name, source: run.manifest.source },
    run.confirmation,
  );
  if (run.fast) await requireLocal(maintenance);
  const preflight = await checkRestore(maintenance, {
    ...run,
    skipExtensions: settings.skipExtensions,
  });
  await rehearseSwap(permission);
  await clearLeftovers(maintenance, permission.name);

  const site: BuildSite = {
    maintenance,
    target: permission.name,
    owner: await ownerOf(permission),
    // A copy is read by people in a hurry; what may become production again is stored as its server stores everything.
    loadSettings: await chooseLoadSettings(maintenance, {
      keepsCompression: isProduction(target.environment),
    }),
    ...preflight,
  };
  const templates = await planTemplates(run, permission, site);
  const copied = templates === undefined ? undefined : await buildFromTemplate(run, site, templates);
  const built = copied ?? (await buildFromBackup(run, site));
  await using scratch = built.scratch;
  if (templates !== undefined && copied === undefined) await keepTemplate(run, templates, built);
  await runAfterSteps(settings.after, { ...run, scratch });
  await scratch.handOver();
  const { old } = await swap(permission, {
    scratch: scratch.name,
    runId,
    keepOld: settings.keepOld,
    force: run.force,
    waitForSessions: settings.waitForSessions,
    reporter: run.reporter,
    connection: options,
  });
  scratch.release();
  const duration = run.now() - started;
  return {
    database: permission.name,
    old,
    leftOut: built.leftOut,
    downloaded: built.downloaded,
    fromTemplate: copied !== undefined,
    duration,
  };
}

/** What others read from, replicate or archive is not to be filled behind the back of its write-ahead log. */
async function requireLocal(maintenance: PostgresClient): Promise<void> {
  if ((await readArrival(maintenance)).isLocal) return;
  throw new DataopsError(
    "refused",
    "--fast is for a server of this machine, and this one is not certainly that",
    {
      hint: "restore without --fast",
    },
  );
}

async function ownerOf({ maintenance, oid }: Permission): Promise<string | undefined> {
  if (oid === undefined) return undefined;
  const [row] = await maintenance.query<{ owner: string }>(
    "SELECT pg_catalog.pg_get_userbyid(datdba) AS owner FROM pg_catalog.pg_database WHERE oid = $1",
    [oid],
  );
  return row?.owner;
}
