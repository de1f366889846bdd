import type { PostgresClient } from "../../postgres/client.ts";
import { SQL_STATES, sqlStateOf } from "../../postgres/postgres-error.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import { stampOf, startStamp } from "../../repository/backup-id.ts";
import { scratchName, templateDraftName, templateRoleName, temporaryRoleName } from "./names.ts";

/** Milliseconds after which a run that left something behind is certainly over. */
const AGE = 24 * 60 * 60 * 1000;

/** The end of a scratch database's or an unfinished template's name: its run, which begins with a UTC time. */
const DATABASE_RUN = /__(?:new|template)_(\d{8}T\d{6}Z-[a-z0-9]+)$/;
const ROLE_RUN = /^dataops_(?:restore|template)_(\d{8}T\d{6}Z-[a-z0-9]+)$/;

/**
 * Drops the scratch databases and unfinished templates of `target`, and the temporary roles, that runs which crashed left
 * behind: those older than a day with nobody connected. Also roles of templates that somebody dropped.
 *
 * @param now milliseconds since the epoch
 * @returns the names of what was dropped
 */
export async function clearLeftovers(
  maintenance: PostgresClient,
  target: string,
  now: number = Date.now(),
): Promise<string[]> {
  const dropped: string[] = [];
  for (const name of await readDatabases(maintenance)) {
    if (!isAbandonedDatabase(name, target, now)) continue;
    // Not by force: whoever connected meanwhile keeps it.
    if (await drops(maintenance, `DROP DATABASE ${quoteIdentifier(name)}`)) dropped.push(name);
  }
  for (const name of await readIdleRoles(maintenance)) {
    if (!isAbandonedRole(name, now)) continue;
    if (await drops(maintenance, `DROP ROLE ${quoteIdentifier(name)}`)) dropped.push(name);
  }
  return dropped;
}

/** Whether `name` is of what a run for `target` was building in, and that run began long enough ago. Pure. */
function isAbandonedDatabase(name: string, target: string, now: number): boolean {
  const runId = DATABASE_RUN.exec(name)?.[1];
  if (runId === undefined || !isOld(runId, now)) return false;
  return scratchName(target, runId) === name || templateDraftName(target, runId) === name;
}

/** Whether `name` is of a role that a run made which began long enough ago. Pure. */
function isAbandonedRole(name: string, now: number): boolean {
  const runId = ROLE_RUN.exec(name)?.[1];
  if (runId === undefined || !isOld(runId, now)) return false;
  return temporaryRoleName(runId) === name || templateRoleName(runId) === name;
}

function isOld(runId: string, now: number): boolean {
  return startStamp(runId) < stampOf(new Date(now - AGE).toISOString());
}

async function readDatabases(client: PostgresClient): Promise<string[]> {
  const rows = await client.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_catalog.pg_database AS database
      WHERE NOT datistemplate
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS session WHERE session.datid = database.oid)`,
  );
  return rows.map(({ name }) => name);
}

/** Roles that nothing depends on: a scratch database or a template that is still there, of whatever target, needs its role. */
async function readIdleRoles(client: PostgresClient): Promise<string[]> {
  const rows = await client.query<{ name: string }>(
    `SELECT rolname::text AS name FROM pg_catalog.pg_roles AS role
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend
                         WHERE refclassid = 'pg_catalog.pg_authid'::regclass AND refobjid = role.oid)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS session WHERE session.usesysid = role.oid)`,
  );
  return rows.map(({ name }) => name);
}

/** What another role left is another's to clear; what somebody uses, or something depends on, stays. */
const NOT_OURS_TO_DROP: ReadonlySet<string | undefined> = new Set([
  SQL_STATES.insufficientPrivilege,
  SQL_STATES.objectInUse,
  "2BP01", // dependent objects still exist
  "3D000", // another run was faster
  "42704",
]);

async function drops(client: PostgresClient, statement: string): Promise<boolean> {
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    if (!NOT_OURS_TO_DROP.has(sqlStateOf(error))) throw error;
    return false;
  }
}
