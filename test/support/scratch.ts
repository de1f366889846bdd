import { mkdtemp, rm } from "node:fs/promises";
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Reporter } from "../../src/observe/reporter.ts";
import { connect, type PostgresClient } from "../../src/postgres/client.ts";
import { readServerFacts } from "../../src/postgres/server-facts.ts";
import { discoverTools, majorOf, type InstalledTools } from "../../src/postgres/tools.ts";
import { listSourceTables } from "../../src/backup/source-tables.ts";
import { countRows } from "../../src/backup/row-counts.ts";
import { makeBackupId } from "../../src/repository/backup-id.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { loadArchive, type Loaded } from "../../src/restore/load/load.ts";
import { chooseLoadSettings, type LoadSettings } from "../../src/restore/load/settings.ts";
import { createScratch, type Scratch, type ScratchRequest } from "../../src/replace/scratch/scratch.ts";
import { settingsFor } from "./postgres-servers.ts";
import { type TestDatabase } from "./postgres-test.ts";
import type { SharedPostgres } from "./shared-servers.ts";

const run = promisify(execFile);

/** What a restore's parts are given in tests, and what they leave behind. */
export interface Dumped extends AsyncDisposable {
  archive: string;
  manifest: Pick<Manifest, "source" | "tables">;
}

/** Dumps a database as a backup does, to a file. */
export async function dump(database: TestDatabase): Promise<Dumped> {
  const { server } = database;
  await using client = await database.connect();
  const { source } = await readServerFacts(client);
  await client.query("BEGIN");
  const tables = await countRows(client, await listSourceTables(client));
  await client.query("COMMIT");
  const folder = await mkdtemp(join(tmpdir(), "dataops-test-"));
  const archive = join(folder, "archive.dump");
  const statistics = source.serverVersionNumber >= 180_000 ? ["--statistics"] : [];
  await run(
    join(server.programs ?? "", "pg_dump"),
    ["--format=custom", "--compress=0", ...statistics, `--file=${archive}`],
    {
      env: {
        PGHOST: server.host,
        PGPORT: String(server.port),
        PGUSER: server.user,
        PGPASSWORD: server.password,
        PGDATABASE: database.name,
      },
    },
  );
  return {
    archive,
    manifest: { source, tables },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** The programs of the server's own version. */
export async function toolsOf(server: SharedPostgres): Promise<InstalledTools> {
  const tools = await discoverTools({ DATAOPS_POSTGRES_BIN: server.programs });
  const own = tools.find(({ directory }) => directory === server.programs);
  if (own === undefined) throw new Error(`no programs in ${server.programs}`);
  return own;
}

export async function loadSettingsIn(scratch: Scratch): Promise<LoadSettings> {
  await using admin = await scratch.connectAsAdmin();
  return await chooseLoadSettings(admin, { keepsCompression: false });
}

/** Loads what was dumped, with the server's own programs. */
export async function load(
  server: SharedPostgres,
  dumped: Dumped,
  scratch: Scratch,
  changes: {
    signal?: AbortSignal;
    skipExtensions?: string[];
    fast?: boolean;
    loadBlocks?: () => Promise<void>;
  } = {},
): Promise<Loaded> {
  return loadArchive({
    archive: dumped.archive,
    scratch,
    manifest: dumped.manifest,
    tools: await toolsOf(server),
    jobs: 2,
    sessionSettings: await loadSettingsIn(scratch),
    skipExtensions: changes.skipExtensions ?? [],
    serverMajor: majorOfSource(dumped.manifest),
    signal: changes.signal ?? new AbortController().signal,
    fast: changes.fast,
    loadBlocks: changes.loadBlocks,
    environment: process.env,
    applicationName: "test",
  });
}

/** Makes a scratch database in `server` as its superuser, or as who else `changes` say. */
export async function scratchIn(
  maintenance: PostgresClient,
  source: Manifest["source"],
  changes: Partial<ScratchRequest> = {},
): Promise<Scratch> {
  return createScratch(maintenance, {
    target: "shop",
    runId: makeBackupId(Date.now()),
    source,
    owner: undefined,
    asSuperuser: false,
    reporter: collectingReporter().reporter,
    signal: new AbortController().signal,
    environment: {},
    ...changes,
  });
}

export function connectTo(server: SharedPostgres, signal?: AbortSignal): Promise<PostgresClient> {
  return connect(settingsFor(server), { applicationName: "test", signal });
}

/** The scratch databases and temporary roles of the server whose name has `part` in it. */
export async function leftBehind(server: SharedPostgres, part: string): Promise<string[]> {
  await using client = await connectTo(server);
  const rows = await client.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE strpos(datname, $1) > 0
      UNION ALL SELECT rolname::text FROM pg_roles WHERE strpos(rolname, $1) > 0`,
    [part],
  );
  return rows.map(({ name }) => name);
}

export function collectingReporter(): { reporter: Reporter; infos: string[]; warnings: string[] } {
  const infos: string[] = [];
  const warnings: string[] = [];
  return {
    infos,
    warnings,
    reporter: {
      info: (message) => void infos.push(message),
      warn: (message, fields) => void warnings.push(`${message} ${JSON.stringify(fields ?? {})}`),
      progress: () => ({ add() {}, end() {} }),
    },
  };
}

/** `server_version_num / 10000` of what `manifest` was dumped from. */
export function majorOfSource({ source }: Pick<Manifest, "source">): number {
  return majorOf(source.serverVersionNumber);
}
