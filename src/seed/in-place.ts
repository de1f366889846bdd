import { DataopsError } from "../errors.ts";
import { connect, type PostgresClient } from "../postgres/client.ts";
import { SQL_STATES, sqlStateOf } from "../postgres/postgres-error.ts";
import { quoteIdentifier } from "../postgres/quote.ts";
import { dropContents, truncateTables } from "../replace/guard/empty.ts";
import { readOwner } from "../replace/guard/identity.ts";
import { readConnectingRole } from "../replace/scratch/connecting-role.ts";
import { describeSessions, endSession, listSessions } from "../replace/swap/sessions.ts";
import { digestInputs } from "./digest.ts";
import { createNamedExtensions } from "./extensions.ts";
import { checkExpectations } from "./expect.ts";
import { advanceSequences, refreshViews } from "./finish.ts";
import { runSteps, type SeedSite } from "./load/steps.ts";
import {
  beginOpenTransaction,
  commitOpenTransaction,
  endsTransaction,
  requireOpen,
} from "./open-transaction.ts";
import type { SeedPlan } from "./plan.ts";
import type { ResetResult, Run } from "./run.ts";
import { permitReset, type PermittedTarget } from "./target.ts";

/** A connection inside the database that is to be emptied and filled, with the guard's yes. */
export interface ResetSite extends PermittedTarget, AsyncDisposable {
  client: PostgresClient;
}

/** @throws DataopsError `refused`; as `connect` does, where it does not exist, for one */
export async function connectToReset(run: Run): Promise<ResetSite> {
  const { target, applicationName, signal, environment } = run;
  const client = await connect(target.connection, { applicationName, signal, environment });
  try {
    const permitted = await permitReset(client, run, undefined);
    return { ...permitted, client, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Empties the target and fills it, in one transaction: whoever reads it waits from the first statement to the last, and
 * then sees all of it. There is nothing to undo it with.
 *
 * @throws DataopsError as the steps do: then the target is what it was; after an abort: the signal's reason
 */
export async function resetInPlace(run: Run, plan: SeedPlan): Promise<ResetResult> {
  await using site = await connectToReset(run);
  const { client, identity, permission } = site;
  const { settings } = run;
  const owner = await readOwner(permission);
  const who = await readConnectingRole(client, { target: permission.name, owner });
  const surroundings = { ...who, asSuperuser: run.asSuperuser, locale: "", backup: undefined };
  const { digest } = await digestInputs(plan, settings, surroundings, run.folder);
  await beginOpenTransaction(client, settings.waitForSessions);
  try {
    if (run.force || settings.endSessions) await endSessions(client, identity.databaseOid, run);
    await createNamedExtensions(client, settings.extensions);
    // What is made is to be the owner's, as what was there.
    if (who.owner !== who.role) await client.query(`SET LOCAL ROLE ${quoteIdentifier(who.owner)}`);
    if (plan.schema.length > 0) await dropContents(permission);
    else await truncateTables(permission, settings.keepTables);
    const steps = { ...run, digest };
    await runSteps(plan.schema, siteIn(client), steps);
    await runSteps(plan.seeds, siteIn(client), steps);
    await advanceSequences(client);
    await refreshViews(client);
    await checkExpectations(client, settings.expect);
    await client.query("RESET ROLE");
    await commitOpenTransaction(client);
  } catch (error) {
    run.signal.throwIfAborted();
    // Closing the connection rolls back.
    throw sqlStateOf(error) === SQL_STATES.lockNotAvailable ? await inUse(run, site, error) : error;
  }
  await analyze(client, run);
  return { identity, old: undefined, leftOut: [], fromTemplate: false };
}

function siteIn(client: PostgresClient): SeedSite {
  return {
    async inTransaction(work, { name }) {
      await work(client);
      await requireOpen(client, name);
    },
    runCommand: (_command, name) =>
      Promise.reject(
        new DataopsError("usage", `${name}: a command cannot take part in one transaction`, {
          hint: "use `strategy: scratch`",
        }),
      ),
    endsTransaction,
  };
}

async function endSessions(client: PostgresClient, oid: number | null, { reporter }: Run): Promise<void> {
  const sessions = await listSessions(client, oid === null ? [] : [oid]);
  if (sessions.length === 0) return;
  reporter.info(`ending ${describeSessions(sessions)}`);
  for (const session of sessions) await endSession(client, session);
}

/** The connection's transaction has failed: who is in the way is asked over another one. */
async function inUse(run: Run, { identity }: ResetSite, cause: unknown): Promise<unknown> {
  const { target, applicationName, signal, environment } = run;
  await using client = await connect(target.connection, { applicationName, signal, environment });
  const sessions = await listSessions(client, identity.databaseOid === null ? [] : [identity.databaseOid]);
  const by = sessions.length > 0 ? ` by ${describeSessions(sessions)}` : "";
  return new DataopsError("refused", `database ${identity.databaseName} is in use${by}`, {
    hint: "close these sessions, or have them ended with --force",
    cause,
  });
}

/** For the planner; the reset is done. */
async function analyze(client: PostgresClient, { signal, reporter }: Run): Promise<void> {
  try {
    await client.query("ANALYZE");
  } catch {
    signal.throwIfAborted();
    reporter.warn("statistics for the planner could not be collected");
  }
}
