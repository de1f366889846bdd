import { DataopsError, isDataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier, quoteLiteral } from "../../postgres/quote.ts";
import { findStamp, stampComment, STAMP_SETTING } from "../../postgres/database-stamp.ts";
import { readArrival } from "./arrival.ts";
import { renderComment } from "../swap/carry-over.ts";
import { withParameterHint } from "../swap/parameter-hint.ts";

/** A database about to be stamped: what a person is shown before saying yes. */
export interface StampTarget {
  /** The server's own address; undefined through a Unix socket. */
  address: { host: string; port: number } | undefined;
  /** Undefined where this role may not read it. */
  systemIdentifier: string | undefined;
  /** Where the connection arrived, whatever its settings said. */
  databaseName: string;
  databaseOid: number;
  /** Tables of the users. */
  tables: number;
  /** Bytes on the server's disk. */
  size: number;
  /** The present stamp. */
  stamp: string | undefined;
  /** Whether it is a setting: then a comment beside it would not do. */
  isSetting: boolean;
  comment: string | null;
}

/** Lowercase, so that two spellings are never two environments. */
const ENVIRONMENT = /^[a-z][a-z0-9_-]{0,31}$/;

interface StampRow extends Record<string, unknown> {
  host: string | null;
  port: number | null;
  tables: string;
  size: string;
  settings: string[] | null;
  comment: string | null;
}

/** Reads where `client` arrived, and what would be stamped. */
export async function readStampTarget(client: PostgresClient): Promise<StampTarget> {
  const arrival = await readArrival(client);
  const [row] = await client.query<StampRow>(
    `SELECT pg_catalog.host(pg_catalog.inet_server_addr()) AS host,
            pg_catalog.inet_server_port() AS port,
            (SELECT pg_catalog.count(*)
               FROM pg_catalog.pg_class AS relation
               JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
              WHERE relation.relkind IN ('r', 'p') AND NOT relation.relispartition
                AND relation.relpersistence <> 't'
                AND namespace.nspname NOT IN ('pg_catalog', 'information_schema'))::text AS tables,
            pg_catalog.pg_database_size(pg_catalog.current_database())::text AS size,
            (SELECT setting.setconfig
               FROM pg_catalog.pg_db_role_setting AS setting
              WHERE setting.setdatabase = $1 AND setting.setrole = 0) AS settings,
            pg_catalog.shobj_description($1, 'pg_database') AS comment`,
    [arrival.databaseOid],
  );
  if (row === undefined) throw new Error("a query without a table returned no row");
  return {
    address: row.host === null || row.port === null ? undefined : { host: row.host, port: row.port },
    systemIdentifier: arrival.systemIdentifier,
    databaseName: arrival.database,
    databaseOid: arrival.databaseOid,
    tables: Number(row.tables),
    size: Number(row.size),
    stamp: findStamp(row.settings ?? [], row.comment),
    isSetting: findStamp(row.settings ?? [], null) !== undefined,
    comment: row.comment,
  };
}

/**
 * Stamps the database that `client` is connected to, provided that it is still the one that was shown: by a setting, or, where the role
 * may not make one, as on RDS, in the database's comment.
 *
 * @returns where the stamp stands
 * @throws DataopsError `usage` (the environment's name), `refused` (another database by now), `notPermitted`
 */
export async function writeStamp(
  client: PostgresClient,
  target: StampTarget,
  environment: string,
): Promise<"setting" | "comment"> {
  if (!ENVIRONMENT.test(environment)) {
    throw new DataopsError("usage", `${JSON.stringify(environment)} is no name of an environment`, {
      hint: "lowercase letters, digits, _ and -, a letter first, 32 at most: production, staging, development",
    });
  }
  const present = await readArrival(client);
  const isSame =
    present.systemIdentifier === target.systemIdentifier &&
    present.databaseOid === target.databaseOid &&
    present.database === target.databaseName;
  if (!isSame) {
    throw new DataopsError("refused", `database ${target.databaseName} is no longer the one that was shown`, {
      hint: "look at it, then run this again",
    });
  }
  try {
    await writeSetting(client, target.databaseName, environment);
  } catch (error) {
    if (!isDataopsError(error, "notPermitted") || target.isSetting) throw error;
    await writeComment(client, target, environment);
    return "comment";
  }
  await writeComment(client, target, null);
  return "setting";
}

function writeSetting(client: PostgresClient, database: string, environment: string): Promise<void> {
  const setting = STAMP_SETTING.split(".").map(quoteIdentifier).join(".");
  return withParameterHint(
    client.query(`ALTER DATABASE ${quoteIdentifier(database)} SET ${setting} = ${quoteLiteral(environment)}`),
  );
}

async function writeComment(
  client: PostgresClient,
  { databaseName, comment }: StampTarget,
  environment: string | null,
): Promise<void> {
  const wanted = stampComment(comment, environment);
  if (wanted !== comment) await client.query(renderComment(databaseName, wanted));
}
