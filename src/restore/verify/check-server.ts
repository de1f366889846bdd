import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { findStamp } from "../../postgres/database-stamp.ts";
import { readArrival } from "../../replace/guard/arrival.ts";
import { isProduction } from "../../replace/guard/guard.ts";

/** The server that a verification would restore into, as it tells itself. */
export interface VerifyServerFacts {
  /** Undefined where this role may not read it. */
  systemIdentifier: string | undefined;
  /** Whether the server is a standby. */
  inRecovery: boolean;
  /** A database of it that is stamped as production. */
  stampedProduction: string | undefined;
}

export interface VerifyServerRequest {
  /** The name of the database in the configuration whose server it is, and its environment. */
  configuredName: string;
  environment: string;
  /** Of the server that the backup was made of. */
  sourceSystemIdentifier: string;
  /** Whether the configuration says that it may be that server, or one of production. */
  allowSourceServer: boolean;
}

/**
 * Why a backup may not be restored into this server for verification; undefined where it may. To load a whole database would
 * take memory, disk and time from what production does there, though it would destroy nothing. Pure.
 */
export function judgeVerifyServer(
  facts: VerifyServerFacts,
  request: VerifyServerRequest,
): { reason: string; hint: string } | undefined {
  const { configuredName, environment, sourceSystemIdentifier } = request;
  if (facts.inRecovery) {
    return { reason: `the server of ${configuredName} is a standby`, hint: "give the primary's address" };
  }
  if (request.allowSourceServer) return undefined;
  const hint =
    "name another server's database under verify, or, if it is meant to be this one, set allowSourceServer: true there";
  if (isProduction(environment)) {
    return {
      reason: `${configuredName}, whose server the verification would use, is configured as ${environment}`,
      hint,
    };
  }
  if (facts.systemIdentifier === undefined) {
    return {
      reason: `the server of ${configuredName} does not tell its identity, and may be the one that the backup was made of`,
      hint: `grant EXECUTE on pg_control_system() to this user, or ${hint}`,
    };
  }
  if (facts.systemIdentifier === sourceSystemIdentifier) {
    return {
      reason: `the server of ${configuredName} is the one that the backup was made of, or a copy of it`,
      hint,
    };
  }
  if (facts.stampedProduction !== undefined) {
    return {
      reason: `database ${facts.stampedProduction} on the server of ${configuredName} is stamped as production`,
      hint,
    };
  }
  return undefined;
}

/**
 * Looks at where `maintenance` arrived, and goes on only where a verification may restore there.
 *
 * @throws DataopsError `refused`
 */
export async function checkVerifyServer(
  maintenance: PostgresClient,
  request: VerifyServerRequest,
): Promise<void> {
  const { systemIdentifier, inRecovery } = await readArrival(maintenance);
  const stampedProduction = await findStampedProduction(maintenance);
  const refusal = judgeVerifyServer({ systemIdentifier, inRecovery, stampedProduction }, request);
  if (refusal !== undefined) throw new DataopsError("refused", refusal.reason, { hint: refusal.hint });
}

async function findStampedProduction(client: PostgresClient): Promise<string | undefined> {
  const rows = await client.query<{ name: string; settings: string[] | null; comment: string | null }>(
    `SELECT database.datname::text AS name, setting.setconfig AS settings,
            pg_catalog.shobj_description(database.oid, 'pg_database') AS comment
       FROM pg_catalog.pg_database AS database
       LEFT JOIN pg_catalog.pg_db_role_setting AS setting
         ON setting.setdatabase = database.oid AND setting.setrole = 0`,
  );
  const found = rows.find(({ settings, comment }) =>
    [findStamp(settings ?? [], null), findStamp([], comment)].some((stamp) => isProduction(stamp ?? "")),
  );
  return found?.name;
}
