import type { PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier, quoteLiteral } from "../../postgres/quote.ts";
import { renderSetting } from "./database-settings.ts";
import { addMark, removeMark } from "./old-mark.ts";
import { withParameterHint } from "./parameter-hint.ts";

/** What a database has beside its content, and what a restored one takes over from the one it replaces. */
export interface DatabaseProperties {
  owner: string;
  /** -1: none. */
  connectionLimit: number;
  comment: string | null;
  /** Each privilege that was granted; undefined where none ever was, and the defaults hold. */
  privileges: Privilege[] | undefined;
  /** `ALTER DATABASE … SET`, and `ALTER ROLE … IN DATABASE … SET`. */
  settings: RoleSettings[];
}

export interface Privilege {
  /** Null stands for PUBLIC. */
  grantee: string | null;
  privilege: "CREATE" | "CONNECT" | "TEMPORARY";
  grantable: boolean;
}

export interface RoleSettings {
  /** Null stands for every role. */
  role: string | null;
  /** Each as the server stores it: `name=value`. */
  settings: string[];
}

interface PropertiesRow extends Record<string, unknown> {
  owner: string;
  connectionLimit: number;
  comment: string | null;
  privileges: Privilege[] | null;
  settings: RoleSettings[];
}

/** A database that something is carried from or to. */
interface Place {
  name: string;
  oid: number;
}

/**
 * Gives `scratch` what `target` has, and `target` the mark of a replaced version. For a transaction.
 *
 * @throws DataopsError `notPermitted`
 */
export async function carryOver(client: PostgresClient, target: Place, scratch: Place): Promise<void> {
  const wanted = await readProperties(client, target.oid);
  const present = await readProperties(client, scratch.oid);
  const statements = [
    ...renderCarryOver(scratch.name, present, { ...wanted, comment: removeMark(wanted.comment) }),
    renderComment(target.name, addMark(wanted.comment, target.name)),
  ];
  for (const statement of statements) await withParameterHint(client.query(statement));
}

/**
 * Does to the target itself what `carryOver` would do to another database, and takes it back: nobody sees any of it.
 *
 * @throws DataopsError `notPermitted`
 */
export async function rehearseCarryOver(client: PostgresClient, target: Place): Promise<void> {
  await client.query("BEGIN READ WRITE");
  try {
    await carryOver(client, target, target);
  } finally {
    await client.query("ROLLBACK");
  }
}

/** Reads them of the database with this oid. */
export async function readProperties(client: PostgresClient, oid: number): Promise<DatabaseProperties> {
  const [row] = await client.query<PropertiesRow>(
    `SELECT pg_catalog.pg_get_userbyid(database.datdba) AS owner,
            database.datconnlimit AS "connectionLimit",
            pg_catalog.shobj_description(database.oid, 'pg_database') AS comment,
            (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                      'grantee', CASE WHEN entry.grantee <> 0 THEN pg_catalog.pg_get_userbyid(entry.grantee) END,
                      'privilege', entry.privilege_type,
                      'grantable', entry.is_grantable))
               FROM pg_catalog.aclexplode(database.datacl) AS entry
              WHERE database.datacl IS NOT NULL) AS privileges,
            database.datacl IS NOT NULL AS "hasPrivileges",
            (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                      'role', CASE WHEN setting.setrole <> 0 THEN pg_catalog.pg_get_userbyid(setting.setrole) END,
                      'settings', setting.setconfig)), '[]')
               FROM pg_catalog.pg_db_role_setting AS setting
              WHERE setting.setdatabase = database.oid) AS settings
       FROM pg_catalog.pg_database AS database
      WHERE database.oid = $1`,
    [oid],
  );
  if (row === undefined) throw new Error(`there is no database with oid ${oid}`);
  const { owner, connectionLimit, comment, settings } = row;
  const privileges = row["hasPrivileges"] === true ? (row.privileges ?? []) : undefined;
  return { owner, connectionLimit, comment, privileges, settings };
}

/** The statements that give database `name`, which has `present`, the properties `wanted`. Pure. */
function renderCarryOver(name: string, present: DatabaseProperties, wanted: DatabaseProperties): string[] {
  const database = quoteIdentifier(name);
  return [
    ...(present.owner === wanted.owner
      ? []
      : [`ALTER DATABASE ${database} OWNER TO ${quoteIdentifier(wanted.owner)}`]),
    ...(present.connectionLimit === wanted.connectionLimit
      ? []
      : [`ALTER DATABASE ${database} CONNECTION LIMIT ${wanted.connectionLimit}`]),
    ...(present.comment === wanted.comment ? [] : [renderComment(name, wanted.comment)]),
    ...renderPrivileges(database, present, wanted),
    ...present.settings.map(({ role }) => `${renderSettingsOf(role, database)} RESET ALL`),
    ...wanted.settings.flatMap(({ role, settings }) =>
      settings.map((setting) => `${renderSettingsOf(role, database)} ${renderSetting(setting)}`),
    ),
  ];
}

/** `COMMENT ON DATABASE`; null takes the comment away. */
export function renderComment(name: string, comment: string | null): string {
  return `COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${comment === null ? "NULL" : quoteLiteral(comment)}`;
}

/** What everyone and the owner have without any GRANT. */
function defaultPrivileges(owner: string): Privilege[] {
  return [
    ...(["CONNECT", "TEMPORARY"] as const).map((privilege) => ({
      grantee: null,
      privilege,
      grantable: false,
    })),
    ...(["CREATE", "CONNECT", "TEMPORARY"] as const).map((privilege) => ({
      grantee: owner,
      privilege,
      grantable: false,
    })),
  ];
}

/** Everything is taken, then what is wanted is granted: by the owner, whoever granted it before. */
function renderPrivileges(
  database: string,
  present: DatabaseProperties,
  wanted: DatabaseProperties,
): string[] {
  if (present.privileges === undefined && wanted.privileges === undefined) return [];
  const granted = wanted.privileges ?? defaultPrivileges(wanted.owner);
  const holders = new Set<string | null>([
    null,
    wanted.owner,
    ...(present.privileges ?? []).map(({ grantee }) => (grantee === present.owner ? wanted.owner : grantee)),
  ]);
  return [
    ...[...holders].map(
      (grantee) => `REVOKE ALL ON DATABASE ${database} FROM ${renderGrantee(grantee)} CASCADE`,
    ),
    ...granted.map(
      ({ grantee, privilege, grantable }) =>
        `GRANT ${privilege} ON DATABASE ${database} TO ${renderGrantee(grantee)}${grantable ? " WITH GRANT OPTION" : ""}`,
    ),
  ];
}

function renderGrantee(grantee: string | null): string {
  return grantee === null ? "PUBLIC" : quoteIdentifier(grantee);
}

function renderSettingsOf(role: string | null, database: string): string {
  return role === null
    ? `ALTER DATABASE ${database}`
    : `ALTER ROLE ${quoteIdentifier(role)} IN DATABASE ${database}`;
}
