import { connect, type PostgresClient } from "../postgres/client.ts";
import { openSnapshot } from "../postgres/snapshot.ts";
import { messageOf } from "../errors.ts";
import { readAlias } from "../search/alias-state.ts";
import { startIndex, whyNotResume } from "../search/build-index.ts";
import { digestOf } from "../search/index-definition.ts";
import { indexNameOf } from "../search/index-name.ts";
import { removeUnfinishedIndexes } from "../search/remove-indexes.ts";
import { requireSwappable } from "../search/swap-alias.ts";
import { chooseCatchUp, type CatchUp } from "./catch-up.ts";
import { CheckpointWriter, readCheckpoint, removeCheckpoint, type CheckpointIdentity } from "./checkpoint.ts";
import { describeSql } from "./describe-sql.ts";
import type { DocumentSource } from "./document-sql.ts";
import { DocumentTable } from "./document-table.ts";
import type { ReindexDependencies, ReindexRequest } from "./request.ts";

/** What a run reads, and how it finds out what changed. */
export interface ReindexPlan {
  source: DocumentSource;
  catchUp: CatchUp;
  identity: CheckpointIdentity;
}

/** The index that a run fills. */
export interface IndexInProgress {
  name: string;
  /** The run that began it. */
  run: string;
  table: DocumentTable;
  checkpoint: CheckpointWriter;
  /** The last pass's, of all runs that filled it. */
  version: number;
  isResumed: boolean;
}

/**
 * Looks at the SQL and the alias. Changes nothing.
 *
 * @throws DataopsError `usage` for SQL that gives no documents, `refused` where an index has the alias's name; as `connect` and
 *   `readAlias` do
 */
export async function planReindex(
  { run, engine, environment }: ReindexDependencies,
  request: ReindexRequest,
): Promise<ReindexPlan> {
  const { signal } = run;
  // Says what cannot be reached, or is too old, before anything else.
  await engine.info({ signal });
  requireSwappable(await readAlias(engine, request.alias, { signal }), request);
  await using client = await connect(request.connection, {
    applicationName: `dataops:${run.id}`,
    signal,
    environment,
  });
  await using _snapshot = await openSnapshot(client, {
    keepsSearchPath: true,
    lockTimeout: request.lockTimeout,
  });
  const { source, facts } = await describeSql(client, request.sql);
  const catchUp = chooseCatchUp(facts, request.follow);
  const identity = { digest: digestOf({ source, catchUp }), history: await readHistory(client) };
  return { source, catchUp, identity };
}

/** Goes on with the index that an earlier run left, where it can, else begins a new one. Deletes what other runs left. */
export async function beginIndex(
  dependencies: ReindexDependencies,
  request: ReindexRequest,
  { identity }: ReindexPlan,
): Promise<IndexInProgress> {
  const { engine, run, now, storage } = dependencies;
  const { alias, definition } = request;
  const { signal } = run;
  const resumed = await findUnfinished(dependencies, request, identity);
  const { removed } = await removeUnfinishedIndexes(
    engine,
    alias,
    async (other) => other.toLowerCase() === resumed?.run.toLowerCase(),
    { signal },
  );
  if (removed.length > 0)
    dependencies.reporter.info(`deleted ${removed.join(", ")}, which was never finished`);
  if (resumed !== undefined) return resumed;
  const name = await startIndex(engine, { alias, run: run.id, definition }, { signal });
  const place = { storage, job: run.job, run: run.id, firstSegment: 0 };
  const checkpoint = new CheckpointWriter(place, identity, now);
  return { name, run: run.id, table: new DocumentTable(), checkpoint, version: 0, isResumed: false };
}

async function findUnfinished(
  { engine, run, storage, reporter, now }: ReindexDependencies,
  { alias, definition }: ReindexRequest,
  identity: CheckpointIdentity,
): Promise<IndexInProgress | undefined> {
  const { signal } = run;
  const { unfinished } = await readAlias(engine, alias, { signal });
  for (const { name, mark } of unfinished) {
    const place = { storage, job: run.job, run: mark.run };
    try {
      const why = await whyNotResume(engine, { alias, run: mark.run, digest: definition.digest }, { signal });
      const found = await readCheckpoint(place, { signal });
      const reason = why ?? whyNotContinue(found, identity);
      if (found !== undefined && reason === undefined) {
        const table = await found.readTable({ signal });
        const checkpoint = new CheckpointWriter({ ...place, firstSegment: found.nextSegment }, identity, now);
        reporter.info(`goes on with ${name}: ${found.progress.documentsSettled} documents are in it`);
        return {
          name: indexNameOf(alias, mark.run),
          run: mark.run,
          table,
          checkpoint,
          version: found.version,
          isResumed: true,
        };
      }
      reporter.info(`starts over: ${reason ?? "nothing is known of what was done"}`);
    } catch (error) {
      signal.throwIfAborted();
      reporter.warn(`starts over: ${messageOf(error)}`);
    }
    await removeCheckpoint(place, { signal });
  }
  return undefined;
}

/** Why a checkpoint is of no use; undefined where it is. Pure. */
export function whyNotContinue(
  found: CheckpointIdentity | undefined,
  identity: CheckpointIdentity,
): string | undefined {
  if (found === undefined) return "the earlier run left no checkpoint";
  if (found.digest !== identity.digest) return "the SQL is another one";
  if (found.history !== identity.history) return "the database server was restarted, or is another one";
  return undefined;
}

/** One life of one server, and one database in it: within it no number of a transaction is given twice. */
async function readHistory(client: PostgresClient): Promise<string> {
  const [row] = await client.query<{ history: string }>(
    `SELECT pg_catalog.concat_ws(' ', (pg_catalog.pg_control_system()).system_identifier,
              (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
              EXTRACT(epoch FROM pg_catalog.pg_postmaster_start_time())) AS history`,
  );
  return row?.history ?? "";
}
