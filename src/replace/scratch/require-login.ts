import { DataopsError, isDataopsError, messageOf } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import type { TemporaryRole } from "./temporary-role.ts";

/**
 * Tries whether the loader can log in, before anything is loaded.
 *
 * @param role the role made for loading; undefined where the connecting role loads
 * @throws DataopsError `refused` where that role cannot; else as `connect` does
 */
export async function requireLogin(
  scratch: { connectAsLoader(): Promise<PostgresClient> },
  role: TemporaryRole | undefined,
): Promise<void> {
  try {
    await using client = await scratch.connectAsLoader();
    await client.query("SELECT 1");
  } catch (error) {
    if (role?.password === undefined || !isDataopsError(error, "notPermitted")) throw error;
    throw new DataopsError(
      "refused",
      `the role made for loading the backup cannot log in: ${messageOf(error)}`,
      {
        hint: "allow logins with a password (scram-sha-256) in pg_hba.conf, connect over TCP, connect as a role that is no superuser, or pass --as-superuser if you trust what the backup holds",
        cause: error,
      },
    );
  }
}
