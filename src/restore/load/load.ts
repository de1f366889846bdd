import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Environment } from "../../config/environment.ts";
import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { withFreshPassword } from "../../postgres/fresh-password.ts";
import { requireSuccess } from "../../postgres/exit-gate.ts";
import { databaseOption } from "../../postgres/settings-for-tools.ts";
import { spawnTool, type InstalledTools } from "../../postgres/tools.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { planExtensions } from "../../replace/scratch/plan-extensions.ts";
import { leaveOut } from "./left-out.ts";
import { listArchive } from "./list-archive.ts";
import { LoadFailure } from "./failure.ts";
import { createExtensions, readAvailableExtensions } from "../../replace/scratch/create-extensions.ts";
import type { Scratch } from "../../replace/scratch/scratch.ts";
import type { LoadSettings } from "./settings.ts";
import { setUnlogged } from "./unlogged.ts";

export interface LoadRequest {
  /** An uncompressed custom-format archive; with data offsets in it the workers need not search. */
  archive: string;
  scratch: Pick<Scratch, "name" | "loader" | "actAs" | "connectAsAdmin" | "connectAsLoader">;
  manifest: Pick<Manifest, "source" | "tables">;
  /** What reads the archive and talks to the server. */
  tools: InstalledTools;
  /** Workers of pg_restore. */
  jobs: number;
  /** Of the sessions that load. */
  sessionSettings: LoadSettings;
  skipExtensions: readonly string[];
  /** `server_version_num / 10000` of the scratch database's server. */
  serverMajor: number;
  /** Brings the rows that are not in the archive, once their tables are there and before anything is built over them. */
  loadBlocks?: (() => Promise<void>) | undefined;
  /** Whether tables are unlogged while they are filled. */
  fast?: boolean | undefined;
  /** Whether rows, sequences' states, large objects and statistics are loaded, too; as by default. */
  withRows?: boolean | undefined;
  signal: AbortSignal;
  environment: Environment;
  applicationName: string;
}

export interface Loaded {
  /** What was not restored and why, each as one line to tell. */
  leftOut: string[];
  /** Extensions of the backup that are not there. */
  missingExtensions: Set<string>;
  /** Whether the planner's statistics came with the archive. */
  hasStatistics: boolean;
}

/**
 * Loads an archive into the scratch database: extensions as the connecting role, all else as the loader.
 *
 * After a failure or an abort no program of ours runs, and the scratch database is only good for dropping.
 *
 * @throws DataopsError `refused` where an extension is missing, `failed` naming the entry that could not be restored,
 *   `corrupt` where the archive cannot be read; after an abort: the signal's reason
 */
export async function loadArchive(request: LoadRequest): Promise<Loaded> {
  const { manifest } = request;
  const beforehand = await prepareDatabase(request);
  const missingExtensions = new Set(
    manifest.source.extensions.map(({ name }) => name).filter((name) => !beforehand.created.has(name)),
  );
  const { list, leftOut } = leaveOut(await listArchive(request), {
    policies: manifest.source.policies,
    roles: beforehand.roles,
    existingSchemas: beforehand.schemas,
    missingTables: manifest.tables.flatMap(({ schema, name, extension }) =>
      extension !== undefined && missingExtensions.has(extension) ? [{ schema, name, extension }] : [],
    ),
    serverMajor: request.serverMajor,
  });
  await using folder = await temporaryFolder();
  const listFile = join(folder.path, "restore.list");
  const wanted = request.withRows === false ? withoutStatistics(list) : list;
  await writeFile(listFile, wanted, { mode: 0o600 });
  await restoreInOrder(request, listFile);
  return {
    leftOut: [...beforehand.leftOut, ...leftOut],
    missingExtensions,
    hasStatistics: STATISTICS.test(wanted),
  };
}

const STATISTICS = /^\d+; \d+ \d+ STATISTICS DATA /m;

/** They tell of rows that are not loaded. */
function withoutStatistics(list: string): string {
  return list
    .split("\n")
    .filter((line) => !STATISTICS.test(line))
    .join("\n");
}

/**
 * Sections of an archive: what tables need to be there; rows, sequences' states and large objects; and what is built over
 * the rows: indexes, constraints, triggers, policies, materialized views.
 */
type Section = "pre-data" | "data" | "post-data";

/** All of it at once where nothing has to happen in between. */
async function restoreInOrder(request: LoadRequest, listFile: string): Promise<void> {
  const { fast = false, loadBlocks, withRows = true } = request;
  if (!withRows) return restoreSections(request, listFile, ["pre-data", "post-data"]);
  if (!fast && loadBlocks === undefined) return restoreSections(request, listFile, []);
  if (fast) {
    await restoreSections(request, listFile, ["pre-data"]);
    const setBack = await setUnlogged(request);
    await restoreSections(request, listFile, ["data"]);
    await loadBlocks?.();
    // Before the indexes, which it would build a second time.
    await setBack();
  } else {
    await restoreSections(request, listFile, ["pre-data", "data"]);
    await loadBlocks?.();
  }
  await restoreSections(request, listFile, ["post-data"]);
}

/** Runs `pg_restore` over some sections of the archive; none stands for all of it. */
async function restoreSections(
  request: LoadRequest,
  listFile: string,
  sections: readonly Section[],
): Promise<void> {
  const { scratch } = request;
  const failure = new LoadFailure();
  const settings = await withFreshPassword(scratch.loader, request.signal);
  // It logs in once more when its workers are done, with the token of the start: that may have ended by then.
  const jobs = scratch.loader.rdsToken === undefined ? request.jobs : 1;
  const running = spawnTool(
    { program: "pg_restore", directory: request.tools.directory },
    loadArguments({ listFile, sections, ...request, jobs, database: scratch.name, actAs: scratch.actAs }),
    {
      settings,
      applicationName: request.applicationName,
      environment: request.environment,
      signal: request.signal,
      onStderrLine: (line) => failure.read(line),
      serverSettings: request.sessionSettings,
    },
  );
  try {
    running.stdout.resume();
    await requireSuccess(running);
  } catch (error) {
    request.signal.throwIfAborted();
    throw failure.explain(error);
  } finally {
    await running.kill();
  }
}

interface LoadArguments {
  archive: string;
  listFile: string;
  sections: readonly Section[];
  database: string;
  actAs: string | undefined;
  jobs: number;
}

/** Arguments of `pg_restore`. Where to connect stands in the environment but for the database's name. Pure. */
function loadArguments({ archive, listFile, sections, database, actAs, jobs }: LoadArguments): string[] {
  return [
    "--format=custom",
    "--exit-on-error",
    "--no-owner",
    "--no-acl",
    "--no-tablespaces",
    "--no-security-labels",
    "--no-publications",
    "--no-subscriptions",
    "--no-password",
    `--use-list=${listFile}`,
    ...sections.map((section) => `--section=${section}`),
    `--jobs=${jobs}`,
    databaseOption(database),
    ...(actAs === undefined ? [] : [`--role=${actAs}`]),
    archive,
  ];
}

interface Prepared {
  created: ReadonlySet<string>;
  schemas: readonly string[];
  leftOut: readonly string[];
  roles: ReadonlySet<string>;
}

/** What the connecting role does in the database while it is still empty. */
async function prepareDatabase({ scratch, manifest, skipExtensions }: LoadRequest): Promise<Prepared> {
  await using admin = await scratch.connectAsAdmin();
  const plan = planExtensions(
    manifest.source.extensions,
    await readAvailableExtensions(admin),
    skipExtensions,
  );
  const extensions = await createExtensions(admin, scratch.actAs ?? scratch.loader.user, plan.create);
  return {
    ...extensions,
    leftOut: [...plan.leftOut, ...extensions.leftOut],
    roles: await readRoles(admin),
  };
}

async function readRoles(client: PostgresClient): Promise<Set<string>> {
  const rows = await client.query<{ name: string }>("SELECT rolname::text AS name FROM pg_catalog.pg_roles");
  return new Set(rows.map(({ name }) => name));
}

interface TemporaryFolder extends AsyncDisposable {
  path: string;
}

async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "dataops-restore-")).catch((cause: unknown) => {
    throw new DataopsError("failed", `no temporary folder can be made in ${tmpdir()}`, { cause });
  });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
