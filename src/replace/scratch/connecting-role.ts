import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";

/** Who restores, and whose the result is to be. */
export interface ConnectingRole {
  role: string;
  isSuperuser: boolean;
  /** Of the result. */
  owner: string;
  serverVersion: number;
}

/**
 * Reads who `client` is, and whether it may make a database for `owner`.
 *
 * @throws DataopsError `notPermitted` where it is neither the owner, nor a member of it, nor a superuser
 */
export async function readConnectingRole(
  client: PostgresClient,
  { target, owner }: { target: string; owner: string | undefined },
): Promise<ConnectingRole> {
  const [row] = await client.query<ConnectingRole & { mayActAsOwner: boolean } & Record<string, unknown>>(
    `SELECT current_user::text AS role, role.rolsuper AS "isSuperuser",
            coalesce($1, current_user::text) AS owner,
            pg_catalog.pg_has_role(coalesce($1, current_user::text)::name, 'MEMBER') AS "mayActAsOwner",
            pg_catalog.current_setting('server_version_num')::int AS "serverVersion"
       FROM pg_catalog.pg_roles AS role WHERE role.rolname = current_user`,
    [owner ?? null],
  );
  if (row === undefined) throw new Error("the connecting role is not in pg_roles");
  if (!row.mayActAsOwner) {
    throw new DataopsError(
      "notPermitted",
      `database ${target} belongs to role ${row.owner}, and role ${row.role} is not a member of it`,
      { hint: `connect as ${row.owner} or as a superuser, or grant ${row.owner} to ${row.role}` },
    );
  }
  return row;
}
