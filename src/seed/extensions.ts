import { DataopsError, messageOf } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { sqlStateOf } from "../postgres/postgres-error.ts";
import { quoteIdentifier } from "../postgres/quote.ts";

/**
 * Creates the extensions that the configuration names, each in the schema `public`, or in the one that it insists on.
 *
 * @throws DataopsError `refused` naming the one that this server, or this role, cannot create
 */
export async function createNamedExtensions(admin: PostgresClient, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [row] = await admin.query<{ schema: string | null }>(
      `SELECT version.schema FROM pg_catalog.pg_available_extensions AS available
         JOIN pg_catalog.pg_available_extension_versions AS version
           ON version.name = available.name AND version.version = available.default_version
        WHERE available.name = $1`,
      [name],
    );
    const schema = row === undefined || row.schema === null ? " SCHEMA public" : "";
    try {
      await admin.query(`CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}${schema}`);
    } catch (error) {
      if (admin.closed || sqlStateOf(error) === undefined) throw error;
      throw new DataopsError("refused", `extension ${name} cannot be created: ${messageOf(error)}`, {
        hint: "install it on the server, connect as a role that may create it, or take it out of `extensions`",
        cause: error,
      });
    }
  }
}
